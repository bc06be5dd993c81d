"""`relucid expose`: the model with its pre-activations as extra outputs."""

from pathlib import Path

import click

from ..options import Kind, Options
from ..runtime.exposing import expose, save
from .shared_options import PATH, site_options


@click.command()
@click.argument("model", type=PATH)
@click.argument("out", type=PATH)
@site_options
def command(*, model: Path, out: Path, sites: list[str] | None, kinds: list[Kind] | None) -> None:
    """Write MODEL to OUT with the pre-activation of every site as an extra output."""
    exposed, tapped = expose(model, options=Options(sites=sites, kinds=kinds))
    save(exposed, out)
    for site in tapped:
        click.echo(f"{site.name}\t{site.value}")
    click.echo(f"wrote {out}: {len(tapped)} pre-activations as outputs", err=True)
