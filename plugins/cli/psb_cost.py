"""`relucid psb-cost`: shifts, additions and random bits of a rewritten model."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...analyzer.cli.shared_options import PATH, parse_pairs
from .psb_tables import print_costs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..psb import Cost


def _parse_numbers(ctx: click.Context, parameter: click.Parameter, text: str) -> tuple[int, ...]:
    """Parse `1,4,16`."""
    del ctx
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() for part in parts):
        raise click.BadParameter(f"expected whole numbers such as 1,4,16, got {text!r}", param=parameter)
    return tuple(int(part) for part in parts)


def _parse_sizes(ctx: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Parse any number of `x=3,224,224`."""
    return {name: _parse_numbers(ctx, parameter, text) for name, text in parse_pairs(ctx, parameter, texts).items()}


@click.command(short_help="count shifts, additions and random bits of a rewritten model, node by node")
@click.argument("model", type=PATH)
@click.option(
    "--samples", default="1,4,16", callback=_parse_numbers, show_default=True, metavar="N,N", help="Numbers of samples."
)
@click.option("--base", type=int, help="With attention: samples of the first pass, or of the weights not selected.")
@click.option(
    "--coverage", type=float, default=0.34, show_default=True, help="With a mask: share of the positions inside it."
)
@click.option(
    "--size",
    "size",
    multiple=True,
    callback=_parse_sizes,
    metavar="INPUT=N,N",
    help="Shape of one sample, where the model has symbolic dimensions; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(
    *,
    model: Path,
    samples: tuple[int, ...],
    base: int | None,
    coverage: float,
    size: dict[str, tuple[int, ...]],
    as_json: bool,
) -> None:
    """Count the shifts, additions and random bits of MODEL, a result of `relucid psb`, for one image."""
    from ..psb import cost  # noqa: PLC0415 - keeps `relucid --help` light

    without = cost(model, samples=samples, base=base, size=size)
    within = cost(model, samples=samples, base=base, coverage=coverage, size=size)
    two_passes = within[0].two_passes
    if as_json:
        _print_json(without, within if two_passes else ())
    else:
        print_costs(without, within if two_passes else ())


def _print_json(without: "Sequence[Cost]", within: "Sequence[Cost]") -> None:
    from dataclasses import asdict  # noqa: PLC0415

    def to_dicts(costs: "Sequence[Cost]") -> list[dict[str, object]]:
        sums = [
            {name: getattr(one, name) for name in ("shifts", "adds", "random_bits", "weight_bits")} for one in costs
        ]
        return [asdict(one) | total for one, total in zip(costs, sums, strict=True)]

    click.echo(json.dumps({"without_mask": to_dicts(without), "with_mask": to_dicts(within)}, indent=2))
