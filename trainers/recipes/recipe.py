"""The configuration of a run, the argument of `steps` and `run` of every recipe."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunConfig:
    """Options of a recipe; an empty tuple or None selects the default of the recipe.

    Args:
        out: folder of the csv and png files.
        quick: whether to run only a few cells that show the effect, in minutes.
        seed: seed of weights, masks and orders.
        device: torch device to train on.
        data: data set, for recipes that need one.
        models: folder of trained ONNX models, for recipes that evaluate some.
        published: csv file of the published numbers to compare with.
        methods: methods of the recipe.
        nets: networks of the recipe.
        seeds: number of seeds, counted up from `seed`.
        epochs: passes over the data; by default as many as published.
        limit: number of training samples; by default all.
        widths: units or channels of a hidden layer.
        depths: numbers of hidden layers.
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
