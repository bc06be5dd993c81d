"""Weights quantized and packed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from relucid.analyzer.errors import OptionError
from relucid.plugins.psb.encoding.levels import Levels
from relucid.plugins.psb.encoding.packing import from_bit_planes, pack, to_bit_planes


@given(st.integers(1, 8), st.data())
def test_planes_give_the_numbers_back_in_bits_per_number(bits, data):
    numbers = data.draw(arrays(np.int64, st.integers(1, 40), elements=st.integers(0, 2**bits - 1)))
    packed = to_bit_planes(numbers, bits)
    assert packed.dtype == np.uint8
    assert packed.shape == (bits, -(-len(numbers) // 8))
    assert from_bit_planes(packed, len(numbers)).tolist() == numbers.tolist()


@given(arrays(np.float32, 30, elements=st.floats(-100, 100, width=32)), st.integers(2, 6), st.integers(1, 8))
def test_the_mean_is_the_nearest_weight_the_bits_can_hold(w, exponent_bits, bits):
    packed = pack(w, exponent_bits=exponent_bits, levels=Levels(bits))
    assert packed.bits == 1 + exponent_bits + bits
    assert packed.exponent.max() < 2**exponent_bits
    assert packed.level.max() < 2**bits
    found, held = packed.mean(), packed.exponent > 0
    assert (np.abs(found - w)[held] <= np.abs(w[held]) * 2.0 ** -(bits + 1) * (1 + 1e-6)).all()
    assert (np.abs(w[~held]) < 2.0**packed.lowest).all()
    assert (found[~held] == 0).all()


def test_a_small_weight_is_flushed_or_raised():
    w = [1.0, -(2.0**-20), 0.0]
    assert pack(w, exponent_bits=4).mean().tolist() == [1.0, 0.0, 0.0]
    assert pack(w, exponent_bits=4, flush_to_zero=False).mean().tolist() == [1.0, -(2.0**-14), 0.0]


def test_weights_with_as_many_bits_are_exact_and_zeros_alone_are_fine():
    w = np.ldexp(1 + np.arange(16) / 16, np.arange(16) % 15 - 9).astype(np.float32)
    assert pack(w).mean().tolist() == w.tolist()
    assert pack(np.zeros(5)).mean().tolist() == [0.0] * 5


@pytest.mark.parametrize("bits", [0, 7])
def test_a_number_of_bits_that_is_not_there_is_refused(bits):
    with pytest.raises(OptionError, match="exponent"):
        pack([1.0], exponent_bits=bits)
