"""Loggers for a monitor: a CSV file, TensorBoard, a live table.

A logger is any callable that takes numbers by name and the step.
"""

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
Values = Mapping[str, Scalar]

SITE_SCALARS = tuple(
    "units samples dead_units linear_units dead_unit_ratio linear_unit_ratio dead_point_ratio linear_point_ratio "
    "active_share patterns top_pattern entropy relative_entropy vni effective_units preactivation_vni "
    "preactivation_effective_units nonfinite_values".split()
)
"""The values of a site that are logged, as SITE/NAME; units as their number."""

NETWORK_SCALARS = ("dead_points_somewhere", "dead_points_somewhere_ratio")
WINDOW_SCALARS = ("samples", "window_forwards", "window_first_step", "window_last_step")
"""The values of the network and of the window that are logged, as NAME."""


def scalars(report: Report) -> dict[str, Scalar]:
    """Return the numbers of a report by name, without missing values; an estimate becomes its value.

    >>> from relucid.analyzer.report import SiteReport
    >>> site = SiteReport("features.3", "relu", {"units": 8, "dead_units": (1, 5), "vni": None})
    >>> scalars(Report((site,), network={"samples": 64}))
    {'samples': 64, 'features.3/units': 8, 'features.3/dead_units': 2}
    """
    found = {name: report.network[name] for name in (*WINDOW_SCALARS, *NETWORK_SCALARS) if name in report.network}
    for site in report:
        found |= {f"{site.name}/{name}": site.values[name] for name in SITE_SCALARS if name in site.values}
    return {name: _to_scalar(value) for name, value in found.items() if value is not None}


def _to_scalar(value: Any) -> Scalar:
    if isinstance(value, tuple):
        return len(value)
    number: Scalar = float(value) if isinstance(value, Estimate) else value
    return number


_WINDOW_COLUMNS = WINDOW_SCALARS[1:]
_CSV_COLUMNS = ("step", *_WINDOW_COLUMNS, "site", *SITE_SCALARS, *NETWORK_SCALARS)
_TABLE_COLUMNS = tuple("units dead_units linear_units dead_point_ratio patterns entropy vni".split())


def by_site(values: Values) -> dict[str, dict[str, Scalar]]:
    """Return the numbers by site and name; those of the network are under the site "".

    >>> by_site({"samples": 8, "block/act/vni": 0.5})
    {'': {'samples': 8}, 'block/act': {'vni': 0.5}}
    """
    rows: dict[str, dict[str, Scalar]] = {}
    for key, value in values.items():
        site, _, name = key.rpartition("/")
        rows.setdefault(site, {})[name] = value
    return rows


class CsvLog:
    """Appends to a CSV file a line for each site and one, with an empty site, for the network.

    Every line has the columns of its window.

    Args:
        path: the file; an existing one is appended to.

    Raises:
        OptionError: the file cannot be written, or exists with other columns.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._path = Path(path)
        header = ",".join(_CSV_COLUMNS).encode()
        try:
            if not self._path.exists() or not self._path.stat().st_size:
                self._path.write_bytes(header + b"\n")
            with self._path.open("rb") as file:
                first_line = file.readline().rstrip(b"\r\n")
        except OSError as error:
            raise OptionError(f"cannot write the log {path}: {error.strerror}; choose another file") from error
        if first_line != header:
            raise OptionError(f"{path}: expected a log with relucid's columns, got other content; choose another file")

    def __call__(self, values: Values, step: int) -> None:
        """Write the lines of one window."""
        rows = by_site(values)
        window = {name: rows[""][name] for name in _WINDOW_COLUMNS}
        with self._path.open("a", newline="") as file:
            writer = csv.DictWriter(file, _CSV_COLUMNS, lineterminator="\n")
            for site, row in rows.items():
                writer.writerow({"step": step, "site": site, **window, **row})


class TensorBoardLog:
    """Writes every number to TensorBoard as a scalar named relucid/SITE/NAME.

    Args:
        writer: a `SummaryWriter`, or the folder of a new one.

    Raises:
        MissingDependencyError: `writer` is a folder and TensorBoard is not installed.
        OptionError: `writer` is neither.
    """

    def __init__(self, writer: Any) -> None:
        if isinstance(writer, str | PathLike):
            board = import_optional("torch.utils.tensorboard", package="relucid[tensorboard]", task="TensorBoardLog")
            writer = board.SummaryWriter(writer)
        if not hasattr(writer, "add_scalar"):
            raise OptionError(f"TensorBoardLog: expected a SummaryWriter or a folder, got {type(writer).__name__}")
        self.writer = writer

    def __call__(self, values: Values, step: int) -> None:
        """Write the numbers of one window."""
        for name, value in values.items():
            self.writer.add_scalar(f"relucid/{name}", value, step)


class LiveTable:
    """Shows the last window as a table in the terminal, updated in place inside its `with` block.

    with LiveTable() as table:
        monitor = Monitor(model, every=100, log=table)
        ...

    Args:
        console: a rich Console; the terminal if None.
    """

    def __init__(self, *, console: "Console | None" = None) -> None:
        from rich.live import Live  # noqa: PLC0415 - slow to import, only needed here

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
    from rich.table import Table  # noqa: PLC0415 - slow to import, only needed here
    from rich.text import Text  # noqa: PLC0415

    rows = by_site(values)
    network = rows.pop("", {})
    table = Table(
        title=f"step {step}: {network['window_forwards']} forwards from step {network['window_first_step']} on, "
        f"{network['samples']} samples"
    )
    table.add_column("site")
    for name in _TABLE_COLUMNS:
        table.add_column(name.replace("_", " "), justify="right")
    for site, row in rows.items():
        table.add_row(Text(site), *(_format_cell(row.get(name)) for name in _TABLE_COLUMNS))
    return table


def _format_cell(value: Scalar | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"
