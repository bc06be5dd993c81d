"""`relucid demo`: the whole flow on the model and the data inside the package."""

from pathlib import Path

import click

from .. import demo
from ..analysis import analyze
from . import choices
from .show import show


@click.command()
@click.option("--out", type=choices.PATH, default=Path("relucid-report"), metavar="DIR", help="Where the report goes.")
def command(*, out: Path) -> None:
    """Analyse a small residual network on held-out handwritten digits, both inside the package."""
    report = analyze(demo.model(), demo.data(), labels="labels")
    show(report, out=None, as_json=False, fail_if=None)
    _, _, page = report.save(out)
    click.echo(f"The report is in {page.parent}; open {page} in a browser.")
