"""Which part of which data a state has seen, so that no sample is counted twice."""

from math import gcd
from typing import NamedTuple, Self


class Part(NamedTuple):
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

        >>> Part("a", 0, 2).overlaps(Part("a", 1, 2)), Part("a", 0, 2).overlaps(Part("a")), Part("").overlaps(Part(""))
        (False, True, False)
        >>> Part("a", 0, 2).overlaps(Part("a", 1, 4)), Part("a", 0, 2).overlaps(Part("a", 2, 4))
        (False, True)
        """
        same = bool(self.data) and self.data == other.data
        return same and (self.shard - other.shard) % gcd(self.of, other.of) == 0

    def __str__(self) -> str:
        return "all of the data" if self.of == 1 else f"shard {self.shard}/{self.of}"
