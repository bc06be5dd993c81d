"""How a report reaches the user: stdout, files, and the exit code."""

import sys
from pathlib import Path

import click

from ..report import Report
from ..rendering.condition import Condition


def condition(text: str | None) -> Condition | None:
    """The parsed `--fail-if`, before anything is run."""
    return None if text is None else Condition.parse(text)


def show(report: Report, *, out: Path | None, as_json: bool, fail_if: Condition | None) -> None:
    """Print the report, write its files, and leave with 1 if the condition fires."""
    if as_json:
        click.echo(report.to_json())
    else:
        from rich.console import Console  # noqa: PLC0415 - only a table needs it

        Console().print(report)
    if out is not None:
        for path in report.save(out):
            click.echo(f"wrote {path}", err=True)
    firing = fail_if.firing(report) if fail_if is not None else ()
    if firing:
        click.echo(f"relucid: {fail_if} holds for {', '.join(firing)}", err=True)
        sys.exit(1)
