"""report.json: the whole report in strict JSON, and back; the schema is in docs/report.md."""

import csv
import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Never

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..values.estimate import Estimate
from ..values.plain_data import Value
from .formatting import number

if TYPE_CHECKING:
    from .report import Report


SCHEMA = "relucid.report"
VERSION = 1
ESTIMATE = {"estimate", "error"}
REFUSED = ("name", "kind", "reason")


class Parts(NamedTuple):
    """What a report is made of, as read: sites are (name, kind, values)."""

    sites: tuple[tuple[str, str, dict[str, Any]], ...]
    network: dict[str, Any]
    made: dict[str, Any]
    notes: tuple[str, ...]
    not_analysable: tuple[tuple[str, str, str], ...]


def report_to_json(report: "Report") -> str:
    """The report as ASCII JSON without NaN or Infinity, one site a line."""
    sites = [
        {
            "name": site.name,
            "kind": site.kind,
            "values": {name: value for name, value in site.values.items() if not isinstance(value, np.ndarray)},
            "units": {name: _entries(value) for name, value in site.per_unit.items()},
        }
        for site in report.sites
    ]
    lines = {
        "schema": _dumps(SCHEMA),
        "version": _dumps(VERSION),
        "made": _dumps(report.provenance),
        "network": _dumps(report.network),
        "notes": _dumps(report.notes),
        "not_analysable": _dumps([dict(zip(REFUSED, row, strict=True)) for row in report.not_analysable]),
        "sites": "[" + ",".join("\n" + _dumps(site) for site in sites) + "\n]",
    }
    return "{\n" + ",\n".join(f'"{key}": {line}' for key, line in lines.items()) + "\n}\n"


def report_from_json(text: str, source: str) -> Parts:
    """What `report_to_json` wrote, back as the parts of an equal report.

    Args:
        text: of report.json.
        source: where it comes from, for messages.

    Raises:
        DataError: not JSON, not a report, damaged, or of a newer version than this.
    """
    try:
        whole = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source} is not a report: no strict JSON ({error})") from error
    if not isinstance(whole, dict) or whole.get("schema") != SCHEMA:
        raise DataError(f'{source} is not a report: its "schema" is not "{SCHEMA}"')
    if whole.get("version") != VERSION:
        raise DataError(
            f"{source} has version {whole.get('version')!r} of the report's schema, this relucid reads {VERSION}; "
            "read it with the relucid that wrote it"
        )
    try:
        return Parts(
            sites=tuple(_site(site) for site in _typed(whole["sites"], list)),
            network=_values(whole["network"]),
            made=_values(whole["made"]),
            notes=tuple(_typed(note, str) for note in _typed(whole["notes"], list)),
            not_analysable=tuple(
                (_typed(row["name"], str), _typed(row["kind"], str), _typed(row["reason"], str))
                for row in _typed(whole["not_analysable"], list)
            ),
        )
    except KeyError as error:
        raise DataError(f"{source} is a damaged report: {error} is missing") from error
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DataError(f"{source} is a damaged report: {error}") from error


def _dumps(value: Any) -> str:
    return json.dumps(value, allow_nan=False, default=_default)


def _default(value: Any) -> Any:
    if isinstance(value, Estimate):
        return {"estimate": value.value, "error": value.error}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no place in a report")


def _entries(array: NDArray[Any]) -> list[Any]:
    """The array (unit,) as a list, NaN as null."""
    entries: list[Any] = array.tolist()
    return [None if value != value else value for value in entries] if array.dtype.kind == "f" else entries  # noqa: PLR0124


def _site(site: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    units = {name: _array(entries) for name, entries in _typed(site["units"], dict).items()}
    return _typed(site["name"], str), _typed(site["kind"], str), {**_values(site["values"]), **units}


def _array(entries: list[Any]) -> NDArray[Any]:
    kinds = {type(entry) for entry in _typed(entries, list)}
    if not kinds <= {bool} and not kinds <= {int} and not kinds <= {str} and not kinds <= {float, type(None)}:
        raise ValueError(f"one entry per unit is of several types: {sorted(kind.__name__ for kind in kinds)}")
    return np.array([np.nan if entry is None else entry for entry in entries])


def _values(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in _typed(values, dict).items()}


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return Estimate(value["estimate"], value["error"]) if value.keys() == ESTIMATE else _values(value)
    return tuple(_value(item) for item in value) if isinstance(value, list) else value


def _typed(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"a {kind.__name__} is wanted where {type(value).__name__} stands")
    return value


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON number")


def units_to_csv(report: "Report") -> str:
    """Columns site, unit (its number), then every value known by unit; empty where there is none.

    >>> import numpy as np
    >>> from relucid.analyzer.report import Report, SiteReport
    >>> print(units_to_csv(Report((SiteReport("act", "relu", {"unit_low": np.array([-1.5, np.nan])}),))))
    site,unit,unit_low
    act,0,-1.5
    act,1,
    <BLANKLINE>
    """
    names = list(dict.fromkeys(name for site in report.sites for name in site.per_unit))
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(["site", "unit", *names])
    for site in report.sites:
        arrays = site.per_unit
        units = len(next(iter(arrays.values()))) if arrays else int(number(site.values.get("units")) or 0)
        blank = [""] * units
        entries = [arrays[name].tolist() if name in arrays else blank for name in names]
        writer.writerows([site.name, *map(_cell, row)] for row in zip(range(units), *entries, strict=True))
    return page.getvalue()


def _cell(value: object) -> object:
    return "" if value != value else value  # noqa: PLR0124 - only NaN differs from itself


def course_to_csv(report: "Report") -> str:
    """Columns site, state, model, then every value known by state; empty where there is none, estimates by value.

    >>> from relucid.analyzer.report import Report, SiteReport
    >>> site = SiteReport("act", "relu", {"units": 2, "entropy": (1.5, 2.0), "distance_to_previous": (None, 0.25)})
    >>> print(course_to_csv(Report((site,), network={"states": ("a", "b")})))
    site,state,model,entropy,distance_to_previous
    act,0,a,1.5,
    act,1,b,2.0,0.25
    <BLANKLINE>
    """
    states = report.network["states"]
    names = list(dict.fromkeys(n for site in report.sites for n, v in site.values.items() if isinstance(v, tuple)))
    page = io.StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(["site", "state", "model", *names])
    for site in report.sites:
        series = [site.values[name] for name in names]
        for place, state in enumerate(states if isinstance(states, tuple) else ()):
            writer.writerow([site.name, place, state, *(_state_cell(each, place) for each in series)])
    return page.getvalue()


def _state_cell(series: Value, place: int) -> object:
    value = series[place] if isinstance(series, tuple) else None
    return "" if value is None else value.value if isinstance(value, Estimate) else value
