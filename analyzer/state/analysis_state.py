"""State: the statistics of a model on data with their provenance; states of disjoint data merge."""

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import gcd
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from ..atomic_write import write_atomically
from ..errors import StateError
from ..sites import Site
from ..stats.packing import pack, present_name, stored_name, unpack


class DataShard(NamedTuple):
    """One of the shards of a data source: the samples whose number is `shard` modulo `of`.

    Args:
        data: identity of the source; empty if unknown, and then overlaps are not detected.
        shard: number of the shard.
        of: number of shards; 1 is all of the data.
    """

    data: str
    shard: int = 0
    of: int = 1

    def overlaps(self, other: Self) -> bool:
        """Whether both hold a common sample number of the same source.

        >>> DataShard("a", 0, 2).overlaps(DataShard("a", 1, 2)), DataShard("a", 0, 2).overlaps(DataShard("a"))
        (False, True)
        >>> DataShard("a", 0, 2).overlaps(DataShard("a", 1, 4)), DataShard("a", 0, 2).overlaps(DataShard("a", 2, 4))
        (False, True)
        """
        same = bool(self.data) and self.data == other.data
        return same and (self.shard - other.shard) % gcd(self.of, other.of) == 0

    def __str__(self) -> str:
        return "all of the data" if self.of == 1 else f"shard {self.shard}/{self.of}"


FORMAT = 1
_INFORMATIVE = frozenset({"model", "python", "machine", "way"})
"""Provenance that may differ between states that merge: a model is identified by its sha256 rather than its name, and
every backend counts the same."""
_DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    SyntaxError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)
"""Exceptions that reading a damaged archive can raise: any of its bits may be wrong."""


