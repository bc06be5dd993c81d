"""The options of an analysis, checked once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from numbers import Integral
from pathlib import Path
from typing import Literal, TypeVar

from .errors import OptionError
from .measures import MEASURES, Measure
from .sites import KINDS, Site
from .stats.patterns import CAPACITY

Units = Literal["channel", "position"]
"""What a unit is: a coordinate of the unit axis, or every coordinate of a sample."""

Provider = Literal["cpu", "cuda"]
"""Where the model runs."""

MeasureName = Literal[
    "units",
    "points",
    "patterns",
    "vni",
    "margins",
    "preactivation_vni",
    "information",
    "global_patterns",
]
"""What can be measured: the names of `MEASURES`, and of the one measure of the whole network."""

Kind = Literal[
    "celu",
    "clip",
    "elu",
    "gelu",
    "hard_sigmoid",
    "hard_swish",
    "leaky_relu",
    "mask",
    "max",
    "mish",
    "prelu",
    "quantize",
    "quick_gelu",
    "relu",
    "selu",
    "silu",
    "softplus",
    "thresholded_relu",
    "where",
]
"""Kinds of sites: the names of `KINDS`."""

Word = TypeVar("Word", bound=str)


def as_sequence(words: Word | Sequence[Word] | None) -> Sequence[Word] | None:
    """Several words, where one may be given by itself.

    >>> as_sequence("vni"), as_sequence(["units", "vni"])
    (('vni',), ['units', 'vni'])
    """
    return (words,) if isinstance(words, str) else words


GLOBAL = "global_patterns"
"""The one measure of the whole network that has to be asked for."""

SQUARES = 4096
"""Most units whose co-moments are kept unless asked otherwise: 4096^2 float64 take 128 MiB."""

SHOWN = 8
"""Names of sites that a message lists."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to analyse. `relucid.analyze` says what each option means.

    Raises:
        OptionError: an option has a value that cannot be meant.
    """

    measures: Sequence[MeasureName] | None = None
    sites: str | Sequence[str] | None = None
    kinds: Sequence[Kind] | None = None
    unit_axis: Mapping[str, int] = field(default_factory=dict)
    units: Units = "channel"
    batch: int | None = None
    limit: int | None = None
    shard: tuple[int, int] | None = None
    provider: Provider = "cpu"
    exact: bool = False
    threads: int | None = None
    capacity: int = CAPACITY
    seed: int = 0
    squares: int = SQUARES
    output: str | None = None
    custom_ops: Path | None = None
    portable: bool = False

    def __post_init__(self) -> None:
        for measure in self.measures or ():
            if measure not in _MEASURES:
                raise OptionError(f"no measure is called {measure!r}; there are {', '.join(_MEASURES)}")
        for kind in self.kinds or ():
            if kind not in KINDS:
                raise OptionError(f"no kind of site is called {kind!r}; there are {', '.join(KINDS)}")
        if self.units not in {"channel", "position"}:
            raise OptionError(f"units are counted by 'channel' or by 'position', not {self.units!r}")
        for name, least in (("batch", 1), ("limit", 1), ("threads", 1), ("capacity", 1), ("squares", 0), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and not isinstance(value, Integral):
                raise OptionError(f"{name} must be a whole number of at least {least}, not {value!r}")
            if value is not None and value < least:
                raise OptionError(f"{name} must be at least {least}, not {value}")
        if self.shard is not None and not _is_pair(self.shard):
            raise OptionError(f"a shard is (i, n) with 0 <= i < n, not {self.shard!r}")

    def chosen_measures(self, *, labels: bool) -> tuple[Measure, ...]:
        """The measures of a site to compute: those named, else the defaults, and with labels those that need them.

        Raises:
            OptionError: a measure was named that needs labels, and there are none.
        """
        if self.measures is None:
            return tuple(m for m in MEASURES if m.default or (labels and m.labels))
        chosen = tuple(m for m in MEASURES if m.name in self.measures)
        for measure in chosen:
            if measure.labels and not labels:
                raise OptionError(f"the measure {measure.name!r} needs the class of every sample; give labels")
        return chosen

    @property
    def wants_global_patterns(self) -> bool:
        """Whether patterns of the whole network are counted too."""
        return GLOBAL in (self.measures or ())

    def chosen_sites(self, sites: Sequence[Site]) -> tuple[Site, ...]:
        """The sites that match the patterns and kinds asked for, with the unit axes the user set.

        Raises:
            OptionError: nothing matches, or an axis was set for a site that is not there.
        """
        globs = self._globs
        chosen = [
            s
            for s in sites
            if (globs is None or any(_fits(s, g) for g in globs)) and (self.kinds is None or s.kind in self.kinds)
        ]
        if sites and not chosen:
            raise OptionError(f"no site matches {_asked(globs, self.kinds)}; the model has {_some(sites)}")
        names = {s.name for s in sites}
        for name in self.unit_axis:
            if name not in names:
                raise OptionError(f"a unit axis is set for {name!r}, which is no site; see `relucid sites`")
        return tuple(_with_axis(s, self.unit_axis.get(s.name)) for s in chosen)

    def unmatched(self, sites: Sequence[Site]) -> tuple[str, ...]:
        """The names and globs asked for that none of the sites fits."""
        return tuple(glob for glob in self._globs or () if not any(_fits(site, glob) for site in sites))

    @property
    def _globs(self) -> Sequence[str] | None:
        return [self.sites] if isinstance(self.sites, str) else self.sites


def _is_pair(shard: object) -> bool:
    return isinstance(shard, Sequence) and len(shard) == 2 and all(isinstance(part, Integral) for part in shard)


def _fits(site: Site, glob: str) -> bool:
    return site.name == glob or fnmatchcase(site.name, glob)


def _asked(globs: Sequence[str] | None, kinds: Sequence[str] | None) -> str:
    """What sites were asked for, in words."""
    named = " or ".join(map(repr, globs or ["*"]))
    return named + (f" of the kinds {', '.join(kinds)}" if kinds is not None else "")


def _some(sites: Sequence[Site]) -> str:
    shown = ", ".join(site.name for site in sites[:SHOWN])
    return shown + (f" and {len(sites) - SHOWN} more; see `relucid sites`" if len(sites) > SHOWN else "")


def _with_axis(site: Site, axis: int | None) -> Site:
    if axis is None:
        return site
    if site.shape is not None and not -len(site.shape) <= axis < len(site.shape):
        raise OptionError(f"site {site.name!r} has values of {len(site.shape)} axes; {axis} is none of them")
    if site.shape is not None and len(site.shape) > 1 and axis % len(site.shape) == site.sample_axis:
        raise OptionError(f"site {site.name!r} counts its samples along axis {axis}; units lie along another")
    return Site(**{**vars(site), "unit_axis": axis, "rule": "set by the user"})


_MEASURES = (*(m.name for m in MEASURES), GLOBAL)
