"""How a report reaches the user: stdout, files, and the exit code."""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import OptionError
from ..report.condition import ChangeCondition, Condition
from ..report.report import Report

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 100
"""Columns of a table that is not printed on a terminal."""


def console() -> "Console":
    """What prints a table on stdout: as wide as the terminal, or `WIDTH` columns where it goes elsewhere."""
    from rich.console import Console  # noqa: PLC0415 - only a table needs it

    return Console(width=None if sys.stdout.isatty() else WIDTH)


def condition(text: str | None) -> Condition | None:
    """The parsed `--fail-if`, before anything is run."""
    return None if text is None else Condition.parse(text)


def writable(*, out: Path | None = None, file: Path | None = None) -> None:
    """See, before anything is run, that the results will have a place.

    Raises:
        OptionError: the folder or the file cannot be written.
    """
    for folder in (out, None if file is None else file.parent):
        if folder is None:
            continue
        try:
            if folder == out:
                folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise OptionError(f"cannot write to {folder}: {error.strerror}; choose another place") from error


def show(report: Report, *, out: Path | None, as_json: bool, fail_if: Condition | ChangeCondition | None) -> None:
    """Print the report, write its files, and leave with 1 if the condition fires."""
    if as_json:
        click.echo(report.to_json(), nl=False)
    else:
        console().print(report)
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
