"""Tables that the PSB commands print, and an option that they parse."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ...analyzer.cli.shared_options import parse_pairs

if TYPE_CHECKING:
    from rich.table import Table

    from ..psb import Cost, Verification


def parse_node_samples(ctx: click.Context, parameter: click.Parameter, texts: tuple[str, ...]) -> dict[str, int]:
    """Parse any number of `GLOB=N`."""
    samples = {}
    for pattern, number in parse_pairs(ctx, parameter, texts).items():
        if not number.isdigit():
            raise click.BadParameter(f"expected GLOB=N with a whole number, got {pattern}={number}", param=parameter)
        samples[pattern] = int(number)
    return samples


def print_verification(found: "Verification") -> None:
    """Print the errors of outputs and sites."""
    outputs = _table("output", "rms error", "relative", "largest", "same decision")
    for output in found.outputs:
        same = "-" if output.agreement is None else f"{output.agreement:.1%}"
        _row(outputs, output.name, f"{output.rms:.4g}", f"{output.relative:.2%}", f"{output.largest:.4g}", same)
    sites = _table("site", "rms error", "relative", "largest", "decisions flipped")
    for site in found.sites:
        _row(sites, site.name, f"{site.rms:.4g}", f"{site.relative:.2%}", f"{site.largest:.4g}", f"{site.flipped:.2%}")
    notes = [f"{found.images} images; rewritten model against float model"]
    if found.accuracy_before is not None and found.accuracy_after is not None:
        notes.append(f"accuracy: float {found.accuracy_before:.2%}, rewritten {found.accuracy_after:.2%}")
    if found.missing:
        notes.append(f"sites without a value in the rewritten model, not compared: {', '.join(found.missing)}")
    _print([outputs, *([sites] if found.sites else [])], notes)


def print_costs(without: "Sequence[Cost]", within: "Sequence[Cost]") -> None:
    """Print the cost of one image: all nodes together and, at the last number of samples, each node."""
    totals = _table("samples", "shifts", "additions", "random bits", *(["shifts, masked", "of all"] if within else []))
    for index, one in enumerate(without):
        cells = [f"{one.shifts:,}", f"{one.adds:,}", f"{one.random_bits:,}"]
        if within:
            cells += [f"{within[index].shifts:,}", f"{within[index].shifts / one.shifts:.1%}"]
        _row(totals, str(one.samples), *cells)
    last = (within or without)[-1]
    nodes = _table("node", "kind", "pass", "weights", "not 0", "bits each", "shifts", "additions", "random bits")
    for node in last.nodes:
        counts = (node.weights, node.nonzero, node.weight_bits, node.shifts, node.adds, node.random_bits)
        _row(nodes, node.name, node.kind, node.turn, *(f"{count:,}" for count in counts))
    notes = [f"per image; the nodes at {last.samples} samples; all weights {last.weight_bits / 8:,.0f} bytes"]
    if last.two_passes:
        notes.append(f"first pass {last.base} samples; {last.coverage:.0%} of the positions inside the mask")
    elif last.base is not None:
        share = sum(node.refined for node in last.nodes) / max(1, sum(node.nonzero for node in last.nodes))
        notes.append(f"{share:.1%} of the nonzero weights use these samples, the others {last.base}")
    _print([totals, nodes], notes)


def _table(*heads: str) -> "Table":
    from rich.table import Table  # noqa: PLC0415 - only a table needs it

    table = Table(box=None, pad_edge=False)
    for index, head in enumerate(heads):
        table.add_column(head, justify="right" if index else "left", overflow="fold")
    return table


def _row(table: "Table", *cells: str) -> None:
    from rich.markup import escape  # noqa: PLC0415

    table.add_row(*(escape(cell) for cell in cells))


def _print(tables: "Sequence[Table]", notes: Sequence[str]) -> None:
    from rich.console import Console  # noqa: PLC0415

    from ...analyzer.cli.output import DEFAULT_WIDTH  # noqa: PLC0415

    console = Console(width=None if sys.stdout.isatty() else DEFAULT_WIDTH)
    for table in tables:
        console.print(table)
        console.print()
    for note in notes:
        console.print(note, highlight=False, markup=False)
