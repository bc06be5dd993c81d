"""`relucid reproduce`: lists the recipes, or makes a published figure or table again."""

import importlib
from pathlib import Path

import click

from ..analyzer.cli.output import show_progress
from ..analyzer.errors import OptionError
from .recipes import RECIPES, RunConfig, find_recipe

PATH = click.Path(path_type=Path)


def _words(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """The parts between commas."""
    del ctx, param
    return tuple(part.strip() for part in (value or "").split(",") if part.strip())


def _numbers(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...]:
    """The parts between commas, each a whole number of at least 1."""
    return tuple(click.IntRange(1)(part, param, ctx) for part in _words(ctx, param, value))


@click.command(short_help="make a published figure or table again")
@click.argument("name", required=False)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Where csv and png go; NAME by default.")
@click.option("--quick", is_flag=True, help="The few cells that show the point, in minutes.")
@click.option("--seed", type=int, default=10, show_default=True, help="Of weights, masks and orders; 10 was published.")
@click.option("--device", default="cpu", show_default=True, help="Where to train, as torch names it.")
@click.option("--data", type=PATH, help="The data, where the recipe needs some (mnist).")
@click.option("--models", type=PATH, help="Folder of trained ONNX models, where the recipe looks at some (psb).")
@click.option("--published", type=PATH, help="Csv of published numbers to put beside: method,width,depth,metric,value.")
@click.option("--methods", callback=_words, metavar="A,B", help="Which methods; the recipe's own choice by default.")
@click.option("--nets", callback=_words, metavar="A,B", help="Which networks; likewise.")
@click.option("--seeds", type=click.IntRange(1), help="How many seeds, from --seed on; likewise.")
@click.option("--widths", callback=_numbers, metavar="N,N", help="Units or channels of a layer; likewise.")
@click.option("--depths", callback=_numbers, metavar="N,N", help="Numbers of hidden layers; likewise.")
@click.option("--epochs", type=click.IntRange(1), help="As many as published by default.")
@click.option("--limit", type=click.IntRange(1), help="Samples to train on; all by default.")
def command(
    *,
    name: str | None,
    out: Path | None,
    quick: bool,
    seed: int,
    device: str,
    data: Path | None,
    models: Path | None,
    published: Path | None,
    methods: tuple[str, ...],
    nets: tuple[str, ...],
    seeds: int | None,
    widths: tuple[int, ...],
    depths: tuple[int, ...],
    epochs: int | None,
    limit: int | None,
) -> None:
    """Make a published figure or table again: NAME.csv, which a stopped run goes on from, and NAME.png.

    Without NAME, list what there is.
    """
    if name is None:
        for known, summary in RECIPES.items():
            click.echo(f"{known:<11} {summary}")
        return
    order = RunConfig(
        out=out or Path(name),
        quick=quick,
        seed=seed,
        device=device,
        data=data,
        models=models,
        published=published,
        methods=methods,
        nets=nets,
        seeds=seeds,
        widths=widths,
        depths=depths,
        epochs=epochs,
        limit=limit,
    )
    made = find_recipe(name)
    _check_device(device)
    _make_folder(order.out)
    with show_progress(name, total=made.steps(order)) as told:
        lines = made.run(order, told or (lambda _: None))
    for line in lines:
        click.echo(line)


def _check_device(device: str) -> None:
    torch = importlib.import_module("torch")  # which every recipe has asked for
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        why = str(error).splitlines()[0]
        raise OptionError(f"--device: wanted one that torch can use here, as cpu, got {device!r} ({why})") from error


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"--out: cannot make the folder {out}: {error.strerror}; choose another place") from error
