"""A state: the statistics of a model on data, with what they were made with; states merge and are saved."""

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
    """A share of some data.

    Args:
        data: what `identity` says of it; empty if nothing is known, and then nothing can be noticed.
        shard: which of how many shards.
        of: how many; 1 is all of the data.
    """

    data: str
    shard: int = 0
    of: int = 1

    def overlaps(self, other: Self) -> bool:
        """Whether a sample may be in both: whether a number can be shard modulo of for both of them.

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
"""What a state carries for readers only: the model is known by its sha256, whatever its file is called, and every way
of counting gives the same counts."""
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
"""What reading a damaged archive can end in: a flipped bit may ask for a password, a compression, a length."""


@dataclass(frozen=True, eq=False)
class State:
    """What was seen, before any formula.

    Args:
        provenance: what it was made with: only states made with the same merge.
        sites: every site of the model, those that cannot be analysed too.
        statistics: of each analysed site by its name, then by the name of the statistic.
        network: statistics of the whole network by name: PointTraces, Accuracy, Patterns (of global patterns).
        samples: how many samples were seen.
        resume_at: number of the first sample not seen yet; None once states were merged.
        notes: sentences a reader must know.
        parts: which parts of which data were seen.
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
        """What two disjoint parts of the data show together.

        Raises:
            StateError: the two were made with different things, or saw the same samples; the message names both.
        """
        self.must_match(other)
        for mine in self.parts:
            for theirs in other.parts:
                if mine.overlaps(theirs):
                    both = str(mine) if mine == theirs else f"{mine} and {theirs}"
                    raise StateError(f"these states do not merge: samples of {both} would count twice")
        return self.joined(other, parts=self.parts + other.parts)

    def joined(self, other: Self, *, parts: tuple[DataShard, ...]) -> Self:
        """The statistics of both; the caller knows that no sample is in both, and which parts they are."""
        if self.samples == 0 or other.samples == 0:
            return replace(self if other.samples == 0 else other, parts=parts)
        merged = {
            name: _merged(self.statistics.get(name, {}), other.statistics.get(name, {}))
            for name in dict.fromkeys([*self.statistics, *other.statistics])
        }
        both = (self.provenance.get("way", ""), other.provenance.get("way", ""))
        ways = sorted({way for each in both for way in each.split(", ") if way})
        return type(self)(
            provenance={**self.provenance, "way": ", ".join(ways)},
            sites=self.sites,
            statistics=merged,
            network=_merged(self.network, other.network),
            samples=self.samples + other.samples,
            parts=parts,
            notes=tuple(dict.fromkeys(self.notes + other.notes)),
        )

    def must_match(self, other: Self) -> None:
        """See that the two were made with the same things.

        Raises:
            StateError: they were not; the message names what differs, and both values.
        """
        for name in dict.fromkeys([*self.provenance, *other.provenance]):
            if name in _INFORMATIVE:
                continue
            mine, theirs = self.provenance.get(name), other.provenance.get(name)
            if mine != theirs:
                raise StateError(f"these states do not merge: made with {name} {mine!r} and {theirs!r}")
        if [s.name for s in self.sites] != [s.name for s in other.sites]:
            raise StateError("these states do not merge: they are of different sites")

    def save(self, path: Path) -> None:
        """Write the state to a file, which appears whole or not at all.

        Raises:
            StateError: the file cannot be written.
        """
        arrays: dict[str, Any] = {}
        header = {
            "relucid_state": FORMAT,
            "made": dict(self.provenance),
            "sites": [asdict(site) for site in self.sites],
            "statistics": {name: _packed(f"s{i}", of, arrays) for i, (name, of) in enumerate(self.statistics.items())},
            "network": _packed("n", self.network, arrays),
            "samples": self.samples,
            "resume_at": self.resume_at,
            "notes": list(self.notes),
            "parts": self.parts,
        }
        try:
            with write_atomically(path) as part, part.open("wb") as file:
                np.savez(file, header=np.array(json.dumps(header)), **arrays)
        except OSError as error:
            raise StateError(f"cannot write the state to {path}: {error.strerror}; choose another place") from error

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a state that `save` wrote.

        Raises:
            StateError: the file is not a state, or is damaged.
        """
        try:
            if not path.exists():
                raise StateError(f"there is no state file {path}")
            # Opened here: numpy leaves a file open that is no archive.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                header = json.loads(str(stored["header"]))
                if header["relucid_state"] != FORMAT:
                    raise StateError(f"{path} has state format {header['relucid_state']}; this relucid reads {FORMAT}")
                return cls(
                    provenance=header["made"],
                    sites=tuple(_site(row) for row in header["sites"]),
                    statistics={name: _unpacked(of, stored) for name, of in header["statistics"].items()},
                    network=_unpacked(header["network"], stored),
                    samples=header["samples"],
                    resume_at=header["resume_at"],
                    notes=tuple(header["notes"]),
                    parts=tuple(DataShard(*part) for part in header["parts"]),
                )
        except _DAMAGE as error:
            cause = next(iter(str(error).splitlines()), "") or type(error).__name__
            raise StateError(f"{path} is not a relucid state, or is damaged: {cause}") from error


def _merged(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    both = {name: mine[name].merge(theirs[name]) for name in mine if name in theirs}
    return {name: both.get(name, mine.get(name, theirs.get(name))) for name in dict.fromkeys([*mine, *theirs])}


def _packed(prefix: str, statistics: Mapping[str, Any], arrays: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Scalars for the header, arrays put aside under a name of their own."""

    def put_aside(name: str, field: str, array: Any) -> dict[str, str]:
        arrays[f"{prefix}.{name}.{field}"] = array
        return {"array": f"{prefix}.{name}.{field}"}

    named = ((stored_name(name), of) for name, of in statistics.items())
    return {name: pack(of, partial(put_aside, name)) for name, of in named}


def _unpacked(header: Mapping[str, Mapping[str, Any]], stored: Mapping[str, Any]) -> dict[str, Any]:
    def fetched(value: Any) -> Any:
        return stored[value["array"]] if isinstance(value, dict) else value

    return {present_name(name): unpack(name, values, fetched) for name, values in header.items()}


def _site(row: dict[str, Any]) -> Site:
    shape = row.pop("shape")
    return Site(**row, shape=None if shape is None else tuple(shape))
