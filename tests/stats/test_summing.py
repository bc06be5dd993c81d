"""Co-moments summed in place are those of all rows together, however many parts there are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relucid.analyzer.stats import CoMoment
from relucid.analyzer.stats.comoments import RUNS, MomentSum


@settings(max_examples=30)
@given(st.integers(0, 2**31), st.sampled_from([3, 70]), st.integers(1, 3 * RUNS), st.sampled_from([0.0, 1e6]))
def test_any_number_of_parts(seed: int, units: int, parts: int, offset: float) -> None:
    random = np.random.default_rng(seed)
    rows = [random.normal(offset, 1 + place % 3, (random.integers(1, 5), units)) for place in range(parts)]
    summed = MomentSum()
    for part in rows:
        m2 = np.cov(part.T, bias=True).reshape(units, units) * len(part)
        summed.add(len(part), part.mean(axis=0), m2[np.tril_indices(units)])
    every = np.concatenate(rows)
    count, mean, m2 = summed.total()
    assert count == len(every)
    np.testing.assert_allclose(mean, every.mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(m2, np.cov(every.T, bias=True) * len(every), rtol=1e-7, atol=1e-7 * len(every))


def test_what_was_told_does_not_change_when_more_is_added() -> None:
    summed, one = MomentSum(), np.ones(3)
    summed.add(2, np.zeros(2), one)
    before = CoMoment(*summed.total())
    summed.add(2, np.ones(2), one)
    assert before.m2.tolist() == [[1, 1], [1, 1]]
    assert one.tolist() == [1, 1, 1]
    assert summed.total()[2] == pytest.approx(np.full((2, 2), 3.0))
