"""`relucid sites`: the sites of a model."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from ..model.loading import load
from ..sites import Site, find_sites
from .output import make_console
from .shared_options import PATH


@click.command()
@click.argument("model", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print the sites as JSON.")
def command(*, model: Path, as_json: bool) -> None:
    """List the sites of MODEL: name, kind, shape, unit axis, and whether each can be analysed."""
    loaded = load(model)
    sites = find_sites(loaded.ir)
    if as_json:
        click.echo(json.dumps([asdict(site) for site in sites], indent=2))
    elif sites:
        _print_table(sites)
    else:
        operators = sorted({node.op_type for node in loaded.ir.graph.all_nodes()})
        click.echo(f"{model} has no site: no ReLU-like function among its operators ({', '.join(operators)}).")


def _print_table(sites: tuple[Site, ...]) -> None:
    from rich.markup import escape  # noqa: PLC0415 - only tables need it
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    for heading in ("site", "kind", "shape", "unit axis", "why this axis, or why not analysable"):
        table.add_column(heading, overflow="fold")
    for site in sites:
        shape = "?" if site.shape is None else " x ".join("?" if d is None else str(d) for d in site.shape)
        kind = f"{site.kind} (smooth)" if site.smooth else site.kind
        axis = str(site.unit_axis) if site.analysable else "-"
        table.add_row(escape(site.name), kind, escape(shape), axis, escape(site.reason or site.rule))
    console = make_console()
    console.print(table)
    analysable = sum(site.analysable for site in sites)
    console.print(f"\n{len(sites)} sites, {analysable} analysable", highlight=False)
