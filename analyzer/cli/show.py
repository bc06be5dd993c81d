"""How a report reaches the user: stdout, files, and the exit code."""

import sys
from pathlib import Path

import click

from ..rendering.condition import Condition
from ..report import Report

WIDTH = 100
"""Columns of a table that is not printed on a terminal."""


def condition(text: str | None) -> Condition | None:
    """The parsed `--fail-if`, before anything is run."""
    return None if text is None else Condition.parse(text)


def show(report: Report, *, out: Path | None, as_json: bool, fail_if: Condition | None) -> None:
    """Print the report, write its files, and leave with 1 if the condition fires."""
    if as_json:
        click.echo(report.to_json(), nl=False)
    else:
        from rich.console import Console  # noqa: PLC0415 - only a table needs it

        Console(width=None if sys.stdout.isatty() else WIDTH).print(report)
    if out is not None:
        for path in report.save(out):
            click.echo(f"wrote {path}", err=True)
    if fail_if is None:
        return
    for note in fail_if.notes(report):
        click.echo(f"relucid: {note}", err=True)
    if firing := fail_if.firing(report):
        click.echo(f"relucid: {fail_if.text} holds for {', '.join(firing)}", err=True)
        sys.exit(1)
