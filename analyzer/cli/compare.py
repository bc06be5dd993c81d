"""`relucid compare`: the changes between two models, or along a chain of models, on the same data."""

from pathlib import Path
from typing import Any

import click

from ..compare.api import MEASURES, observe_models
from ..compare.comparison import build_comparison, build_course, list_pairs
from ..errors import OptionError
from ..model.loading import load
from ..options import Options
from ..report.condition import Condition
from .output import check_writable, print_report, show_progress
from .run_options import data_options, runtime_options, unit_options
from .shared_options import PATH, site_options


@click.command()
@click.argument("models", nargs=-1, required=True, type=PATH, metavar="BEFORE AFTER")
@click.option(
    "--chain",
    is_flag=True,
    help="Take any number of models, and compare each with the first, the last and the previous one.",
)
@data_options
@site_options
@unit_options
@runtime_options
@click.option(
    "--out",
    type=PATH,
    metavar="DIR",
    help="Write comparison.json, units.csv and comparison.html to this folder; with --chain, course.*.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
@click.option(
    "--fail-if", metavar="EXPR", help="Exit with 1 if the condition is true at a site, as in 'distance > 0.5'."
)
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
    """Compare the patterns of two models on the same data: distance, temperature and similarity at each site.

    With --chain, give any number of models in the order of training.
    """
    if not chain and len(models) != 2:
        raise OptionError(f"expected two models, got {len(models)}; use --chain for more")
    if chain and fail_if is not None:
        raise OptionError("--fail-if: expected two models, got a chain of models; omit --chain")
    condition = None if fail_if is None else Condition.parse(fail_if, of="comparison")
    pairs = list_pairs(len(models))
    chosen = Options(measures=MEASURES, **options)
    check_writable(out=out)
    loaded = [load(model) for model in models]
    with show_progress("samples", total=chosen.limit) as advance:
        changes = observe_models(
            loaded, data, chosen, pairs=pairs, inputs=inputs, preprocess=preprocess, progress=advance
        )
    report = build_course(changes) if chain else build_comparison(changes)
    print_report(report, out=out, as_json=as_json, fail_if=condition)
