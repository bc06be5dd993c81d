"""`relucid analyze`: run a model over data and tell what it decides."""

from pathlib import Path
from typing import Any, get_args

import click

from ..analysis import load_earlier, observe, save_to
from ..model.loading import load
from ..options import MeasureName, Options
from ..report.evaluation import build_report
from . import choices, running
from .progress import progress
from .show import condition, show, writable

MEASURES = f"Which of {', '.join(get_args(MeasureName))}; by default the first four, with labels information too."


@click.command()
@click.argument("model", type=choices.PATH)
@running.which_data
@click.option("--labels", metavar="KEY|FILE", help="Class of each sample: a key of the data, an .npy or an .npz.")
@click.option("--measures", callback=choices.commas, metavar="A,B", help=MEASURES)
@choices.which_sites
@running.which_units
@running.how_to_run
@click.option("--portable", is_flag=True, help="Count with numpy, not with native probes; the results are the same.")
@click.option("--output", metavar="NAME", help="The output that holds the class scores.")
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
    earlier = load_earlier(state, resume=resume)
    loaded = load(model)
    with progress("samples", total=chosen.limit if chosen.shard is None else None) as step:
        found = observe(
            loaded,
            data,
            chosen,
            labels=labels,
            inputs=inputs,
            preprocess=preprocess,
            resume=earlier,
            progress=step,
            keep=save_to(state),
        )
    show(build_report(found), out=out, as_json=as_json, fail_if=fires)
