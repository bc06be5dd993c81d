"""The tables of a comparison and of a course."""

from collections.abc import Mapping

from ..report import summary
from ..report.columns import Column, select_columns
from ..report.data import ReportData
from ..report.formatting import count, decimals, number, printable, share
from ..report.sheet import Sheet, layouts_by_group
from ..values.estimate import Estimate
from ..values.plain_data import Value

INFINITE = "inf"
MAX_LISTED = 4
"""Maximum number of sites listed in a line."""
COMPARISON_COLUMNS = (
    (Column("distance", ("distance", "D"), share, places=3),),
    (Column("temperature", ("temp.", "T"), decimals(2), places=2),),
    (Column("flip_share", ("bits", "flipped"), share, places=3),),
    (Column("weighted_jaccard", ("weighted", "Jaccard"), share, places=3),),
    (Column("jaccard", ("", "Jaccard"), share, places=3),),
    (Column("added", ("patterns", "added"), count), Column("removed", ("", "removed"), count)),
    (
        Column("entropy_before", ("entropy", "before"), decimals(2), places=2),
        Column("entropy_after", ("(bits)", "after"), decimals(2), places=2),
    ),
    (
        Column("vni_before", ("VNI", "before"), share, places=3),
        Column("vni_after", ("", "after"), share, places=3),
    ),
    (Column("net_change", ("net", "change"), decimals(3), places=3),),
    (Column("units", ("", "units"), count),),
)
COURSE_COLUMNS = (
    Column("mean_distance_to_previous", ("distance", "to previous"), share, places=3),
    Column("network_temperature_to_previous", ("temp. T", "to previous"), decimals(2), places=2),
    Column("mean_weighted_jaccard_to_previous", ("similarity", "to previous"), share, places=3),
    Column("mean_weighted_jaccard_to_first", ("similarity", "to first"), share, places=3),
    Column("mean_weighted_jaccard_to_last", ("similarity", "to last"), share, places=3),
    Column("mean_entropy", ("entropy", "(bits)"), decimals(2), places=2),
    Column("mean_vni", ("", "VNI"), share, places=3),
    Column("mean_dead_unit_ratio", ("dead", "units"), share, places=3),
)


def build_comparison_sheet(report: ReportData) -> Sheet:
    """Build the table of a comparison: one row for each site, and the network below."""
    network = report.network
    lines = []
    if isinstance(P := network.get("mean_distance"), float):
        lines.append(("mean distance P", share(P)))
        lines.append(("temperature of P", _temperature(network.get("network_temperature"), P)))
    if isinstance(T := network.get("mean_temperature"), float):
        lines.append(("mean of the sites' T", f"{T:.2f}{_clipped(network.get('clipped_sites'))}"))
    rows = tuple((site.name, _mark_infinite(site.values, "distance", "temperature")) for site in report.sites)
    groups = tuple(filter(None, (select_columns(group, report) for group in COMPARISON_COLUMNS)))
    return _sheet(report, "site", rows, groups, tuple(lines), estimated=summary.has_estimates(report))


def build_course_sheet(report: ReportData) -> Sheet:
    """Build the table of a course: one row for each state, with the means over all sites."""
    states = report.network["states"]
    names = [str(name) for name in states] if isinstance(states, tuple) else []
    rows = []
    for position, name in enumerate(names):
        values: dict[str, Value] = {}
        for column in COURSE_COLUMNS:
            series = report.network.get(column.name)
            values[column.name] = series[position] if isinstance(series, tuple) else None
        rows.append((name, _mark_infinite(values, "mean_distance_to_previous", "network_temperature_to_previous")))
    lines = (("similarity", f"weighted Jaccard, mean over {count(len(report.sites))} sites"),)
    estimated = any(isinstance(value, Estimate) for _, values in rows for value in values.values())
    groups = tuple((column,) for column in COURSE_COLUMNS)
    return _sheet(report, "model", tuple(rows), groups, lines, estimated=estimated)


def _sheet(
    report: ReportData,
    what: str,
    rows: tuple[tuple[str, Mapping[str, Value]], ...],
    groups: tuple[tuple[Column, ...], ...],
    lines: tuple[tuple[str, str], ...],
    *,
    estimated: bool,
) -> Sheet:
    return Sheet(
        title=summary.title(report),
        header=summary.header(report),
        heading=what,
        rows=rows,
        layouts=layouts_by_group(groups),
        lines=lines,
        notes=tuple(summary.notes(report)),
        excluded=summary.excluded_sites(report),
        estimated=estimated,
    )


def _mark_infinite(values: Mapping[str, Value], distance: str, temperature: str) -> dict[str, Value]:
    """Replace the temperature by text where it is infinite, that is where every pattern changed."""
    return {**values, temperature: INFINITE} if number(values.get(distance)) == 1 else dict(values)


def _clipped(sites: Value) -> str:
    if not isinstance(sites, tuple) or not sites:
        return ""
    listed = printable(", ".join(sites[:MAX_LISTED])) + (" ..." if len(sites) > MAX_LISTED else "")
    return f", infinite ones as log2(2 patterns): {listed}"


def _temperature(T: Value, D: float) -> str:
    return INFINITE if D == 1 else f"{number(T) or 0.0:.2f}"
