"""`relucid analyze`: run a model over data and tell what it decides."""

from pathlib import Path
from typing import Any

import click

from ..analysis import observe
from ..keeping import before, saver
from ..model import load
from ..options import SQUARES, Options
from ..stats.patterns import CAPACITY
from ..telling import tell
from . import choices
from .progress import progress
from .show import condition, show, writable


@click.command()
@click.argument("model", type=choices.PATH)
@click.option("--data", required=True, metavar="DATA", help="npz, npy, parquet, folder, random:N or loader.py:func.")
@click.option(
    "--input", "inputs", multiple=True, callback=choices.pairs, metavar="NAME=COLUMN", help="Where an input's data is."
)
@click.option("--labels", metavar="KEY|FILE", help="Class of each sample: a key of the data, an .npy or an .npz.")
@click.option("--preprocess", type=choices.PATH, metavar="CFG", help="For an image folder: how images become arrays.")
@click.option(
    "--measures", callback=choices.commas, metavar="A,B", help="Which measures; default units,points,patterns,vni."
)
@choices.which_sites
@click.option("--unit-axis", multiple=True, callback=choices.axes, metavar="SITE=AXIS", help="Which axis counts units.")
@click.option("--units", type=click.Choice(["channel", "position"]), default="channel", help="What a unit is.")
@click.option("--batch", type=int, metavar="N", help="Samples in one run; no result depends on it.")
@click.option("--limit", type=int, metavar="N", help="Read at most so many samples.")
@click.option("--provider", default="cpu", metavar="cpu|cuda", help="Where the model runs.")
@click.option("--exact", is_flag=True, help="Turn the runtime's graph optimisations off.")
@click.option("--portable", is_flag=True, help="Count with numpy, not with native probes; the results are the same.")
@click.option("--threads", type=int, metavar="N", help="Threads; default all cores.")
@click.option("--capacity", type=int, default=CAPACITY, metavar="N", help="Distinct patterns per site counted exactly.")
@click.option(
    "--squares", type=int, default=SQUARES, metavar="N", help="Most units of a site for which VNI is computed."
)
@click.option("--seed", type=int, default=0, metavar="N", help="Of random data and pattern keys.")
@click.option("--output", metavar="NAME", help="The output that holds the class scores.")
@click.option("--custom-ops", type=choices.PATH, metavar="LIB", help="Library of custom operators to load.")
@click.option("--shard", callback=choices.shard, metavar="I/N", help="Only the samples whose number is I modulo N.")
@click.option("--state", type=choices.PATH, metavar="FILE", help="Save what was seen, to merge or to go on later.")
@click.option("--resume", is_flag=True, help="Go on from the --state file, if it is there.")
@choices.telling
def command(
    *,
    model: Path,
    data: str,
    inputs: dict[str, str],
    labels: str | None,
    preprocess: Path | None,
    state: Path | None,
    resume: bool,
    out: Path | None,
    as_json: bool,
    fail_if: str | None,
    **options: Any,
) -> None:
    """Run MODEL over data: what is dead, linear, redundant, and how many patterns it knows."""
    fires = condition(fail_if)
    chosen = Options(**options)
    writable(out=out, file=state)
    earlier = before(state, resume=resume)
    loaded = load(model)
    with progress("samples", total=chosen.limit) as step:
        found = observe(
            loaded,
            data,
            chosen,
            labels=labels,
            inputs=inputs,
            preprocess=preprocess,
            resume=earlier,
            progress=step,
            keep=saver(state),
        )
    show(tell(found), out=out, as_json=as_json, fail_if=fires)
