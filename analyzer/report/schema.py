"""The words of a report: each value's name, place, kind and meaning; docs/report.md lists the same."""

from collections.abc import Iterator
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


def _of_state(when: str, model: str) -> Iterator[Word]:
    """What is told of each of the two models."""
    yield Word(f"patterns_{when}", "site", "count", f"distinct patterns of the {model} model")
    yield Word(f"entropy_{when}", "site", "number", f"entropy of the patterns of the {model} model, in bits")
    yield Word(f"relative_entropy_{when}", "site", "share", "that, of the most it could be")
    yield Word(f"vni_{when}", "site", "share", f"vanishing node indicator of the {model} model")
    yield Word(f"dead_units_{when}", "site", "list", f"units never above 0 in the {model} model")
    yield Word(f"dead_unit_ratio_{when}", "site", "share", "those, of all units")


COMPARISON_WORDS = (
    Word("units", "site", "count", "units that switch at the site"),
    Word("samples", "site", "count", "samples compared: those finite here in every model"),
    Word("positions", "site", "number", "positions (pixels, tokens) of one sample; the mean if it varies"),
    Word("nonfinite_samples", "site", "count", "samples left out: a NaN or an infinity here in some model"),
    Word("distance", "site", "share", "D: patterns, one at each sample and position, that differ in at least one unit"),
    Word("temperature", "site", "number", "T = -log2(1 - D); null where every pattern changed and it is infinite"),
    Word("flip_share", "site", "share", "units, at each sample and position, that are active in one model only"),
    Word("weighted_jaccard", "site", "share", "smaller counts of all patterns summed, of the larger counts summed"),
    Word("jaccard", "site", "share", "distinct patterns of both models, of those of any"),
    Word("frequent_jaccard", "site", "share", "the same of the patterns that a model shows more than 10 times"),
    Word("symmetric_difference", "site", "share", "distinct patterns of one model only, of those of any"),
    Word("added", "site", "count", "distinct patterns of the second model only"),
    Word("removed", "site", "count", "distinct patterns of the first model only"),
    Word("net_change", "site", "number", "growth of the number of distinct patterns, of the number after"),
    *_of_state("before", "first"),
    *_of_state("after", "second"),
    Word("samples", "network", "count", "samples seen"),
    Word("mean_distance", "network", "share", "P: the mean of D over the sites"),
    Word("network_temperature", "network", "number", "-log2(1 - P); null where P is 1 and it is infinite"),
    Word("mean_temperature", "network", "number", "the mean of T over the sites, infinite ones as log2(2 patterns)"),
    Word("clipped_sites", "network", "list", "sites whose T is infinite"),
    Word("unit_flips", "unit", "count", "how often the unit is active in one model only, over samples and positions"),
    Word("unit_flip_share", "unit", "share", "that, of all samples and positions"),
)
