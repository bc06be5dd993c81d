"""The values of reports and comparisons: name, place, kind and meaning, as listed in docs/report.md and compare.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Place = Literal["site", "network", "unit"]
Kind = Literal["count", "number", "share", "list", "truth", "text"]


@dataclass(frozen=True)
class Field:
    """One value of a report.

    Args:
        name: its key.
        place: whether it belongs to a site, to the network or to each unit of a site.
        kind: "share" is a number from 0 to 1; "list" holds unit numbers, sample numbers, site names or counts by site.
        meaning: one line, in terms of site, unit, sample, position and pattern.
        share: for a list, the name of the value with the number of its members divided by the total; "" for a list of
            sites, for which it is computed.
    """

    name: str
    place: Place
    kind: Kind
    meaning: str
    share: str | None = None


REPORT_FIELDS = (
    Field("units", "site", "count", "units that switch at the site"),
    Field("unit_axis", "site", "number", "axis of the pre-activation that holds the units"),
    Field("samples", "site", "count", "number of samples"),
    Field("positions", "site", "number", "positions (pixels, tokens) of one sample; the mean if it varies"),
    Field("dead_units", "site", "list", "units whose pre-activation is never above 0", share="dead_unit_ratio"),
    Field("linear_units", "site", "list", "units whose pre-activation is always above 0", share="linear_unit_ratio"),
    Field("nonlinear_units", "site", "list", "units that are neither dead nor linear", share="nonlinear_unit_ratio"),
    Field("dead_unit_ratio", "site", "share", "dead units, of all units"),
    Field("linear_unit_ratio", "site", "share", "linear units, of all units"),
    Field("nonlinear_unit_ratio", "site", "share", "nonlinear units, of all units"),
    Field("dead_points", "site", "list", "samples for which no unit is ever above 0", share="dead_point_ratio"),
    Field(
        "linear_points", "site", "list", "samples for which every unit is always above 0", share="linear_point_ratio"
    ),
    Field("nonlinear_points", "site", "list", "samples neither dead nor linear", share="nonlinear_point_ratio"),
    Field("dead_point_count", "site", "count", "how many points are dead (the list holds at most 10,000)"),
    Field("linear_point_count", "site", "count", "how many points are linear"),
    Field("nonlinear_point_count", "site", "count", "how many points are nonlinear"),
    Field("dead_point_ratio", "site", "share", "dead points, of all samples"),
    Field("linear_point_ratio", "site", "share", "linear points, of all samples"),
    Field("nonlinear_point_ratio", "site", "share", "nonlinear points, of all samples"),
    Field("active_share", "site", "share", "pre-activations above 0, of all"),
    Field("patterns", "site", "count", "distinct patterns: which units are above 0 at one sample and position"),
    Field("top_pattern", "site", "share", "the most frequent pattern, of all occurrences of patterns"),
    Field("entropy", "site", "number", "entropy of the patterns, in bits"),
    Field(
        "relative_entropy", "site", "share", "entropy, divided by its maximum: min(units, log2(samples * positions))"
    ),
    Field("vni", "site", "share", "vanishing node indicator R_sq: 1 if all units are perfectly correlated"),
    Field("effective_units", "site", "number", "effective number of independent units: N (1 - vni) + 1"),
    Field("preactivation_vni", "site", "share", "the same indicator of the pre-activations"),
    Field("preactivation_effective_units", "site", "number", "the same number for the pre-activations"),
    Field("label_entropy", "site", "number", "entropy of the labels, in bits"),
    Field("joint_entropy", "site", "number", "entropy of pattern and label together, in bits"),
    Field("conditional_entropy", "site", "number", "entropy of the patterns given the label, in bits"),
    Field("mutual_information", "site", "number", "mutual information of patterns and labels, in bits"),
    Field("unit_upper_satisfied", "site", "share", "units whose largest pre-activation reaches the upper margin"),
    Field("unit_lower_satisfied", "site", "share", "units whose smallest pre-activation reaches the lower margin"),
    Field("point_upper_satisfied", "site", "share", "samples whose largest pre-activation reaches the upper margin"),
    Field("point_lower_satisfied", "site", "share", "samples whose smallest pre-activation reaches the lower margin"),
    Field("upper_margin", "site", "number", "the upper margin"),
    Field("lower_margin", "site", "number", "the lower margin"),
    Field("separated", "site", "truth", "whether all four are 1"),
    Field("nonfinite_values", "site", "count", "pre-activations that are NaN or infinite"),
    Field("nonfinite_samples", "site", "count", "samples with such a value"),
    Field("first_nonfinite", "site", "number", "number of the first such sample"),
    Field("samples", "network", "count", "number of samples"),
    Field("dead_points_somewhere", "network", "count", "samples that are a dead point of at least one site"),
    Field("dead_points_somewhere_ratio", "network", "share", "their share of all samples"),
    Field("first_dead", "network", "list", "for each site in order, how many points die there first"),
    Field("linear_so_far", "network", "list", "for each site in order, how many points are linear there and before"),
    Field("dead_sites", "network", "list", "sites where every unit is dead", share=""),
    Field("linear_sites", "network", "list", "sites where every unit is linear", share=""),
    Field("accuracy", "network", "share", "samples whose largest output is their label"),
    Field("global_patterns", "network", "count", "distinct patterns of all sites together"),
    Field("unit_low", "unit", "number", "smallest pre-activation"),
    Field("unit_high", "unit", "number", "largest pre-activation"),
    Field("unit_active", "unit", "count", "how often the pre-activation was above 0, over samples and positions"),
    Field("unit_active_share", "unit", "share", "its share of all samples and positions"),
    Field("unit_class", "unit", "text", "dead, linear or nonlinear"),
)
REPORT_FIELDS_BY_NAME = {field.name: field for field in reversed(REPORT_FIELDS)}
"""For a name of both a site and the network, that of the site."""


def _of_state(when: str, model: str) -> Iterator[Field]:
    """Yield the fields of one of the two models."""
    yield Field(f"patterns_{when}", "site", "count", f"distinct patterns of the {model} model")
    yield Field(f"entropy_{when}", "site", "number", f"entropy of the patterns of the {model} model, in bits")
    yield Field(f"relative_entropy_{when}", "site", "share", "that, divided by its maximum")
    yield Field(f"vni_{when}", "site", "share", f"vanishing node indicator of the {model} model")
    yield Field(f"dead_units_{when}", "site", "list", f"units never above 0 in the {model} model")
    yield Field(f"dead_unit_ratio_{when}", "site", "share", "their share of all units")


COMPARISON_FIELDS = (
    Field("units", "site", "count", "units that switch at the site"),
    Field("samples", "site", "count", "samples compared: those finite here in every model"),
    Field("positions", "site", "number", "positions (pixels, tokens) of one sample; the mean if it varies"),
    Field("nonfinite_samples", "site", "count", "samples excluded because of a NaN or an infinity in some model"),
    Field(
        "distance", "site", "share", "D: patterns, one at each sample and position, that differ in at least one unit"
    ),
    Field("temperature", "site", "number", "T = -log2(1 - D); null where every pattern changed and it is infinite"),
    Field("flip_share", "site", "share", "units, at each sample and position, that are active in one model only"),
    Field(
        "weighted_jaccard",
        "site",
        "share",
        "sum of the smaller count of each pattern, divided by that of the larger counts",
    ),
    Field("jaccard", "site", "share", "distinct patterns of both models, of the patterns of either"),
    Field("frequent_jaccard", "site", "share", "the same for patterns that occur more than 10 times in a model"),
    Field("symmetric_difference", "site", "share", "distinct patterns of one model only, of the patterns of either"),
    Field("added", "site", "count", "distinct patterns of the second model only"),
    Field("removed", "site", "count", "distinct patterns of the first model only"),
    Field("net_change", "site", "number", "growth of the number of distinct patterns, divided by the number after"),
    *_of_state("before", "first"),
    *_of_state("after", "second"),
    Field("samples", "network", "count", "number of samples"),
    Field("mean_distance", "network", "share", "P: the mean of D over the sites"),
    Field("network_temperature", "network", "number", "-log2(1 - P); null where P is 1 and it is infinite"),
    Field("mean_temperature", "network", "number", "the mean of T over the sites, infinite ones as log2(2 patterns)"),
    Field("clipped_sites", "network", "list", "sites whose T is infinite"),
    Field("unit_flips", "unit", "count", "how often the unit is active in one model only, over samples and positions"),
    Field("unit_flip_share", "unit", "share", "its share of all samples and positions"),
)
