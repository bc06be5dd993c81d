"""The words of a report: each value's name, place, kind and meaning; docs/report.md lists the same."""

from dataclasses import dataclass
from typing import Literal

Place = Literal["site", "network", "unit"]
Kind = Literal["count", "number", "share", "list", "truth", "text"]


@dataclass(frozen=True)
class Word:
    """One value of a report.

    Args:
        name: its key.
        place: whether a site, the network or each unit of a site has it.
        kind: a share lies between 0 and 1; a list holds unit numbers, sample numbers, site names or counts by site.
        meaning: one line for a reader who knows the words site, unit, sample, position and pattern.
        share: for a list, the value that is its share of all, or "" if the share is taken over the sites.
    """

    name: str
    place: Place
    kind: Kind
    meaning: str
    share: str | None = None


WORDS = (
    Word("units", "site", "count", "units that switch at the site"),
    Word("unit_axis", "site", "number", "axis of the pre-activation that holds the units"),
    Word("samples", "site", "count", "samples seen"),
    Word("positions", "site", "number", "positions (pixels, tokens) of one sample; the mean if it varies"),
    Word("dead_units", "site", "list", "units whose pre-activation is never above 0", share="dead_unit_ratio"),
    Word("linear_units", "site", "list", "units whose pre-activation is always above 0", share="linear_unit_ratio"),
    Word("nonlinear_units", "site", "list", "units that are neither dead nor linear", share="nonlinear_unit_ratio"),
    Word("dead_unit_ratio", "site", "share", "dead units, of all units"),
    Word("linear_unit_ratio", "site", "share", "linear units, of all units"),
    Word("nonlinear_unit_ratio", "site", "share", "nonlinear units, of all units"),
    Word("dead_points", "site", "list", "samples for which no unit is ever above 0", share="dead_point_ratio"),
    Word("linear_points", "site", "list", "samples for which every unit is always above 0", share="linear_point_ratio"),
    Word("nonlinear_points", "site", "list", "samples neither dead nor linear", share="nonlinear_point_ratio"),
    Word("dead_point_count", "site", "count", "how many points are dead (the list holds at most 10,000)"),
    Word("linear_point_count", "site", "count", "how many points are linear"),
    Word("nonlinear_point_count", "site", "count", "how many points are nonlinear"),
    Word("dead_point_ratio", "site", "share", "dead points, of all samples"),
    Word("linear_point_ratio", "site", "share", "linear points, of all samples"),
    Word("nonlinear_point_ratio", "site", "share", "nonlinear points, of all samples"),
    Word("active_share", "site", "share", "pre-activations above 0, of all"),
    Word("patterns", "site", "count", "distinct patterns: which units are above 0 at one sample and position"),
    Word("top_pattern", "site", "share", "the most frequent pattern, of all patterns seen"),
    Word("entropy", "site", "number", "entropy of the patterns, in bits"),
    Word("relative_entropy", "site", "share", "entropy, of the most it could be: min(units, log2(patterns seen))"),
    Word("vni", "site", "share", "vanishing node indicator R_sq: 1 where all units vary as one"),
    Word("effective_units", "site", "number", "how many independent units the site is worth: N (1 - vni) + 1"),
    Word("preactivation_vni", "site", "share", "the same indicator of the pre-activations"),
    Word("preactivation_effective_units", "site", "number", "the same count by the pre-activations"),
    Word("label_entropy", "site", "number", "entropy of the labels, in bits"),
    Word("joint_entropy", "site", "number", "entropy of pattern and label together, in bits"),
    Word("conditional_entropy", "site", "number", "entropy of the patterns given the label, in bits"),
    Word("mutual_information", "site", "number", "what patterns and labels tell of each other, in bits"),
    Word("unit_upper_satisfied", "site", "share", "units whose largest pre-activation reaches the upper margin"),
    Word("unit_lower_satisfied", "site", "share", "units whose smallest pre-activation reaches the lower margin"),
    Word("point_upper_satisfied", "site", "share", "samples whose largest pre-activation reaches the upper margin"),
    Word("point_lower_satisfied", "site", "share", "samples whose smallest pre-activation reaches the lower margin"),
    Word("upper_margin", "site", "number", "the upper margin"),
    Word("lower_margin", "site", "number", "the lower margin"),
    Word("separated", "site", "truth", "whether all four are 1"),
    Word("nonfinite_values", "site", "count", "pre-activations that are NaN or infinite"),
    Word("nonfinite_samples", "site", "count", "samples with such a value"),
    Word("first_nonfinite", "site", "number", "number of the first such sample"),
    Word("samples", "network", "count", "samples seen"),
    Word("dead_points_somewhere", "network", "count", "samples that are a dead point of at least one site"),
    Word("dead_points_somewhere_ratio", "network", "share", "those, of all samples"),
    Word("first_dead", "network", "list", "for each site in order, how many points die there first"),
    Word("linear_so_far", "network", "list", "for each site in order, how many points are linear there and before"),
    Word("dead_sites", "network", "list", "sites where every unit is dead", share=""),
    Word("linear_sites", "network", "list", "sites where every unit is linear", share=""),
    Word("accuracy", "network", "share", "samples whose largest output is their label"),
    Word("global_patterns", "network", "count", "distinct patterns of all sites together"),
    Word("unit_low", "unit", "number", "smallest pre-activation"),
    Word("unit_high", "unit", "number", "largest pre-activation"),
    Word("unit_active", "unit", "count", "how often the pre-activation was above 0, over samples and positions"),
    Word("unit_active_share", "unit", "share", "that, of all samples and positions"),
    Word("unit_class", "unit", "text", "dead, linear or nonlinear"),
)
BY_NAME = {word.name: word for word in reversed(WORDS)}
