"""Output of the commands: the report on stdout, its files, the exit code, and progress on stderr."""

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import OptionError

if TYPE_CHECKING:
    from rich.console import Console

    from ..report.condition import Condition
    from ..report.report import Report

DEFAULT_WIDTH = 100
"""Columns of a table that is not printed to a terminal."""


def print_report(report: "Report", *, out: Path | None, as_json: bool, fail_if: "Condition | None") -> None:
    """Print the report, write its files, and exit with 1 if the condition is true.

    Args:
        report: the report.
        out: folder for its files; None writes none.
        as_json: print JSON instead of the table.
        fail_if: the parsed `--fail-if`.
    """
    if as_json:
        click.echo(report.to_json(), nl=False)
    else:
        make_console().print(report)
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


def make_console() -> "Console":
    """Return a rich console on stdout: as wide as the terminal, or `DEFAULT_WIDTH` columns without one."""
    from rich.console import Console  # noqa: PLC0415 - only tables need it

    return Console(width=None if sys.stdout.isatty() else DEFAULT_WIDTH)


def check_writable(*, out: Path | None = None, file: Path | None = None) -> None:
    """Check before a run that its results can be written; the folder `out` is created.

    Raises:
        OptionError: the folder, or the folder of the file, cannot be written to.
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


@contextmanager
def show_progress(task: str, *, total: int | None = None) -> Iterator[Callable[[int], None] | None]:
    """Context manager for a progress bar on stderr.

    Args:
        task: what is counted.
        total: the count at the end; None if unknown.

    Yields:
        A callback that takes the number of further items done; None if stderr is not a terminal.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task(task, total=total)
        yield lambda count: bar.advance(line, count)
