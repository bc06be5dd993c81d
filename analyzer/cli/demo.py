"""`relucid demo`: a whole analysis of the bundled model and data."""

from pathlib import Path

import click

from .. import demo
from ..analysis import analyze
from .output import print_report
from .shared_options import PATH


@click.command()
@click.option(
    "--out", type=PATH, default=Path("relucid-report"), metavar="DIR", help="Write the report to this folder."
)
def command(*, out: Path) -> None:
    """Analyse a small residual network on handwritten digits it was not trained on; both are bundled."""
    report = analyze(demo.model(), demo.data(), labels="labels")
    print_report(report, out=None, as_json=False, fail_if=None)
    _, _, page = report.save(out)
    click.echo(f"The report is in {page.parent}; open {page} in a browser.")
