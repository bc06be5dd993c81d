"""`relucid merge`: one report of the states of several shards, in any order."""

from pathlib import Path

import click

from ..analysis import merge_states
from ..report.condition import Condition
from ..report.evaluation import build_report
from .output import check_writable, print_report
from .shared_options import PATH, report_options


@click.command()
@click.argument("states", type=PATH, nargs=-1, required=True)
@click.option("--state", type=PATH, metavar="FILE", help="Save the merged state too.")
@report_options
def command(
    *,
    states: tuple[Path, ...],
    state: Path | None,
    out: Path | None,
    as_json: bool,
    fail_if: str | None,
) -> None:
    """Merge STATES, saved by `relucid analyze --state`, into one report."""
    condition = None if fail_if is None else Condition.parse(fail_if)
    check_writable(out=out, file=state)
    whole = merge_states(*states)
    if state is not None:
        whole.save(state)
    print_report(build_report(whole), out=out, as_json=as_json, fail_if=condition)
