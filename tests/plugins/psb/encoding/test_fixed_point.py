"""Activations in 16-bit fixed point."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relucid.plugins.psb.encoding.fixed_point import fraction_for, from_fixed, legacy_fixed_point, to_fixed

values = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(values, st.integers(-5, 20))
def test_the_nearest_step_saturated(x, fraction):
    steps = min(max(round(Fraction(x) * Fraction(2) ** fraction), -(2**15)), 2**15 - 1)
    assert to_fixed(x, fraction=fraction) == steps
    assert from_fixed(steps, fraction=fraction) == steps * 2.0**-fraction


def test_zero_is_exact_and_infinity_saturates():
    assert to_fixed([0.0, -0.0, np.inf, -np.inf]).tolist() == [0, 0, 32767, -32768]


@given(st.floats(2.0**-60, 2.0**60))
def test_calibrated_bits_hold_the_value_twice_and_no_finer_grid_would(largest):
    fraction = fraction_for(largest)
    assert 2 * largest * 2.0**fraction <= 32767 < 2 * largest * 2.0 ** (fraction + 1)


def test_the_authors_fixed_point_is_a_little_off_everywhere_and_right_on_average():
    """As their code has it; the mean error near 0 vanishes, and 0 itself becomes 4.9e-4."""
    x = np.random.default_rng(0).uniform(-1, 1, 200_000)
    error = legacy_fixed_point(x) - x
    assert abs(error.mean()) < 1e-5
    assert np.abs(error).max() < 2.0**-10
    assert legacy_fixed_point(0.0) == pytest.approx(4.9e-4, abs=2e-6)
    assert legacy_fixed_point([1e9, -1e9]).tolist() == [pytest.approx(32.001, abs=3e-5), -32.0]
