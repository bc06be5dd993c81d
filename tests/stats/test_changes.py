"""Changes between two states against counting in Python; errors for shapes and units that differ."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relucid.analyzer.errors import StateError
from relucid.analyzer.stats import Changes


@given(st.integers(0, 2**31), st.integers(1, 9), st.integers(1, 4), st.integers(1, 5))
def test_counts_are_those_of_a_python_loop(seed: int, samples: int, positions: int, units: int) -> None:
    random = np.random.default_rng(seed)
    a, b = (random.integers(-1, 2, (samples, positions, units)).astype(np.float32) for _ in range(2))
    flips, different = [0] * units, 0
    for n in range(samples):
        for p in range(positions):
            flipped = [j for j in range(units) if (a[n, p, j] > 0) != (b[n, p, j] > 0)]
            different += bool(flipped)
            for j in flipped:
                flips[j] += 1
    for found in (Changes.of(a, b), Changes.of(b, a)):
        assert (found.count, found.different, found.flips.tolist()) == (samples * positions, different, flips)


def test_any_memory_order_gives_the_same() -> None:
    a, b = np.random.default_rng(0).standard_normal((2, 5, 7, 3))
    turned = [np.ascontiguousarray(z.transpose(0, 2, 1)).transpose(0, 2, 1) for z in (a, b)]
    one, other = Changes.of(a, b), Changes.of(*turned)
    assert (one.different, one.flips.tolist()) == (other.different, other.flips.tolist())


def test_patterns_of_different_shapes_are_refused() -> None:
    with pytest.raises(StateError, match=r"of one shape, got \(2, 1, 3\) and \(2, 1, 4\)"):
        Changes.of(np.zeros((2, 1, 3)), np.zeros((2, 1, 4)))


def test_sites_with_different_units_do_not_merge() -> None:
    one, other = (Changes.of(np.zeros((2, 1, units)), np.ones((2, 1, units))) for units in (3, 4))
    with pytest.raises(StateError, match="units in both parts, got 3 and 4"):
        one.merge(other)
