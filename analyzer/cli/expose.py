"""`relucid expose`: the same model, its pre-activations as extra outputs."""

from pathlib import Path

import click

from ..options import Kind, Options
from ..runtime.exposing import expose, save
from . import choices


@click.command()
@click.argument("model", type=choices.PATH)
@click.argument("out", type=choices.PATH)
@choices.which_sites
def command(*, model: Path, out: Path, sites: list[str] | None, kinds: list[Kind] | None) -> None:
    """Write MODEL to OUT with the pre-activation of every site as an extra output."""
    exposed, tapped = expose(model, options=Options(sites=sites, kinds=kinds))
    save(exposed, out)
    for site in tapped:
        click.echo(f"{site.name}\t{site.value}")
    click.echo(f"wrote {out}: {len(tapped)} pre-activations as outputs", err=True)
