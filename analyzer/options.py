"""The options of an analysis, validated once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from .errors import OptionError
from .measures import MEASURES, Measure
from .sites import KINDS, Site
from .stats import Points, Statistic, UnitRanges
from .stats.patterns import CAPACITY

Units = Literal["channel", "position"]
"""What counts as a unit: a coordinate of the unit axis, or each (position, unit)."""

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
"""Names of measures: those of `MEASURES`, in their order, then `GLOBAL_PATTERNS`."""

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

GLOBAL_PATTERNS = "global_patterns"
"""Name of the measure that counts patterns of the whole network; computed only if named in `measures`."""

MAX_COVARIANCE_UNITS = 4096
"""Default of the option `squares`: co-moments of 4096 units take 4096^2 float64, 128 MiB."""

_MEASURE_NAMES = (*(measure.name for measure in MEASURES), GLOBAL_PATTERNS)
_MAX_LISTED_SITES = 8


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of an analysis; `relucid.analyze` documents each.

    Raises:
        OptionError: an option has an invalid value.
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
    squares: int = MAX_COVARIANCE_UNITS
    output: str | None = None
    custom_ops: Path | None = None
    portable: bool = False

    @classmethod
    def of(
        cls,
        *,
        measures: MeasureName | Sequence[MeasureName] | None = None,
        kinds: Kind | Sequence[Kind] | None = None,
        unit_axis: Mapping[str, int] | None = None,
        custom_ops: str | PathLike[str] | None = None,
        **others: Any,
    ) -> Self:
        """Create options from arguments of `relucid.analyze`, such as a single measure in place of a sequence."""
        return cls(
            measures=as_sequence(measures),
            kinds=as_sequence(kinds),
            unit_axis=dict(unit_axis or {}),
            custom_ops=None if custom_ops is None else Path(custom_ops),
            **others,
        )

    def __post_init__(self) -> None:
        for measure in self.measures or ():
            if measure not in _MEASURE_NAMES:
                raise OptionError(f"expected measures among {', '.join(_MEASURE_NAMES)}, got {measure!r}")
        for kind in self.kinds or ():
            if kind not in KINDS:
                raise OptionError(f"expected kinds of sites among {', '.join(KINDS)}, got {kind!r}")
        if self.units not in {"channel", "position"}:
            raise OptionError(f"expected units 'channel' or 'position', got {self.units!r}")
        for name, least in (("batch", 1), ("limit", 1), ("threads", 1), ("capacity", 1), ("squares", 0), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, Integral) or value < least):
                raise OptionError(f"expected {name} to be an integer of at least {least}, got {value!r}")
        if self.shard is not None and not _is_pair(self.shard):
            raise OptionError(f"expected shard (i, n) of integers with 0 <= i < n, got {self.shard!r}")

    def select_measures(self, *, labels: bool) -> tuple[Measure, ...]:
        """The site measures to compute: those named, else the defaults, with labels also those that need labels.

        Args:
            labels: whether the data has labels.

        Raises:
            OptionError: a named measure needs labels and there are none.
        """
        if self.measures is None:
            return tuple(m for m in MEASURES if m.default or (labels and m.labels))
        selected = tuple(m for m in MEASURES if m.name in self.measures)
        for measure in selected:
            if measure.labels and not labels:
                raise OptionError(f"expected labels for the measure {measure.name!r}, got none; pass labels")
        return selected

    def select_statistics(self, *, labels: bool) -> tuple[type[Statistic], ...]:
        """The types of the statistics that the measures read, each once; every report needs unit ranges and points.

        Args:
            labels: whether the data has labels.

        Raises:
            OptionError: a named measure needs labels and there are none.
        """
        needed = (kind for measure in self.select_measures(labels=labels) for kind in measure.needs)
        return tuple(dict.fromkeys((UnitRanges, Points, *needed)))

    @property
    def counts_global_patterns(self) -> bool:
        """Whether patterns of the whole network are counted."""
        return GLOBAL_PATTERNS in (self.measures or ())

    def select_sites(self, sites: Sequence[Site]) -> tuple[Site, ...]:
        """The sites selected by the options `sites` and `kinds`, with the unit axes of `unit_axis`.

        Raises:
            OptionError: no site is selected, or `unit_axis` names an unknown site or an invalid axis.
        """
        globs = self._globs
        selected = [
            s
            for s in sites
            if (globs is None or any(_matches(s, g) for g in globs)) and (self.kinds is None or s.kind in self.kinds)
        ]
        if sites and not selected:
            raise OptionError(
                f"expected a selection that matches a site, got {_describe_selection(globs, self.kinds)}; "
                f"choose from {_list(sites)}"
            )
        names = {s.name for s in sites}
        for name in self.unit_axis:
            if name not in names:
                raise OptionError(
                    f"unit_axis: expected the name of a site, got {name!r}; `relucid sites` lists the sites"
                )
        return tuple(_set_unit_axis(s, self.unit_axis.get(s.name)) for s in selected)

    def unmatched_globs(self, sites: Sequence[Site]) -> tuple[str, ...]:
        """The names and globs of the option `sites` that match none of the sites."""
        return tuple(glob for glob in self._globs or () if not any(_matches(site, glob) for site in sites))

    @property
    def provenance(self) -> dict[str, Any]:
        """The options that determine what is counted, as the provenance of a report records them."""
        return {
            "units": self.units,
            "unit_axis": dict(self.unit_axis),
            "capacity": self.capacity,
            "seed": self.seed,
            "squares": self.squares,
        }

    @property
    def _globs(self) -> Sequence[str] | None:
        return [self.sites] if isinstance(self.sites, str) else self.sites


Name = TypeVar("Name", bound=str)


def as_sequence(names: Name | Sequence[Name] | None) -> Sequence[Name] | None:
    """Wrap a single name in a tuple; a sequence or None is returned unchanged.

    >>> as_sequence("vni"), as_sequence(["units", "vni"])
    (('vni',), ['units', 'vni'])
    """
    return (names,) if isinstance(names, str) else names


def _is_pair(shard: object) -> bool:
    return isinstance(shard, Sequence) and len(shard) == 2 and all(isinstance(part, Integral) for part in shard)


def _matches(site: Site, glob: str) -> bool:
    return site.name == glob or fnmatchcase(site.name, glob)


def _describe_selection(globs: Sequence[str] | None, kinds: Sequence[str] | None) -> str:
    names = " or ".join(map(repr, globs or ["*"]))
    return names + (f" of the kinds {', '.join(kinds)}" if kinds is not None else "")


def _list(sites: Sequence[Site]) -> str:
    more = len(sites) - _MAX_LISTED_SITES
    listed = ", ".join(site.name for site in sites[:_MAX_LISTED_SITES])
    return listed + (f" and {more} more; `relucid sites` lists all" if more > 0 else "")


def _set_unit_axis(site: Site, axis: int | None) -> Site:
    if axis is None:
        return site
    if site.shape is not None and not -len(site.shape) <= axis < len(site.shape):
        raise OptionError(
            f"expected a unit axis among the {len(site.shape)} axes of site {site.name!r}, got {axis}; "
            "`relucid sites` shows its shape"
        )
    if site.shape is not None and len(site.shape) > 1 and axis % len(site.shape) == site.sample_axis:
        raise OptionError(
            f"expected a unit axis of site {site.name!r}, got its sample axis {axis}; choose another axis"
        )
    return Site(**{**vars(site), "unit_axis": axis, "rule": "set by the user"})
