"""The count of changed patterns equals numpy's for all shapes, unit axes and memory layouts."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from relucid.analyzer.errors import ModelError
from relucid.analyzer.measures.pattern_temperature import pattern_distance
from relucid.plugins.torch.temperature.packed_signs import PackedSigns, pack_bits


@st.composite
def pairs(draw):
    """Two arrays of one shape that agree in most entries, a unit axis, and an order of axes in memory."""
    shape = draw(st.lists(st.integers(1, 9), min_size=1, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    before = rng.normal(size=shape).astype(np.float32)
    before[rng.random(shape) < 0.1] = 0
    after = np.where(rng.random(shape) < draw(st.sampled_from([0.0, 0.02, 0.5])), -before, before)
    return before, after, draw(st.integers(0, len(shape) - 1)), draw(st.permutations(range(len(shape))))


@given(pairs())
def test_counts_are_numpys(pair):
    before, after, axis, order = pair
    back = np.argsort(order)

    def stored(z):  # the same values, their axes in another order in memory
        return torch.from_numpy(z.transpose(order).copy()).permute(*back)

    signs = PackedSigns.of(stored(before), axis)
    changed = signs.count_changed(torch.from_numpy(after), axis).item()
    expected = pattern_distance(np.moveaxis(before, axis, -1), np.moveaxis(after, axis, -1))
    assert changed == round(expected * signs.count)
    assert signs.count == before.size // before.shape[axis]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_precisions(dtype):
    z = torch.tensor([[1.0, -1.0, 0.0, 2.0], [0.0, 0.0, 0.0, 1.0]]).to(dtype)
    assert PackedSigns.of(z, 1).count_changed(-z, 1).item() == 2
    assert PackedSigns.of(z, 1).count_changed(z * 0.5, 1).item() == 0


def test_zero_and_nan_are_inactive():
    z = torch.tensor([[0.0, torch.nan, -1.0, -0.0]])
    assert PackedSigns.of(z, 1).count_changed(torch.full_like(z, -1.0), 1).item() == 0


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_bits_are_packed_as_numpy_packs_them(bits):
    array = np.array([bits, bits[::-1]])
    expected = np.packbits(array, axis=-1, bitorder="little")
    assert pack_bits(torch.from_numpy(array)).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("shape", "axis"), [((128, 16, 32, 32), 1), ((64, 512), 1), ((64, 2), 1), ((8, 5, 3, 3), 1), ((8, 49, 100), 2)]
)
def test_memory_is_a_sixteenth_at_most(shape, axis):
    z = torch.randn(shape)
    assert PackedSigns.of(z, axis).words.nbytes <= z.nbytes / 16


def test_another_shape_is_an_error():
    with pytest.raises(ModelError, match="expected pre-activations of shape"):
        PackedSigns.of(torch.ones(2, 3), 1).count_changed(torch.ones(3, 3), 1)
