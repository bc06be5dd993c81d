"""Channels in blocks, as the runtime keeps them for convolutions, give the numbers they give in plain order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import OUTPUTS, Operator
from .slow_twins import arranged, close, moments, probed, same

AXES = {"sample_axis": 0, "unit_axis": 1}


def in_blocks(z: np.ndarray, size: int, *, fill: float = 0) -> np.ndarray:
    """Values (sample, channel, ...) in memory as (sample, channel / size, ..., size), under the shape of the first."""
    samples, channels, *rest = z.shape
    filled = -(-channels // size) * size
    every = np.full((samples, filled, *rest), fill, z.dtype)
    every[:, :channels] = z
    turned = np.moveaxis(every.reshape(samples, filled // size, size, *rest), 2, -1)
    return np.ascontiguousarray(turned).reshape(samples, filled, *rest)


def values(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 70), st.integers(1, 9), st.integers(1, 9))


@settings(max_examples=60)
@given(SHAPES, st.sampled_from([8, 16]), st.sampled_from([0.0, 0.5]), st.integers(0, 3))
def test_probes_see_what_they_see_in_plain_order(
    operator: Operator, kernels: str, shape: tuple[int, ...], size: int, threshold: float, seed: int
) -> None:
    z = values(shape, seed)
    blocks = {"block": size, "channels": shape[1], "threshold": threshold, "keys_seed": seed}
    expected = probed(arranged(z, (0, 1), threshold=threshold), seed=seed)
    for name in ("Probe", "ReluProbe"):
        found = operator(name, in_blocks(z, size), want_keys=1, **AXES, **blocks)
        same(found, expected)
    np.testing.assert_array_equal(found["h"], in_blocks(np.maximum(z, 0), size))


@settings(max_examples=40)
@given(SHAPES, st.sampled_from([8, 16]), st.booleans(), st.integers(0, 3))
def test_co_moments_are_those_in_plain_order(
    operator: Operator, kernels: str, shape: tuple[int, ...], size: int, rectify: bool, seed: int
) -> None:
    z = values(shape, seed)
    found = operator("CoMoment", in_blocks(z, size), rectify=int(rectify), block=size, channels=shape[1], **AXES)
    close(found, moments(arranged(z, (0, 1)), rectify=rectify))


@pytest.mark.parametrize("shape", [(8, 64, 56, 56), (3, 20, 60, 61), (40, 130, 7, 7)])
def test_sizes_that_are_cut_into_tasks(operator: Operator, kernels: str, shape: tuple[int, ...]) -> None:
    z = values(shape, 0)
    found = operator("ReluProbe", in_blocks(z, 16), want_keys=1, block=16, channels=shape[1], **AXES)
    same(found, probed(arranged(z, (0, 1))))
    found = operator("CoMoment", in_blocks(z, 16), rectify=1, block=16, channels=shape[1], **AXES)
    close(found, moments(arranged(z, (0, 1)), rectify=True))


@pytest.mark.parametrize("size", [8, 16])
def test_what_fills_a_block_up_is_nobody_s_but_goes_on(operator: Operator, kernels: str, size: int) -> None:
    z = values((3, 21, 4, 5), 0)
    filled = in_blocks(z, size, fill=7)
    found = operator("ReluProbe", filled, want_keys=1, block=size, channels=21, **AXES)
    same(found, probed(arranged(z, (0, 1))))
    np.testing.assert_array_equal(found["h"], np.maximum(filled, 0))


@pytest.mark.parametrize("spoilt", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_not_finite_is_told(operator: Operator, kernels: str, spoilt: float) -> None:
    z = values((6, 20, 3, 5), 0)
    z[1, 19, 2, 4] = z[4, 0, 0, 0] = spoilt
    found = operator("ReluProbe", in_blocks(z, 16), block=16, channels=20, **AXES)
    assert found["finite"].tolist() == [True, False, True, True, False, True]
    np.testing.assert_array_equal(found["h"], in_blocks(np.maximum(z, 0), 16))


@pytest.mark.parametrize(
    ("attributes", "dtype", "message"),
    [
        ({"block": 4, "channels": 16}, "float32", "16 channels in blocks of 4 are not what values of shape (2, 16, 3)"),
        ({"block": 16, "channels": 17}, "float32", "17 channels in blocks of 16"),
        ({"block": 8, "channels": 8}, "float32", "8 channels in blocks of 8"),
        ({"block": 16, "channels": 16, "unit_axis": 2}, "float32", "16 channels in blocks of 16"),
        ({"block": 16, "channels": 16, "every_position": 1}, "float32", "16 channels in blocks of 16"),
        ({"block": 16, "channels": 16}, "float64", "only floats lie in blocks"),
    ],
)
@pytest.mark.parametrize("name", OUTPUTS)
def test_what_cannot_be_in_blocks_is_refused(
    operator: Operator, name: str, attributes: dict[str, int], dtype: str, message: str
) -> None:
    with pytest.raises(Exception, match=f"relucid.{name}: ") as refused:
        operator(name, np.ones((2, 16, 3), dtype), **{**AXES, **attributes})
    assert message in str(refused.value)
