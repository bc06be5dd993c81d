"""Binomial numbers, one table look-up each: what a draw costs does not depend on the number of samples."""

import heapq
from bisect import insort
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ....analyzer.errors import OptionError
from .counter_rng import WORD, Words
from .levels import Levels

MOST_SAMPLES = 1024


@dataclass(frozen=True, eq=False)
class Table:
    """How many of n samples succeed, for every n = 2^t up to a largest and every level of probability.

    For each (n, level) there are 2^c columns, at least two, and in each column a cut and two outcomes. The first c bits
    of a random word choose the column, and the outcome is the first if the word is below the cut, else the second.
    (Walker's alias method, 1977, on whole numbers: n columns are enough for the n + 1 outcomes.)

    The law is the binomial one with every probability a multiple of 2^-32: none is off by 2^-32, and outcomes of less
    than about 2^-33 are never drawn. The masses come from exact fractions, so every machine makes the same table.

    Args:
        bits: c for each t (t,).
        starts: where the columns of each t start (t,).
        cuts: column by column, level by level, t by t (column,).
        outcomes: the two outcomes of each column, side by side (2 * column,).
    """

    bits: NDArray[np.int64]
    starts: NDArray[np.int64]
    cuts: NDArray[np.uint32]
    outcomes: NDArray[np.int16]

    def draw(self, level: ArrayLike, words: Words, *, samples: int) -> NDArray[np.int64]:
        """B_(n,p) for each weight: how many of the n samples shift by one more.

        Args:
            level: of each weight (weight,).
            words: one for each weight (weight,).
            samples: n.

        Raises:
            OptionError: n is not a power of two up to the largest of the table.
        """
        t = self.power(samples)
        column = (words >> np.uint64(WORD - self.bits[t])).astype(np.int64)
        column += self.starts[t] + (np.asarray(level, dtype=np.int64) << self.bits[t])
        second = words >= self.cuts[column]
        return self.outcomes[2 * column + second].astype(np.int64)

    def leaves_to_chance(self, *, samples: int) -> NDArray[np.bool_]:
        """Whether there is more than one outcome, for each level (level,).

        Args:
            samples: n.

        Raises:
            OptionError: n is not a power of two up to the largest of the table.
        """
        t = self.power(samples)
        end = self.starts[t + 1] if t + 1 < len(self.starts) else len(self.cuts)
        outcomes = self.outcomes[2 * self.starts[t] : 2 * end].reshape(-1, 2 << self.bits[t])
        return np.asarray(outcomes.min(axis=1) < outcomes.max(axis=1))

    def power(self, samples: int) -> int:
        """The t of n = 2^t.

        Raises:
            OptionError: n is not a power of two up to the largest of the table.
        """
        t = samples.bit_length() - 1
        if samples < 1 or samples != 1 << t or t >= len(self.bits):
            raise OptionError(f"samples is a power of two from 1 to {1 << (len(self.bits) - 1)}, not {samples}")
        return t


@lru_cache(maxsize=8)
def table_of(levels: Levels, *, most: int = MOST_SAMPLES, exact_dyadics: bool = False) -> Table:
    """The table for these levels.

    Args:
        levels: the probabilities.
        most: the largest n, a power of two up to 1024.
        exact_dyadics: where n p is a whole number take just that, without chance (thesis, section 4.2.1); the thesis'
            experiments do not.

    Raises:
        OptionError: `most` is not a power of two, or too large.

    >>> table = table_of(Levels(1), most=2)
    >>> table.draw([1, 1, 1, 1], np.array([0, 1, 2, 3], dtype=np.uint64) << np.uint64(30), samples=2).tolist()
    [0, 1, 1, 2]
    """
    if most < 1 or most > MOST_SAMPLES or most & (most - 1):
        raise OptionError(f"the largest number of samples is a power of two from 1 to {MOST_SAMPLES}, not {most}")
    bits, starts, cuts, outcomes = [], [0], [], []
    for n in (1 << t for t in range(most.bit_length())):
        laws = [masses(n, p, exact_dyadics=exact_dyadics) for p in levels.probabilities]
        c = max(1, *(len(law) - 2 for law in laws)).bit_length()
        for law in laws:
            for cut, first, second in _columns(law, c):
                cuts.append(cut)
                outcomes += [first, second]
        bits.append(c)
        starts.append(len(cuts))
    return Table(
        np.array(bits, dtype=np.int64),
        np.array(starts[:-1], dtype=np.int64),
        np.array(cuts, dtype=np.uint32),
        np.array(outcomes, dtype=np.int16),
    )


def masses(n: int, p: Fraction, *, exact_dyadics: bool = False) -> dict[int, int]:
    """P(B_(n,p) = j) in units of 2^-32, of the outcomes that have any; they add up to 2^32.

    What rounding down leaves over goes to the largest remainders.

    >>> masses(2, Fraction(1, 4)) == {0: 9 << 28, 1: 6 << 28, 2: 1 << 28}
    True
    """
    if p in {0, 1} or (exact_dyadics and (n * p).denominator == 1):
        return {int(n * p): 1 << WORD}
    a, b = p.numerator, p.denominator - p.numerator
    terms = [b**n]
    for j in range(n):
        terms.append(terms[j] * (n - j) * a // ((j + 1) * b))
    total = p.denominator**n
    shares = [divmod(term << WORD, total) for term in terms]
    law = [whole for whole, _ in shares]
    left = (1 << WORD) - sum(law)
    for j in heapq.nlargest(left, range(n + 1), key=lambda j: shares[j][1]):
        law[j] += 1
    return {j: mass for j, mass in enumerate(law) if mass}


def _columns(law: dict[int, int], c: int) -> list[tuple[int, int, int]]:
    """Cut, first and second outcome of each of 2^c columns of 2^(32 - c) words.

    With one outcome more than there are columns, those of no mass included, the smallest and the largest together
    always fill a column: were they less, the others would have to be larger than the largest.
    """
    size = 1 << (WORD - c)
    small = [(mass, j) for j, mass in law.items()]
    small += [(0, next(iter(law)))] * ((1 << c) + 1 - len(small))
    small.sort()
    result = []
    for column in range(1 << c):
        mass, first = small.pop(0)
        most, second = small.pop()
        insort(small, (mass + most - size, second))
        # Were a column all its first outcome, the cut of the last one would be 2^32, which no word can hold.
        cut, second = (0, first) if mass == size else (mass, second)
        result.append((column * size + cut, first, second))
    return result
