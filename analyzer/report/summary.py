"""What is said above and below the table: the model and its data, the network as a whole, and what to know."""

from typing import TYPE_CHECKING

from ..values.estimate import Estimate
from ..values.plain_data import Value
from .formatting import count, printable, share

if TYPE_CHECKING:
    from .report import Report

SHOWN = 5


def title(report: "Report") -> str:
    """The model's name, or what stands for it."""
    return printable(str(report.provenance.get("model") or "model without a name"))


def header(report: "Report") -> str:
    """One line: how many samples, which runtime, provider and optimisation level."""
    made = report.provenance
    samples = report.network.get("samples")
    parts = [f"{count(samples)} samples"] if isinstance(samples, int) else []
    parts += [f"onnxruntime {made['onnxruntime']}"] if "onnxruntime" in made else []
    parts += [str(made["provider"])] if "provider" in made else []
    parts += [f"optimisation {made['optimisation']}"] if "optimisation" in made else []
    return printable(" · ".join(parts))


def network(report: "Report") -> list[tuple[str, str]]:
    """(words, value) of everything known of the network as a whole, in reading order."""
    values = {name: value for name, value in report.network.items() if name != "samples"}
    rows = []
    if isinstance(somewhere := values.pop("dead_points_somewhere", None), int):
        ratio = values.pop("dead_points_somewhere_ratio", None)
        rows.append(("points dead at some site", count(somewhere) + (f" ({_number(ratio)})" if ratio else "")))
    names = [site.name for site in report.sites]
    first, so_far = values.pop("first_dead", None), values.pop("linear_so_far", None)
    if isinstance(first, tuple) and len(first) == len(names) and any(first):
        places = [f"{name} ({count(n)})" for name, n in zip(names, first, strict=True) if n]
        rows.append(("where points die first", _some(places)))
    if isinstance(so_far, tuple) and so_far:
        rows.append(("points linear at every site", count(so_far[-1])))
    for name, words in (("dead_sites", "sites all dead"), ("linear_sites", "sites all linear")):
        if isinstance(sites := values.pop(name, None), tuple):
            rows.append((words, _some(list(sites))))
    if isinstance(accuracy := values.pop("accuracy", None), float | int):
        rows.append(("accuracy", f"{accuracy:.4f}"))
    rows += [(name.replace("_", " "), _number(value)) for name, value in values.items() if value is not None]
    return [(words, printable(value)) for words, value in rows]


def notes(report: "Report") -> list[str]:
    """What a reader must know before trusting the numbers."""
    return [printable(note) for note in report.notes]


def estimated(report: "Report") -> bool:
    """Whether any number of the report is an estimate."""
    values = [*report.network.values(), *(value for site in report.sites for value in site.values.values())]
    return any(isinstance(value, Estimate) for value in values)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return (shown or "none") + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _number(value: Value) -> str:
    if isinstance(value, tuple):
        return _some([str(item) for item in value])
    if isinstance(value, float) and 0 <= value <= 1:
        return share(value)
    return count(value) if isinstance(value, int) else str(value)
