"""`relucid compare`: what changed from one model to another, or over a chain of them, on the same data."""

import sys
from pathlib import Path
from typing import Any

import click

from ..comparing.comparison import compared
from ..comparing.course import followed, wanted_pairs
from ..comparing.observing import MEASURES, observe_all
from ..errors import OptionError
from ..model import load
from ..options import SQUARES, Options
from ..rendering.change_condition import ChangeCondition
from ..report import Report
from ..stats.patterns import CAPACITY
from . import choices
from .progress import progress
from .show import WIDTH, writable


@click.command()
@click.argument("models", nargs=-1, required=True, type=choices.PATH, metavar="BEFORE AFTER")
@click.option(
    "--chain", is_flag=True, help="Any number of models: each compared to the first, the last and the one before."
)
@click.option("--data", required=True, metavar="DATA", help="npz, npy, parquet, folder, random:N or loader.py:func.")
@click.option(
    "--input", "inputs", multiple=True, callback=choices.pairs, metavar="NAME=COLUMN", help="Where an input's data is."
)
@click.option("--preprocess", type=choices.PATH, metavar="CFG", help="For an image folder: how images become arrays.")
@choices.which_sites
@click.option("--unit-axis", multiple=True, callback=choices.axes, metavar="SITE=AXIS", help="Which axis counts units.")
@click.option("--units", type=click.Choice(["channel", "position"]), default="channel", help="What a unit is.")
@click.option("--batch", type=int, metavar="N", help="Samples in one run.")
@click.option("--limit", type=int, metavar="N", help="Read at most so many samples.")
@click.option("--provider", default="cpu", metavar="cpu|cuda", help="Where the models run.")
@click.option("--exact", is_flag=True, help="Turn the runtime's graph optimisations off.")
@click.option("--threads", type=int, metavar="N", help="Threads; default all cores.")
@click.option("--capacity", type=int, default=CAPACITY, metavar="N", help="Distinct patterns per site counted exactly.")
@click.option(
    "--squares", type=int, default=SQUARES, metavar="N", help="Most units of a site for which VNI is computed."
)
@click.option("--seed", type=int, default=0, metavar="N", help="Of random data and pattern keys.")
@click.option("--custom-ops", type=choices.PATH, metavar="LIB", help="Library of custom operators to load.")
@click.option("--out", type=choices.PATH, metavar="DIR", help="Write comparison.json, units.csv and comparison.html.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@click.option("--fail-if", metavar="EXPR", help="Exit with 1 if a site satisfies it, as in 'distance > 0.5'.")
def command(
    *,
    models: tuple[Path, ...],
    chain: bool,
    data: str,
    inputs: dict[str, str],
    preprocess: Path | None,
    out: Path | None,
    as_json: bool,
    fail_if: str | None,
    **options: Any,
) -> None:
    """Compare what two models decide on the same data: distance, temperature, overlap of patterns, by site.

    With --chain name any number of models, in the order of training.
    """
    if not chain and len(models) != 2:
        raise OptionError(f"a comparison wants two models, came {len(models)}; name more with --chain")
    if chain and fail_if is not None:
        raise OptionError("--fail-if is for two models; leave out --chain")
    fires = None if fail_if is None else ChangeCondition.parse(fail_if)
    pairs = wanted_pairs(len(models))
    chosen = Options(measures=MEASURES, **options)
    writable(out=out)
    loaded = [load(model) for model in models]
    with progress("samples", total=chosen.limit) as step:
        seen = observe_all(loaded, data, chosen, pairs=pairs, inputs=inputs, preprocess=preprocess, progress=step)
    report = followed(seen) if chain else compared(seen)
    _show(report, out=out, as_json=as_json)
    if fires is not None and (firing := fires.firing(report)):
        click.echo(f"relucid: {fires.text} holds for {', '.join(firing)}", err=True)
        sys.exit(1)


def _show(report: Report, *, out: Path | None, as_json: bool) -> None:
    if as_json:
        click.echo(report.to_json(), nl=False)
    else:
        from rich.console import Console  # noqa: PLC0415 - only a table needs it

        Console(width=None if sys.stdout.isatty() else WIDTH).print(report)
    if out is not None:
        for path in report.save(out):
            click.echo(f"wrote {path}", err=True)
