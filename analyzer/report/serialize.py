"""A report as strict JSON and back, and its values by unit as CSV; docs/report.md has both formats."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Never

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..values.estimate import Estimate
from ..values.plain_data import Value
from .data import ReportData, SiteReport
from .formatting import number

SCHEMA = "relucid.report"
VERSION = 1
ESTIMATE_KEYS = {"estimate", "error"}
EXCLUDED_KEYS = ("name", "kind", "reason")


def report_to_json(report: ReportData) -> str:
    """Return the report as ASCII JSON without NaN or Infinity, one site per line."""
    sites = [
        {
            "name": site.name,
            "kind": site.kind,
            "values": {name: value for name, value in site.values.items() if not isinstance(value, np.ndarray)},
            "units": {name: _list_entries(value) for name, value in site.per_unit.items()},
        }
        for site in report.sites
    ]
    lines = {
        "schema": _dump(SCHEMA),
        "version": _dump(VERSION),
        "made": _dump(report.provenance),
        "network": _dump(report.network),
        "notes": _dump(report.notes),
        "not_analysable": _dump([dict(zip(EXCLUDED_KEYS, row, strict=True)) for row in report.not_analysable]),
        "sites": "[" + ",".join("\n" + _dump(site) for site in sites) + "\n]",
    }
    return "{\n" + ",\n".join(f'"{key}": {line}' for key, line in lines.items()) + "\n}\n"


def read_report(path: Path, name: str) -> ReportData:
    """Read a report from its JSON file.

    Args:
        path: the file, or the folder with it.
        name: of the file in a folder.

    Raises:
        DataError: the file cannot be read, is not a report, is damaged, or has a newer schema.
    """
    file = path / name if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file}: expected a report, got data that is not UTF-8 text; `--out` writes a report"
        ) from error
    except OSError as error:
        raise DataError(f"cannot read the report {file}: {error.strerror}; `--out` writes one") from error
    return report_from_json(text, str(file))


def report_from_json(text: str, source: str) -> ReportData:
    """Parse what `report_to_json` returned; the result equals the report that was serialized.

    Args:
        text: content of report.json.
        source: name of the file, for messages.

    Raises:
        DataError: the text is not JSON, not a report, damaged, or of a newer schema.
    """
    try:
        document = json.loads(text, parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{source}: expected a report, got data that is not strict JSON ({error}); `--out` writes a report"
        ) from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise DataError(
            f'{source}: expected a report with "schema": "{SCHEMA}", got JSON without it; `--out` writes a report'
        )
    if document.get("version") != VERSION:
        raise DataError(
            f"{source}: expected version {VERSION} of the report's schema, got version {document.get('version')!r}; "
            "read it with the relucid that wrote it"
        )
    try:
        return ReportData(
            sites=tuple(_parse_site(site) for site in _check_type(document["sites"], list)),
            network=_parse_values(document["network"]),
            provenance=_parse_values(document["made"]),
            notes=tuple(_check_type(note, str) for note in _check_type(document["notes"], list)),
            not_analysable=tuple(
                (_check_type(row["name"], str), _check_type(row["kind"], str), _check_type(row["reason"], str))
                for row in _check_type(document["not_analysable"], list)
            ),
        )
    except KeyError as error:
        raise DataError(f"{source}: expected a complete report, got one without {error}; write it again") from error
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DataError(f"{source}: expected a valid report, got a damaged one ({error}); write it again") from error


def units_to_csv(report: ReportData) -> str:
    """Return CSV with the columns site, unit (its number) and each value by unit; empty cells where undefined.

    >>> site = SiteReport("act", "relu", {"unit_low": np.array([-1.5, np.nan])})
    >>> print(units_to_csv(ReportData((site,))))
    site,unit,unit_low
    act,0,-1.5
    act,1,
    <BLANKLINE>
    """
    names = list(dict.fromkeys(name for site in report.sites for name in site.per_unit))

    def rows() -> Iterable[list[object]]:
        for site in report.sites:
            arrays = site.per_unit
            units = len(next(iter(arrays.values()))) if arrays else int(number(site.values.get("units")) or 0)
            blank = [""] * units
            entries = [arrays[name].tolist() if name in arrays else blank for name in names]
            for row in zip(range(units), *entries, strict=True):
                yield [site.name, *("" if value != value else value for value in row)]  # noqa: PLR0124 - NaN

    return _write_csv(["site", "unit", *names], rows())


def course_to_csv(report: ReportData) -> str:
    """Return CSV with the columns site, state (its number), model and each value by state; estimates by value.

    >>> site = SiteReport("act", "relu", {"units": 2, "entropy": (1.5, 2.0), "distance_to_previous": (None, 0.25)})
    >>> print(course_to_csv(ReportData((site,), network={"states": ("a", "b")})))
    site,state,model,entropy,distance_to_previous
    act,0,a,1.5,
    act,1,b,2.0,0.25
    <BLANKLINE>
    """
    states = report.network["states"]
    names = list(dict.fromkeys(n for site in report.sites for n, v in site.values.items() if isinstance(v, tuple)))

    def rows() -> Iterable[list[object]]:
        for site in report.sites:
            series = [site.values[name] for name in names]
            for index, state in enumerate(states if isinstance(states, tuple) else ()):
                yield [site.name, index, state, *(_state_cell(each, index) for each in series)]

    return _write_csv(["site", "state", "model", *names], rows())


def _state_cell(series: Value, state: int) -> object:
    value = series[state] if isinstance(series, tuple) else None
    return "" if value is None else value.value if isinstance(value, Estimate) else value


def _write_csv(header: list[str], rows: Iterable[list[object]]) -> str:
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return page.getvalue()


def _dump(value: Any) -> str:
    return json.dumps(value, allow_nan=False, default=_encode)


def _encode(value: Any) -> Any:
    if isinstance(value, Estimate):
        return {"estimate": value.value, "error": value.error}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"expected plain data in a report, got {type(value).__name__}")


def _list_entries(array: NDArray[Any]) -> list[Any]:
    """Return the array (unit,) as a list, NaN as None."""
    entries: list[Any] = array.tolist()
    return [None if value != value else value for value in entries] if array.dtype.kind == "f" else entries  # noqa: PLR0124


def _parse_site(site: dict[str, Any]) -> SiteReport:
    units = {name: _parse_array(entries) for name, entries in _check_type(site["units"], dict).items()}
    name, kind = _check_type(site["name"], str), _check_type(site["kind"], str)
    return SiteReport(name, kind, {**_parse_values(site["values"]), **units})


def _parse_array(entries: list[Any]) -> NDArray[Any]:
    kinds = {type(entry) for entry in _check_type(entries, list)}
    if not kinds <= {bool} and not kinds <= {int} and not kinds <= {str} and not kinds <= {float, type(None)}:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(f"expected one type for the values by unit, got several types: {names}")
    return np.array([np.nan if entry is None else entry for entry in entries])


def _parse_values(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _parse_value(value) for name, value in _check_type(values, dict).items()}


def _parse_value(value: Any) -> Any:
    if isinstance(value, dict):
        return Estimate(value["estimate"], value["error"]) if value.keys() == ESTIMATE_KEYS else _parse_values(value)
    return tuple(_parse_value(item) for item in value) if isinstance(value, list) else value


def _check_type(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
    return value


def _reject_constant(name: str) -> Never:
    raise ValueError(f"{name} is not a JSON number")
