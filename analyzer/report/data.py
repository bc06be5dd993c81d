"""The data of a report: values by site and for the network, frozen and plain, independent of how they are shown."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..values.plain_data import Value, describe_unknown_name, equal_values, to_plain


@dataclass(frozen=True, eq=False, repr=False)
class SiteReport:
    """The results of one site; every value is available as a key and as an attribute.

    Args:
        name: the site's name.
        kind: its activation: relu, leaky_relu, gelu ...
        values: by name: numbers, Estimates, text, None where a value is not defined, tuples of unit or sample
            numbers, and arrays (unit,). Copied; numpy scalars become Python's. A non-finite float becomes None,
            or NaN inside an array.

    Raises:
        ValueError: an array is not one-dimensional, or its length is not `units` or that of another array.

    >>> site = SiteReport("features.3", "relu", {"units": 3, "dead_units": (1,), "unit_low": np.array([-1, -2, -3])})
    >>> site.dead_units, site["units"]
    ((1,), 3)
    """

    name: str
    kind: str
    values: Mapping[str, Value]

    def __post_init__(self) -> None:
        values = to_plain(self.values, arrays=True)
        sizes = {name: len(value) for name, value in values.items() if isinstance(value, np.ndarray)}
        units = values.get("units", next(iter(sizes.values()), 0))
        if any(size != units for size in sizes.values()):
            raise ValueError(f"site {self.name!r}: expected arrays of length {units}, one entry per unit, got {sizes}")
        object.__setattr__(self, "values", MappingProxyType(values))

    @property
    def per_unit(self) -> dict[str, NDArray[Any]]:
        """The values with one entry per unit, arrays (unit,)."""
        return {name: value for name, value in self.values.items() if isinstance(value, np.ndarray)}

    def __getitem__(self, name: str) -> Value:
        if name not in self.values:
            raise KeyError(describe_unknown_name(f"site {self.name!r} has no value", name, self.values))
        return self.values[name]

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("values", {})
        if name not in values:
            raise AttributeError(describe_unknown_name("a site's report has no value", name, values))
        return values[name]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.values})

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SiteReport):
            return NotImplemented
        return (self.name, self.kind) == (other.name, other.kind) and equal_values(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return SiteReport, (self.name, self.kind, dict(self.values))

    def __repr__(self) -> str:
        return f"SiteReport({self.name!r}, {self.kind!r}, {len(self.values)} values)"


@dataclass(frozen=True, eq=False, repr=False)
class ReportData:
    """The results of a model on data: sites in order of depth, the network as a whole, and the provenance.

    `Report` adds how it is shown, saved and loaded; its docstring describes the fields.

    Raises:
        ValueError: two sites have the same name.
    """

    sites: tuple[SiteReport, ...]
    network: Mapping[str, Value] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    not_analysable: tuple[tuple[str, str, str], ...] = ()

    def __post_init__(self) -> None:
        names = [site.name for site in self.sites]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"expected unique site names, got {twice!r} twice")
        object.__setattr__(self, "sites", tuple(self.sites))
        object.__setattr__(self, "network", MappingProxyType(to_plain(self.network)))
        object.__setattr__(self, "provenance", MappingProxyType(to_plain(self.provenance)))
        object.__setattr__(self, "notes", tuple(self.notes))
        object.__setattr__(
            self, "not_analysable", tuple((name, kind, reason) for name, kind, reason in self.not_analysable)
        )

    def __getitem__(self, name: str) -> SiteReport:
        for site in self.sites:
            if site.name == name:
                return site
        raise KeyError(describe_unknown_name("the report has no site", name, [site.name for site in self.sites]))

    def __iter__(self) -> Iterator[SiteReport]:
        return iter(self.sites)

    def __contains__(self, name: object) -> bool:
        return any(site.name == name for site in self.sites)

    def __getattr__(self, name: str) -> Any:
        network = self.__dict__.get("network", {})
        if name not in network:
            raise AttributeError(describe_unknown_name("the report has no value of the network", name, network))
        return network[name]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.network} - {"made"})  # the deprecated name of `provenance`

    def _ipython_key_completions_(self) -> list[str]:
        return [site.name for site in self.sites]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ReportData):
            return NotImplemented
        return (
            self.sites == other.sites
            and equal_values(self.network, other.network)
            and equal_values(self.provenance, other.provenance)
            and (self.notes, self.not_analysable) == (other.notes, other.not_analysable)
        )

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.sites, dict(self.network), dict(self.provenance), self.notes, self.not_analysable)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.sites)} sites of {self.provenance.get('model', 'a model')})"
