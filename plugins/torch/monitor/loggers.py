"""Logs a monitor can write to: a CSV file, TensorBoard, a live table; any callable (names and numbers, step) does."""

import csv
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ....analyzer.errors import OptionError, import_optional
from ....analyzer.report import Report
from ....analyzer.values.estimate import Estimate

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


Scalar = int | float

SITE = tuple(
    "units samples dead_units linear_units dead_unit_ratio linear_unit_ratio dead_point_ratio linear_point_ratio "
    "active_share patterns top_pattern entropy relative_entropy vni effective_units preactivation_vni "
    "preactivation_effective_units nonfinite_values".split()
)
"""What is logged of a site, as SITE/NAME; units by their number."""

NETWORK = ("dead_points_somewhere", "dead_points_somewhere_ratio")
SPAN = ("samples", "window_forwards", "window_first_step", "window_last_step")
"""What is logged of the window, under the bare name."""


def scalars(report: Report) -> dict[str, Scalar]:
    """The numbers of a report by name; what a site has no value for is left out, an estimate is its value.

    >>> from relucid.analyzer.report import SiteReport
    >>> site = SiteReport("features.3", "relu", {"units": 8, "dead_units": (1, 5), "vni": None})
    >>> scalars(Report((site,), network={"samples": 64}))
    {'samples': 64, 'features.3/units': 8, 'features.3/dead_units': 2}
    """
    found = {name: report.network[name] for name in (*SPAN, *NETWORK) if name in report.network}
    for site in report:
        found |= {f"{site.name}/{name}": site.values[name] for name in SITE if name in site.values}
    return {name: _number(value) for name, value in found.items() if value is not None}


def _number(value: Any) -> Scalar:
    if isinstance(value, tuple):
        return len(value)
    number: Scalar = float(value) if isinstance(value, Estimate) else value
    return number


Values = Mapping[str, Scalar]
_WINDOW = SPAN[1:]
_COLUMNS = ("step", *_WINDOW, "site", *SITE, *NETWORK)
_SHOWN = tuple("units dead_units linear_units dead_point_ratio patterns entropy vni".split())


def by_site(values: Values) -> dict[str, dict[str, Scalar]]:
    """The same numbers by site and name; those of the whole network under the site "".

    >>> by_site({"samples": 8, "block/act/vni": 0.5})
    {'': {'samples': 8}, 'block/act': {'vni': 0.5}}
    """
    rows: dict[str, dict[str, Scalar]] = {}
    for key, value in values.items():
        site, _, name = key.rpartition("/")
        rows.setdefault(site, {})[name] = value
    return rows


class CsvLog:
    """Appends one line for each site, and one for the network, whose site is empty; every line says its window.

    Args:
        path: the file; one that is there is continued.

    Raises:
        OptionError: the file cannot be written, or is there and was not written by a log with these columns.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = Path(path)
        header = ",".join(_COLUMNS).encode()
        try:
            if not self._path.exists() or not self._path.stat().st_size:
                self._path.write_bytes(header + b"\n")
            with self._path.open("rb") as file:
                begins = file.readline().rstrip(b"\r\n")
        except OSError as error:
            raise OptionError(f"cannot write the log {path}: {error.strerror}; choose another file") from error
        if begins != header:
            raise OptionError(f"{path} holds something else than a relucid log: choose another file")

    def __call__(self, values: Values, step: int) -> None:
        """Write the lines of one window."""
        rows = by_site(values)
        window = {name: rows[""][name] for name in _WINDOW}
        with self._path.open("a", newline="") as file:
            writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
            for site, row in rows.items():
                writer.writerow({"step": step, "site": site, **window, **row})


class TensorBoardLog:
    """Writes every number as a scalar named relucid/SITE/NAME.

    Args:
        writer: a `SummaryWriter`, or the folder of a new one.

    Raises:
        MissingDependencyError: a folder is given and TensorBoard is not installed.
        OptionError: it is neither of them.
    """

    def __init__(self, writer: Any) -> None:
        if isinstance(writer, str | PathLike):
            board = import_optional("torch.utils.tensorboard", package="relucid[tensorboard]", task="TensorBoardLog")
            writer = board.SummaryWriter(writer)
        if not hasattr(writer, "add_scalar"):
            raise OptionError(f"TensorBoardLog: wanted a SummaryWriter or a folder, got {type(writer).__name__}")
        self.writer = writer

    def __call__(self, values: Values, step: int) -> None:
        """Write the numbers of one window."""
        for name, value in values.items():
            self.writer.add_scalar(f"relucid/{name}", value, step)


class LiveTable:
    """Shows the last window as a table in the terminal, in place, while the `with` block runs.

    with LiveTable() as table:
        monitor = Monitor(model, every=100, log=table)
        ...

    Args:
        console: where to show it; the terminal if None.
    """

    def __init__(self, *, console: "Console | None" = None) -> None:
        from rich.live import Live  # noqa: PLC0415 - slow to import, only wanted here

        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __call__(self, values: Values, step: int) -> None:
        """Show one window."""
        self._live.update(_table(values, step), refresh=True)


def _table(values: Values, step: int) -> "Table":
    from rich.table import Table  # noqa: PLC0415 - slow to import, only wanted here
    from rich.text import Text  # noqa: PLC0415

    rows = by_site(values)
    whole = rows.pop("", {})
    table = Table(
        title=f"step {step}: {whole['window_forwards']} forwards from step {whole['window_first_step']} on, "
        f"{whole['samples']} samples"
    )
    table.add_column("site")
    for name in _SHOWN:
        table.add_column(name.replace("_", " "), justify="right")
    for site, row in rows.items():
        table.add_row(Text(site), *(_cell(row.get(name)) for name in _SHOWN))
    return table


def _cell(value: Scalar | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"
