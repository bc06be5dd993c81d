"""Binomial random numbers by Walker's alias method: one table look-up each, for any number of samples."""

import heapq
from bisect import insort
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ....analyzer.errors import OptionError
from .counter_rng import WORD_BITS, Words
from .levels import Levels

MOST_SAMPLES = 1024


@dataclass(frozen=True, eq=False)
class BinomialTable:
    """Alias tables of the binomial distributions B(n, p), for every n = 2^t up to a largest and every level of p.

    For each (n, level) there are 2^c columns, at least two, each with a threshold (cut) and two outcomes. The first c
    bits of a random word select the column; the outcome is the first if the word is below the cut, else the second.
    (Walker's alias method, 1977, in integers: n columns are enough for the n + 1 outcomes.)

    Probabilities are rounded to multiples of 2^-32: none is off by 2^-32, and outcomes of less than about 2^-33 never
    occur. They are computed from exact fractions, so every machine builds the same table.

    Args:
        bits: c for each t (t,).
        starts: index of the first column of each t (t,).
        cuts: the thresholds, ordered by t, level and column (column,).
        outcomes: the two outcomes of each column, interleaved (2 * column,).
    """

    bits: NDArray[np.int64]
    starts: NDArray[np.int64]
    cuts: NDArray[np.uint32]
    outcomes: NDArray[np.int16]

    def draw(self, level: ArrayLike, words: Words, *, samples: int) -> NDArray[np.int64]:
        """Draw B(n, p) for each weight: how many of the n samples shift by e + 1.

        Args:
            level: level of the probability of each weight (weight,).
            words: a random word for each weight (weight,).
            samples: n.

        Raises:
            OptionError: n is not a power of two up to the largest of the table.
        """
        t = self.exponent_of(samples)
        column = (words >> np.uint64(WORD_BITS - self.bits[t])).astype(np.int64)
        column += self.starts[t] + (np.asarray(level, dtype=np.int64) << self.bits[t])
        second = words >= self.cuts[column]
        return self.outcomes[2 * column + second].astype(np.int64)

    def is_random(self, *, samples: int) -> NDArray[np.bool_]:
        """Whether a draw has more than one possible outcome, for each level (level,).

        Args:
            samples: n.

        Raises:
            OptionError: n is not a power of two up to the largest of the table.
        """
        t = self.exponent_of(samples)
        end = self.starts[t + 1] if t + 1 < len(self.starts) else len(self.cuts)
        outcomes = self.outcomes[2 * self.starts[t] : 2 * end].reshape(-1, 2 << self.bits[t])
        return np.asarray(outcomes.min(axis=1) < outcomes.max(axis=1))

    def exponent_of(self, samples: int) -> int:
        """Return the t of n = 2^t.

        Raises:
            OptionError: n is not a power of two up to the largest of the table.
        """
        t = samples.bit_length() - 1
        if samples < 1 or samples != 1 << t or t >= len(self.bits):
            raise OptionError(
                f"samples: expected a power of two from 1 to {1 << (len(self.bits) - 1)}, got {samples}; "
                "choose such a number, or a table for more samples (most_samples)"
            )
        return t


@lru_cache(maxsize=8)
def build_table(levels: Levels, *, most: int = MOST_SAMPLES, exact_dyadics: bool = False) -> BinomialTable:
    """Build the table for these levels; the last few are cached.

    Args:
        levels: the probabilities.
        most: the largest n, a power of two up to 1024.
        exact_dyadics: where n p is a whole number, always return n p (thesis, section 4.2.1); the experiments of the
            thesis do not.

    Raises:
        OptionError: `most` is not a power of two, or too large.

    >>> table = build_table(Levels(1), most=2)
    >>> table.draw([1, 1, 1, 1], np.array([0, 1, 2, 3], dtype=np.uint64) << np.uint64(30), samples=2).tolist()
    [0, 1, 1, 2]
    """
    if most < 1 or most > MOST_SAMPLES or most & (most - 1):
        raise OptionError(
            f"largest number of samples: expected a power of two from 1 to {MOST_SAMPLES}, got {most}; "
            "change most_samples"
        )
    bits, starts, cuts, outcomes = [], [0], [], []
    for n in (1 << t for t in range(most.bit_length())):
        laws = [binomial_masses(n, p, exact_dyadics=exact_dyadics) for p in levels.probabilities]
        c = max(1, *(len(law) - 2 for law in laws)).bit_length()
        for law in laws:
            for cut, first, second in _build_columns(law, c):
                cuts.append(cut)
                outcomes += [first, second]
        bits.append(c)
        starts.append(len(cuts))
    return BinomialTable(
        np.array(bits, dtype=np.int64),
        np.array(starts[:-1], dtype=np.int64),
        np.array(cuts, dtype=np.uint32),
        np.array(outcomes, dtype=np.int16),
    )


def binomial_masses(n: int, p: Fraction, *, exact_dyadics: bool = False) -> dict[int, int]:
    """The nonzero probabilities P(B(n, p) = j), by j, in units of 2^-32; their sum is 2^32.

    Probabilities are rounded down, and the rest is distributed over those with the largest remainders.

    >>> binomial_masses(2, Fraction(1, 4)) == {0: 9 << 28, 1: 6 << 28, 2: 1 << 28}
    True
    """
    if p in {0, 1} or (exact_dyadics and (n * p).denominator == 1):
        return {int(n * p): 1 << WORD_BITS}
    a, b = p.numerator, p.denominator - p.numerator
    terms = [b**n]
    for j in range(n):
        terms.append(terms[j] * (n - j) * a // ((j + 1) * b))
    total = p.denominator**n
    shares = [divmod(term << WORD_BITS, total) for term in terms]
    law = [whole for whole, _ in shares]
    rest = (1 << WORD_BITS) - sum(law)
    for j in heapq.nlargest(rest, range(n + 1), key=lambda j: shares[j][1]):
        law[j] += 1
    return {j: mass for j, mass in enumerate(law) if mass}


def _build_columns(law: dict[int, int], c: int) -> list[tuple[int, int, int]]:
    """Cut, first and second outcome of each of the 2^c columns, which cover 2^(32 - c) words each.

    With one outcome more than columns (outcomes of mass 0 included), the smallest and the largest mass together always
    fill a column: otherwise the remaining masses would have to exceed the largest.
    """
    size = 1 << (WORD_BITS - c)
    small = [(mass, j) for j, mass in law.items()]
    small += [(0, next(iter(law)))] * ((1 << c) + 1 - len(small))
    small.sort()
    result = []
    for column in range(1 << c):
        mass, first = small.pop(0)
        most, second = small.pop()
        insort(small, (mass + most - size, second))
        # A column with its first outcome only is stored as cut 0: the cut of the last column would be 2^32 otherwise.
        cut, second = (0, first) if mass == size else (mass, second)
        result.append((column * size + cut, first, second))
    return result
