"""The lines above and below a report's table: the model and its data, the network as a whole, and the notes."""

from ..values.estimate import Estimate
from ..values.plain_data import Value
from .data import ReportData
from .formatting import count, printable, share

MAX_NAMES = 5
"""Maximum number of names or numbers in one line; the rest is "and ... more"."""


def title(report: ReportData) -> str:
    """Return the model's name, or a placeholder."""
    return printable(str(report.provenance.get("model") or "model without a name"))


def header(report: ReportData) -> str:
    """Return one line: the number of samples, the runtime, the provider and the optimisation level."""
    provenance = report.provenance
    samples = report.network.get("samples")
    parts = [f"{count(samples)} samples"] if isinstance(samples, int) else []
    parts += [f"onnxruntime {provenance['onnxruntime']}"] if "onnxruntime" in provenance else []
    parts += [str(provenance["provider"])] if "provider" in provenance else []
    parts += [f"optimisation {provenance['optimisation']}"] if "optimisation" in provenance else []
    return printable(" · ".join(parts))


def network_lines(report: ReportData) -> list[tuple[str, str]]:
    """Return (label, value) for each value of the network, in reading order."""
    values = {name: value for name, value in report.network.items() if name != "samples"}
    lines = []
    if isinstance(somewhere := values.pop("dead_points_somewhere", None), int):
        ratio = values.pop("dead_points_somewhere_ratio", None)
        lines.append(("points dead at some site", count(somewhere) + (f" ({_format_value(ratio)})" if ratio else "")))
    names = [site.name for site in report.sites]
    first, so_far = values.pop("first_dead", None), values.pop("linear_so_far", None)
    if isinstance(first, tuple) and len(first) == len(names) and any(first):
        places = [f"{name} ({count(n)})" for name, n in zip(names, first, strict=True) if n]
        lines.append(("where points die first", _join_names(places)))
    if isinstance(so_far, tuple) and so_far:
        lines.append(("points linear at every site", count(so_far[-1])))
    for name, label in (("dead_sites", "sites all dead"), ("linear_sites", "sites all linear")):
        if isinstance(sites := values.pop(name, None), tuple):
            lines.append((label, _join_names(list(sites))))
    if isinstance(accuracy := values.pop("accuracy", None), float | int):
        lines.append(("accuracy", f"{accuracy:.4f}"))
    lines += [(name.replace("_", " "), _format_value(value)) for name, value in values.items() if value is not None]
    return [(label, printable(value)) for label, value in lines]


def notes(report: ReportData) -> list[str]:
    """Return the notes with unprintable characters escaped."""
    return [printable(note) for note in report.notes]


def excluded_sites(report: ReportData) -> tuple[tuple[str, str, str], ...]:
    """Return (name, kind, reason) of each site that could not be analysed, unprintable characters escaped."""
    return tuple((printable(name), printable(kind), printable(reason)) for name, kind, reason in report.not_analysable)


def has_estimates(report: ReportData) -> bool:
    """Return whether any number of the report is an estimate."""
    values = [*report.network.values(), *(value for site in report.sites for value in site.values.values())]
    return any(isinstance(value, Estimate) for value in values)


def _join_names(names: list[str]) -> str:
    listed = ", ".join(names[:MAX_NAMES])
    return (listed or "none") + (f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else "")


def _format_value(value: Value) -> str:
    if isinstance(value, tuple):
        return _join_names([str(item) for item in value])
    if isinstance(value, float) and 0 <= value <= 1:
        return share(value)
    return count(value) if isinstance(value, int) else str(value)
