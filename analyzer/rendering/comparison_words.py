"""The words of a comparison: each value's name, place, kind and meaning; docs/compare.md lists the same."""

from collections.abc import Iterator

from .words import Word


def _of_state(when: str, model: str) -> Iterator[Word]:
    """What is told of each of the two models."""
    yield Word(f"patterns_{when}", "site", "count", f"distinct patterns of the {model} model")
    yield Word(f"entropy_{when}", "site", "number", f"entropy of the patterns of the {model} model, in bits")
    yield Word(f"relative_entropy_{when}", "site", "share", "that, of the most it could be")
    yield Word(f"vni_{when}", "site", "share", f"vanishing node indicator of the {model} model")
    yield Word(f"dead_units_{when}", "site", "list", f"units never above 0 in the {model} model")
    yield Word(f"dead_unit_ratio_{when}", "site", "share", "those, of all units")


WORDS = (
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