@dataclass(frozen=True, eq=False)
class State:
    """The statistics of a model on data.

    Args:
        provenance: model, runtime and options the statistics depend on; states merge if it is the same.
        sites: all sites of the model, including those that cannot be analysed.
        statistics: by name of the site, then by name of the statistic.
        network: statistics of the whole network by name: PointTraces, Accuracy, Patterns (global patterns).
        samples: number of samples.
        resume_at: number of the first sample that is not included; None for a merged state.
        notes: sentences that qualify the results.
        parts: the shards of data that are included.
    """

    provenance: Mapping[str, Any]
    sites: tuple[Site, ...]
    statistics: Mapping[str, Mapping[str, Any]]
    network: Mapping[str, Any]
    samples: int = 0
    resume_at: int | None = None
    notes: tuple[str, ...] = ()
    parts: tuple[DataShard, ...] = ()

    def merge(self, other: Self) -> Self:
        """Merge with the state of a disjoint part of the data.

        Raises:
            StateError: the states differ in provenance, or include the same samples.
        """
        self.check_compatible(other)
        for mine in self.parts:
            for theirs in other.parts:
                if mine.overlaps(theirs):
                    both = str(mine) if mine == theirs else f"{mine} and {theirs}"
                    raise StateError(
                        f"expected states of disjoint shards, got {both}, whose samples would count twice; omit one"
                    )
        return self.combine(other, parts=self.parts + other.parts)

    def combine(self, other: Self, *, parts: tuple[DataShard, ...]) -> Self:
        """Merge statistics without checking that the states are compatible and disjoint.

        Args:
            other: state of other samples.
            parts: the shards of data that both together include.
        """
        if self.samples == 0 or other.samples == 0:
            return replace(self if other.samples == 0 else other, parts=parts)
        merged = {
            name: _merge(self.statistics.get(name, {}), other.statistics.get(name, {}))
            for name in dict.fromkeys([*self.statistics, *other.statistics])
        }
        both = (self.provenance.get("way", ""), other.provenance.get("way", ""))
        backends = sorted({backend for each in both for backend in each.split(", ") if backend})
        return type(self)(
            provenance={**self.provenance, "way": ", ".join(backends)},
            sites=self.sites,
            statistics=merged,
            network=_merge(self.network, other.network),
            samples=self.samples + other.samples,
            parts=parts,
            notes=tuple(dict.fromkeys(self.notes + other.notes)),
        )

    def check_compatible(self, other: Self) -> None:
        """Check that both states are of the same analysis.

        Raises:
            StateError: the states differ in provenance or sites; the message has both values.
        """
        for name in dict.fromkeys([*self.provenance, *other.provenance]):
            if name in _INFORMATIVE:
                continue
            mine, theirs = self.provenance.get(name), other.provenance.get(name)
            if mine != theirs:
                raise StateError(
                    f"expected states with the same {name}, got {name} {mine!r} and {theirs!r}; "
                    "analyse all parts with the same options"
                )
        if [s.name for s in self.sites] != [s.name for s in other.sites]:
            raise StateError("expected states of the same sites, got different sites; analyse all parts with one model")

    def save(self, path: Path) -> None:
        """Write the state to a file, atomically.

        Raises:
            StateError: the file cannot be written.
        """
        arrays: dict[str, Any] = {}
        header = {
            "relucid_state": FORMAT,
            "made": dict(self.provenance),
            "sites": [asdict(site) for site in self.sites],
            "statistics": {name: _pack(f"s{i}", of, arrays) for i, (name, of) in enumerate(self.statistics.items())},
            "network": _pack("n", self.network, arrays),
            "samples": self.samples,
            "resume_at": self.resume_at,
            "notes": list(self.notes),
            "parts": self.parts,
        }
        try:
            with write_atomically(path) as part, part.open("wb") as file:
                np.savez(file, header=np.array(json.dumps(header)), **arrays)
        except OSError as error:
            raise StateError(f"cannot write the state to {path}: {error.strerror}; choose another path") from error

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a state written by `save`.

        Raises:
            StateError: the file is not a state, or is damaged.
        """
        try:
            if not path.exists():
                raise StateError(f"expected a state, got no such file: {path}; `relucid analyze --state` writes one")
            # Opened here since numpy does not close a file that is not an archive.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                header = json.loads(str(stored["header"]))
                if header["relucid_state"] != FORMAT:
                    raise StateError(
                        f"{path}: expected state format {FORMAT}, got {header['relucid_state']}; use a newer relucid"
                    )
                return cls(
                    provenance=header["made"],
                    sites=tuple(_read_site(row) for row in header["sites"]),
                    statistics={name: _unpack(of, stored) for name, of in header["statistics"].items()},
                    network=_unpack(header["network"], stored),
                    samples=header["samples"],
                    resume_at=header["resume_at"],
                    notes=tuple(header["notes"]),
                    parts=tuple(DataShard(*part) for part in header["parts"]),
                )
        except _DAMAGE as error:
            cause = next(iter(str(error).splitlines()), "") or type(error).__name__
            raise StateError(
                f"{path}: expected a state, got another or a damaged file ({cause}); write it again with --state"
            ) from error


def _merge(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    both = {name: mine[name].merge(theirs[name]) for name in mine if name in theirs}
    return {name: both.get(name, mine.get(name, theirs.get(name))) for name in dict.fromkeys([*mine, *theirs])}


def _pack(prefix: str, statistics: Mapping[str, Any], arrays: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The statistics as JSON for the header; their arrays are added to `arrays` and referred to by name."""

    def store(name: str, field: str, array: Any) -> dict[str, str]:
        arrays[f"{prefix}.{name}.{field}"] = array
        return {"array": f"{prefix}.{name}.{field}"}

    named = ((stored_name(name), of) for name, of in statistics.items())
    return {name: pack(of, partial(store, name)) for name, of in named}


def _unpack(header: Mapping[str, Mapping[str, Any]], stored: Mapping[str, Any]) -> dict[str, Any]:
    def fetch(value: Any) -> Any:
        return stored[value["array"]] if isinstance(value, dict) else value

    return {present_name(name): unpack(name, values, fetch) for name, values in header.items()}


def _read_site(row: dict[str, Any]) -> Site:
    shape = row.pop("shape")
    return Site(**row, shape=None if shape is None else tuple(shape))
