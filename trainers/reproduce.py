"""The command `relucid reproduce`: list the recipes, or reproduce a published figure or table."""

import importlib
from pathlib import Path

import click

from ..analyzer.cli.output import show_progress
from ..analyzer.errors import OptionError
from .recipes import RECIPES, RunConfig, find_recipe

PATH = click.Path(path_type=Path)


def _split_words(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Split an option at its commas."""
    del ctx, param
    return tuple(part.strip() for part in (value or "").split(",") if part.strip())


def _split_numbers(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...]:
    """Split an option at its commas into integers of at least 1."""
    return tuple(click.IntRange(1)(part, param, ctx) for part in _split_words(ctx, param, value))


@click.command(short_help="reproduce a published figure or table")
@click.argument("name", required=False)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder to write to; NAME by default.")
@click.option("--quick", is_flag=True, help="A few cells that show the effect, in minutes.")
@click.option(
    "--seed", type=int, default=10, show_default=True, help="Seed of weights, masks and orders; 10 was published."
)
@click.option("--device", default="cpu", show_default=True, help="Torch device to train on.")
@click.option("--data", type=PATH, help="Data set, for recipes that need one.")
@click.option("--models", type=PATH, help="Folder of trained ONNX models (psb).")
@click.option("--published", type=PATH, help="Csv of published numbers: method,width,depth,metric,value.")
@click.option("--methods", callback=_split_words, metavar="A,B", help="Methods; default: as the recipe defines.")
@click.option("--nets", callback=_split_words, metavar="A,B", help="Networks; default: as the recipe defines.")
@click.option("--seeds", type=click.IntRange(1), help="Number of seeds, counted up from --seed.")
@click.option("--widths", callback=_split_numbers, metavar="N,N", help="Units or channels per hidden layer.")
@click.option("--depths", callback=_split_numbers, metavar="N,N", help="Numbers of hidden layers.")
@click.option("--epochs", type=click.IntRange(1), help="Number of epochs; default: as published.")
@click.option("--limit", type=click.IntRange(1), help="Number of training samples; default: all.")
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
    """Reproduce a published figure or table: write NAME.csv, from which a stopped run continues, and NAME.png.

    Without NAME, list the recipes.
    """
    if name is None:
        for known, summary in RECIPES.items():
            click.echo(f"{known:<11} {summary}")
        return
    config = RunConfig(
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
    recipe = find_recipe(name)
    _check_device(device)
    _make_folder(config.out)
    with show_progress(name, total=recipe.steps(config)) as advance:
        lines = recipe.run(config, advance or (lambda _: None))
    for line in lines:
        click.echo(line)


def _check_device(device: str) -> None:
    torch = importlib.import_module("torch")  # find_recipe has checked that it is installed
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        why = str(error).splitlines()[0]
        raise OptionError(
            f"--device: expected one that torch can use here, such as cpu, got {device!r} ({why})"
        ) from error


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"--out: cannot make the folder {out}: {error.strerror}; choose another place") from error
