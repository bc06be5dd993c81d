"""Options shared by several commands, and the parsers of their values; light to import."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

PATH = click.Path(path_type=Path)


def parse_list(ctx: click.Context, parameter: click.Parameter, text: str | None) -> list[str] | None:
    """Parse `a,b` as ["a", "b"]."""
    del ctx, parameter
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def parse_pairs(ctx: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """Parse repeated `A=B` as {"A": "B"}; the last = separates, since a name may contain one."""
    del ctx
    pairs = {}
    for text in texts:
        name, separator, value = text.rpartition("=")
        if not separator or not name or not value:
            raise click.BadParameter(f"expected NAME=VALUE, got {text!r}", param=parameter)
        pairs[name] = value
    return pairs


def parse_axes(ctx: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, int]:
    """Parse repeated `SITE=AXIS` as {"SITE": AXIS}."""
    axes = {}
    for name, value in parse_pairs(ctx, parameter, texts).items():
        if not value.lstrip("-").isdigit():
            raise click.BadParameter(f"expected SITE=AXIS with an integer, got {name}={value}", param=parameter)
        axes[name] = int(value)
    return axes


def parse_shard(ctx: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    """Parse `I/N` as (I, N)."""
    del ctx
    if text is None:
        return None
    shard, separator, shards = text.partition("/")
    if not separator or not shard.isdigit() or not shards.isdigit():
        raise click.BadParameter(f"expected I/N such as 0/4, got {text!r}", param=parameter)
    return int(shard), int(shards)


def combine_options(*decorators: Decorator) -> Decorator:
    """Return one decorator that applies several, listed by `--help` in this order."""

    def apply(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


site_options = combine_options(
    click.option(
        "--sites",
        callback=parse_list,
        metavar="GLOB",
        help="Analyse only these sites: names or globs, comma separated.",
    ),
    click.option(
        "--kinds",
        callback=parse_list,
        metavar="A,B",
        help="Analyse only sites of these kinds, listed by `relucid sites`.",
    ),
)
report_options = combine_options(
    click.option(
        "--out", type=PATH, metavar="DIR", help="Write report.json, units.csv and report.html to this folder."
    ),
    click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
    click.option(
        "--fail-if", metavar="EXPR", help="Exit with 1 if the condition is true at a site, as in 'dead_units > 0.2'."
    ),
)
