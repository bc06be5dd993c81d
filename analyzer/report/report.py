"""The report: what we tell of a model on data, as frozen plain data by site and by network."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..atomic_write import read_back, write_all
from ..errors import DataError
from ..values.plain_data import Value, equal_values, to_plain, unknown_name
from . import html_page, serialize

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


@dataclass(frozen=True, eq=False, repr=False)
class SiteReport:
    """What one site did: every value is a key and an attribute.

    Args:
        name: the site's name.
        kind: its activation: relu, leaky_relu, gelu ...
        values: by name: numbers, Estimates, text, None where a value is not defined, tuples of unit or sample
            numbers, and arrays (unit,) with one entry per unit. Copied; numpy scalars become plain ones. A float that
            is not finite says nothing: it becomes None, inside an array NaN.

    Raises:
        ValueError: arrays of different lengths, or of another length than `units`, or not one-dimensional.

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
            raise ValueError(f"site {self.name!r}: {units} units, but arrays of one entry per unit have {sizes}")
        object.__setattr__(self, "values", MappingProxyType(values))

    @property
    def per_unit(self) -> dict[str, NDArray[Any]]:
        """The values that hold one entry per unit, arrays (unit,)."""
        return {name: value for name, value in self.values.items() if isinstance(value, np.ndarray)}

    def __getitem__(self, name: str) -> Value:
        if name not in self.values:
            raise KeyError(unknown_name(f"site {self.name!r} has no value", name, self.values))
        return self.values[name]

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("values", {})
        if name not in values:
            raise AttributeError(unknown_name("a site's report has no value", name, values))
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
class Report:
    """What a model did on data: sites in order of depth, the network as a whole, and how the numbers were made.

    Args:
        sites: one report per analysed site, in order of depth, names unique.
        network: values of the whole network by name; each is an attribute too.
        provenance: what the numbers were made with (model, sha256, onnxruntime, provider, measures, capacity ...).
        notes: sentences a reader must know before trusting the numbers.
        not_analysable: (name, kind, reason) of every place that decides but could not be analysed.

    Raises:
        ValueError: two sites of one name.

    >>> report = Report((SiteReport("act", "relu", {"dead_units": (4,)}),), network={"accuracy": 0.75})
    >>> report["act"].dead_units, report.accuracy
    ((4,), 0.75)
    """

    FILES: ClassVar = ("report.json", "units.csv", "report.html")
    """The names under which it is saved."""

    sites: tuple[SiteReport, ...]
    network: Mapping[str, Value] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    not_analysable: tuple[tuple[str, str, str], ...] = ()

    def __post_init__(self) -> None:
        names = [site.name for site in self.sites]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"two sites of a report are named {twice!r}")
        object.__setattr__(self, "sites", tuple(self.sites))
        object.__setattr__(self, "network", MappingProxyType(to_plain(self.network)))
        object.__setattr__(self, "provenance", MappingProxyType(to_plain(self.provenance)))
        object.__setattr__(self, "notes", tuple(self.notes))
        object.__setattr__(
            self, "not_analysable", tuple((name, kind, reason) for name, kind, reason in self.not_analysable)
        )

    @property
    def made(self) -> Mapping[str, Any]:
        """The former name of `provenance`."""
        warnings.warn("Report.made is now called Report.provenance", DeprecationWarning, stacklevel=2)
        return self.provenance

    def __getitem__(self, name: str) -> SiteReport:
        for site in self.sites:
            if site.name == name:
                return site
        raise KeyError(unknown_name("the report has no site", name, [site.name for site in self.sites]))

    def __iter__(self) -> Iterator[SiteReport]:
        return iter(self.sites)

    def __contains__(self, name: object) -> bool:
        return any(site.name == name for site in self.sites)

    def __getattr__(self, name: str) -> Any:
        network = self.__dict__.get("network", {})
        if name not in network:
            raise AttributeError(unknown_name("the report has no value of the network", name, network))
        return network[name]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.network} - {"made"})

    def _ipython_key_completions_(self) -> list[str]:
        return [site.name for site in self.sites]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Report):
            return NotImplemented
        return (
            self.sites == other.sites
            and equal_values(self.network, other.network)
            and equal_values(self.provenance, other.provenance)
            and (self.notes, self.not_analysable) == (other.notes, other.not_analysable)
        )

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return Report, (self.sites, dict(self.network), dict(self.provenance), self.notes, self.not_analysable)

    def __repr__(self) -> str:
        return f"Report({len(self.sites)} sites of {self.provenance.get('model', 'a model')})"

    def __str__(self) -> str:
        """The table as plain text, at most 100 columns."""
        from .table import as_text  # noqa: PLC0415 - rich is slow to import

        return as_text(self)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from .html_page import report_to_snippet  # noqa: PLC0415 - wanted by notebooks alone

        return report_to_snippet(self)

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from .table import renderables  # noqa: PLC0415 - rich is slow to import

        yield from renderables(self, width=options.max_width)

    def to_json(self) -> str:
        """The whole report as strict JSON, schema in docs/report.md."""
        return serialize.report_to_json(self)

    def to_csv(self) -> str:
        """The values of single units as one CSV table."""
        return serialize.units_to_csv(self)

    def to_html(self) -> str:
        """The report as one self-contained page."""
        return html_page.report_to_page(self)

    def save(self, folder: str | Path) -> tuple[Path, ...]:
        """Write it as JSON, CSV and HTML under the names `FILES` into the folder, each whole or not at all.

        Args:
            folder: made if it does not exist.

        Returns:
            the three paths, in that order.

        Raises:
            OptionError: the folder cannot be written to.
        """
        texts = (self.to_json(), self.to_csv(), self.to_html())
        return write_all(Path(folder), dict(zip(self.FILES, texts, strict=True)))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a report back from its JSON, or from the folder that holds it; equal to the one saved.

        Raises:
            DataError: no such file, not a report, damaged, or written by a newer schema.
        """
        text, source = read_back(Path(path), cls.FILES[0])
        sites, network, made, notes, not_analysable = serialize.report_from_json(text, source)
        try:
            return cls(tuple(SiteReport(*site) for site in sites), network, made, notes, not_analysable)
        except ValueError as error:
            raise DataError(f"{source} is a damaged report: {error}") from error
