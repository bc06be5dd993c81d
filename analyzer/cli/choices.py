"""Options that several commands share, and how their texts are read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

PATH = click.Path(path_type=Path)


def commas(ctx: click.Context, parameter: click.Parameter, text: str | None) -> list[str] | None:
    """`a,b` as ["a", "b"]."""
    del ctx, parameter
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def pairs(ctx: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """`A=B`, given any number of times, as {"A": "B"}; the last = divides, since names may hold one."""
    del ctx
    found = {}
    for text in texts:
        name, divided, value = text.rpartition("=")
        if not divided or not name or not value:
            raise click.BadParameter(f"wants NAME=VALUE, got {text!r}", param=parameter)
        found[name] = value
    return found


def axes(ctx: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, int]:
    """`SITE=AXIS`, given any number of times."""
    found = {}
    for name, value in pairs(ctx, parameter, texts).items():
        if not value.lstrip("-").isdigit():
            raise click.BadParameter(f"wants SITE=AXIS with a whole number, got {name}={value}", param=parameter)
        found[name] = int(value)
    return found


def shard(ctx: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    """`I/N` as (I, N)."""
    del ctx
    if text is None:
        return None
    part, divided, total = text.partition("/")
    if not divided or not part.isdigit() or not total.isdigit():
        raise click.BadParameter(f"wants I/N such as 0/4, got {text!r}", param=parameter)
    return int(part), int(total)


def all_of(*decorators: Decorator) -> Decorator:
    """One decorator that applies several, so that help lists them in this order."""

    def apply(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


which_sites = all_of(
    click.option(
        "--sites", callback=commas, metavar="GLOB", help="Only these sites (names or globs, comma separated)."
    ),
    click.option("--kinds", callback=commas, metavar="A,B", help="Only these kinds, as `relucid sites` names them."),
)
telling = all_of(
    click.option("--out", type=PATH, metavar="DIR", help="Write report.json, units.csv and report.html there."),
    click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
    click.option("--fail-if", metavar="EXPR", help="Exit with 1 if a site satisfies it, as in 'dead_units > 0.2'."),
)
