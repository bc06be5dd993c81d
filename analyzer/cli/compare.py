"""`relucid compare`: what changed from one model to another, or over a chain of them, on the same data."""

from pathlib import Path
from typing import Any

import click

from ..compare.api import MEASURES, observe_models
from ..compare.comparison import build_comparison, build_course, list_pairs
from ..errors import OptionError
from ..model.loading import load
from ..options import Options
from ..report.condition import ChangeCondition
from . import choices, running
from .progress import progress
from .show import show, writable


@click.command()
@click.argument("models", nargs=-1, required=True, type=choices.PATH, metavar="BEFORE AFTER")
@click.option(
    "--chain", is_flag=True, help="Any number of models: each compared to the first, the last and the one before."
)
@running.which_data
@choices.which_sites
@running.which_units
@running.how_to_run
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
    pairs = list_pairs(len(models))
    chosen = Options(measures=MEASURES, **options)
    writable(out=out)
    loaded = [load(model) for model in models]
    with progress("samples", total=chosen.limit) as step:
        changes = observe_models(loaded, data, chosen, pairs=pairs, inputs=inputs, preprocess=preprocess, progress=step)
    show(build_course(changes) if chain else build_comparison(changes), out=out, as_json=as_json, fail_if=fires)
