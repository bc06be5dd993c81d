"""What a recipe is: a published figure or table, made again from an order."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunConfig:
    """What somebody wants of a recipe.

    Args:
        out: folder of the csv and png files.
        quick: the few cells that show the point, in minutes.
        seed: of first weights, masks and orders.
        device: where to train, as torch names it.
        data: the data, where the recipe needs some.
        models: folder of trained ONNX models, where the recipe looks at some.
        published: csv file of the published numbers to put beside.
        methods: which of the recipe's methods; none for its own choice.
        nets: which of the recipe's networks; likewise.
        seeds: how many seeds, counted up from `seed`; None for the recipe's own choice.
        epochs: passes over the data; None for as many as published.
        limit: samples to train on; None for all.
        widths: units or channels of a hidden layer; none for the recipe's own choice.
        depths: numbers of hidden layers; none for the recipe's own choice.
    """

    out: Path
    quick: bool = False
    seed: int = 10
    device: str = "cpu"
    data: Path | None = None
    models: Path | None = None
    published: Path | None = None
    methods: tuple[str, ...] = ()
    nets: tuple[str, ...] = ()
    seeds: int | None = None
    epochs: int | None = None
    limit: int | None = None
    widths: tuple[int, ...] = ()
    depths: tuple[int, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """A published figure or table.

    Args:
        steps: how many steps an order takes, for a progress bar.
        run: makes it, tells of each step done, and gives what there is to say, line by line.
    """

    steps: Callable[[RunConfig], int]
    run: Callable[[RunConfig, Callable[[int], None]], list[str]]
