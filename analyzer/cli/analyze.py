"""`relucid analyze`: run a model over data and report its units and patterns."""

from pathlib import Path
from typing import Any, get_args

import click

from ..analysis import load_earlier, observe, save_to
from ..model.loading import load
from ..options import MeasureName, Options
from ..report.condition import Condition
from ..report.evaluation import build_report
from .output import check_writable, print_report, show_progress
from .run_options import data_options, runtime_options, unit_options
from .shared_options import PATH, parse_list, parse_shard, report_options, site_options

MEASURES = f"Any of {', '.join(get_args(MeasureName))}; default: the first four, and information if there are labels."


@click.command()
@click.argument("model", type=PATH)
@data_options
@click.option(
    "--labels", metavar="KEY|FILE", help="Class label of each sample: a key of the data, or an .npy or .npz file."
)
@click.option("--measures", callback=parse_list, metavar="A,B", help=MEASURES)
@site_options
@unit_options
@runtime_options
@click.option("--portable", is_flag=True, help="Count with numpy instead of native probes; the results are the same.")
@click.option("--output", metavar="NAME", help="Model output with the class scores.")
@click.option("--shard", callback=parse_shard, metavar="I/N", help="Use only the samples whose number is I modulo N.")
@click.option("--state", type=PATH, metavar="FILE", help="Save the statistics, to merge or resume them later.")
@click.option("--resume", is_flag=True, help="Resume from the --state file if it exists.")
@report_options
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
    """Run MODEL over data and report dead, linear and redundant units, and the patterns."""
    condition = None if fail_if is None else Condition.parse(fail_if)
    chosen = Options(**options)
    check_writable(out=out, file=state)
    earlier = load_earlier(state, resume=resume)
    loaded = load(model)
    with show_progress("samples", total=chosen.limit if chosen.shard is None else None) as advance:
        observed = observe(
            loaded,
            data,
            chosen,
            labels=labels,
            inputs=inputs,
            preprocess=preprocess,
            resume=earlier,
            progress=advance,
            keep=save_to(state),
        )
    print_report(build_report(observed), out=out, as_json=as_json, fail_if=condition)
