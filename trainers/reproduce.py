"""`relucid reproduce`: lists the recipes, or makes a published figure or table again."""

from pathlib import Path

import click

from ..analyzer.cli.progress import progress
from .recipes import RECIPES, Order, recipe

PATH = click.Path(path_type=Path)


def _words(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
    """The parts between commas."""
    del ctx, param
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _numbers(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, ...]:
    """The parts between commas, each a whole number of at least 1."""
    return tuple(click.IntRange(1).convert(part, param, ctx) for part in _words(ctx, param, value))


@click.command(short_help="make a published figure or table again")
@click.argument("name", required=False)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Where csv and png go; NAME by default.")
@click.option("--quick", is_flag=True, help="The few cells that show the point, in minutes.")
@click.option("--seed", type=int, default=10, show_default=True, help="Of weights, masks and orders; 10 was published.")
@click.option("--device", default="cpu", show_default=True, help="Where to train, as torch names it.")
@click.option("--data", type=PATH, help="The data, where the recipe needs some (mnist).")
@click.option("--published", type=PATH, help="Csv of published numbers to put beside: method,width,depth,metric,value.")
@click.option(
    "--methods", default="", callback=_words, metavar="A,B", help="Which methods; the recipe's own choice by default."
)
@click.option("--widths", default="", callback=_numbers, metavar="N,N", help="Units or channels of a layer; likewise.")
@click.option("--depths", default="", callback=_numbers, metavar="N,N", help="Numbers of hidden layers; likewise.")
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
    published: Path | None,
    methods: tuple[str, ...],
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
            click.echo(f"{known:<8} {summary}")
        return
    order = Order(
        out=out or Path(name),
        quick=quick,
        seed=seed,
        device=device,
        data=data,
        published=published,
        methods=methods,
        widths=widths,
        depths=depths,
        epochs=epochs,
        limit=limit,
    )
    made = recipe(name)
    with progress(name, total=made.steps(order)) as told:
        lines = made.run(order, told or (lambda _: None))
    for line in lines:
        click.echo(line)
