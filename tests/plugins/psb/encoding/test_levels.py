"""Quantization levels of probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relucid.analyzer.errors import OptionError
from relucid.plugins.psb import Levels

P = np.arange(2**12) / 2**12


def probability_of(levels: Levels, p: np.ndarray) -> np.ndarray:
    """The quantized probabilities; a carry counts as 1."""
    level, carry = levels.of(p)
    return np.array([float(q) for q in levels.probabilities])[level] + carry


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_ends_are_what_the_authors_ran(bits):
    """floor(p 2^b) / (2^b - 1), whose mean error over all p is 0."""
    found = probability_of(Levels(bits, "ends"), P)
    np.testing.assert_allclose(found, np.floor(P * 2**bits) / (2**bits - 1))
    assert (found - P).mean() == pytest.approx(0, abs=2**-12)


@given(st.integers(1, 8), st.sampled_from(["nearest", "middles"]))
def test_the_others_are_never_further_than_half_a_step(bits, placing):
    assert np.abs(probability_of(Levels(bits, placing), P) - P).max() <= 2.0 ** -(bits + 1)


def test_nearest_keeps_dyadic_probabilities_and_carries_where_it_reaches_one():
    level, carry = Levels(4).of(np.arange(16) / 16)
    assert level.tolist() == list(range(16))
    assert not carry.any()
    assert [part.tolist() for part in Levels(4).of([0.97])] == [[0], [1]]


@pytest.mark.parametrize(("bits", "placing"), [(0, "nearest"), (9, "nearest"), (4, "floor")])
def test_what_cannot_be_meant_is_refused(bits, placing):
    with pytest.raises(OptionError):
        Levels(bits, placing)
