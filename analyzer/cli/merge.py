"""`relucid merge`: states of shards, in any order, into one report."""

from pathlib import Path

import click

from ..analysis import merge_states
from ..report.evaluation import build_report
from . import choices
from .show import condition, show, writable


@click.command()
@click.argument("states", type=choices.PATH, nargs=-1, required=True)
@click.option("--state", type=choices.PATH, metavar="FILE", help="Save the merged state too.")
@choices.telling
def command(
    *,
    states: tuple[Path, ...],
    state: Path | None,
    out: Path | None,
    as_json: bool,
    fail_if: str | None,
) -> None:
    """Merge the STATES that `relucid analyze --state` saved into one report."""
    fires = condition(fail_if)
    writable(out=out, file=state)
    whole = merge_states(*states)
    if state is not None:
        whole.save(state)
    show(build_report(whole), out=out, as_json=as_json, fail_if=fires)
