"""The native probes give the numbers of the numpy statistics: extents, counts, classes and keys exactly."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relucid.analyzer.stats import Block, finite_samples

from .slow_twins import DTYPES, arranged, as_type, probed, rectified, same

AXES = st.integers(2, 5).flatmap(
    lambda rank: st.tuples(
        st.lists(st.integers(1, 40 if rank < 4 else 9), min_size=rank, max_size=rank).map(tuple),
        st.permutations(range(rank)).map(lambda order: tuple(order[:2])),
    )
)
"""Shapes, each with a sample axis and a unit axis."""


def values(shape: tuple[int, ...], dtype: str, seed: int) -> np.ndarray:
    """Numbers of all kinds: either sign, zeros of either sign, many equal; some samples all positive, some negative."""
    random = np.random.default_rng(seed)
    z = random.normal(size=shape) * 10.0 ** random.integers(-3, 4)
    kind = random.integers(4)
    if kind == 1:
        z = np.round(z) * random.choice([-0.0, 0.0, 1.0], size=shape)
    if kind == 2:
        z[random.integers(shape[0]) :] = np.abs(z[0]) + 1
    if kind == 3:
        z -= 2 * np.abs(z).max() * random.integers(2, size=shape[:1] + (1,) * (len(shape) - 1))
    return as_type(z, dtype)


def check(operator: Any, z: np.ndarray, axes: tuple[int, int], **options: Any) -> None:
    """Both probes, with and without keys."""
    seed, threshold = options.get("seed", 0), options.get("threshold", 0.0)
    every_position = options.get("every_position", False)
    attributes = {
        "sample_axis": axes[0],
        "unit_axis": axes[1],
        "every_position": int(every_position),
        "threshold": threshold,
    }
    expected = probed(arranged(z, axes, every_position=every_position, threshold=threshold), seed=seed)
    for name in ("Probe", "ReluProbe"):
        found = operator(name, z, want_keys=1, keys_seed=seed, **attributes)
        same(found, expected)
        if name == "ReluProbe":
            np.testing.assert_array_equal(found["h"], rectified(z))
    without = operator("Probe", z, want_keys=0, **attributes)
    same(without, {**expected, "keys": expected["keys"][:0]})


@settings(max_examples=60)
@given(
    AXES,
    st.sampled_from(DTYPES),
    st.booleans(),
    st.sampled_from([0.0, -0.5]),
    st.sampled_from([0, 3]),
    st.integers(0, 2**31),
)
def test_any_shape_type_and_axes(
    operator, kernels, case, dtype: str, every_position: bool, threshold: float, seed: int, random: int
) -> None:
    shape, axes = case
    options = {"every_position": every_position, "threshold": threshold, "seed": seed}
    check(operator, values(shape, dtype, random), axes, **options)


@pytest.mark.parametrize(
    ("shape", "axes", "every_position"),
    [
        ((1024, 512), (0, 1), False),
        ((4, 64, 40, 48), (0, 1), False),
        ((3, 70, 3000), (0, 1), False),
        ((8, 512, 7, 7), (0, 1), False),
        ((16, 128, 96), (0, 2), False),
        ((128, 16, 96), (1, 2), False),
        ((5, 4, 33, 6), (3, 1), False),
        ((40, 30, 50), (2, 0), False),
        ((2, 30000), (0, 1), False),
        ((2, 16, 40, 50), (0, 1), True),
        ((200, 3, 90), (1, 0), True),
        ((1, 1), (0, 1), False),
        ((3, 64, 5), (0, 1), False),
        ((3, 65, 5), (0, 1), False),
    ],
)
def test_sizes_that_are_cut_into_tasks(operator, kernels, shape, axes, every_position: bool) -> None:
    for dtype in DTYPES:
        check(operator, values(shape, dtype, 1), axes, every_position=every_position)


@pytest.mark.parametrize("axes", [(0, 1), (0, 2), (2, 1)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sample_with_a_nan_or_an_infinity_is_told(operator, kernels, dtype: str, axes) -> None:
    random = np.random.default_rng(0)
    z = values((30, 21, 19), dtype, 0)
    for _ in range(7):
        z[tuple(random.integers(z.shape))] = random.choice([np.nan, np.inf, -np.inf, -np.nan])
    tap = arranged(z, axes)
    found = operator("ReluProbe", z, sample_axis=axes[0], unit_axis=axes[1], want_keys=1)
    np.testing.assert_array_equal(found["finite"], finite_samples(Block(tap)))
    assert 0 < found["finite"].sum() < len(found["finite"])
    np.testing.assert_array_equal(found["h"], rectified(z))


def test_relu_passes_what_the_runtime_s_relu_passes(operator, kernels, text_model) -> None:
    import onnxruntime

    model = text_model("g (float[N, M] z) => (float[N, M] h) { h = Relu(z) }")
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    z = np.array([[np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, -1e-45, 3.4e38]], dtype=np.float32)
    np.testing.assert_array_equal(operator("ReluProbe", z)["h"], session.run(None, {"z": z})[0])


def test_outputs_may_be_left_out(operator) -> None:
    z = values((6, 5, 4), "float32", 0)
    expected = probed(arranged(z, (0, 1)))
    found = operator("Probe", z, outputs=["", "", "active", "", "", "", "keys"], want_keys=1)
    same(found, {"active": expected["active"], "keys": expected["keys"]})
    found = operator("ReluProbe", z, outputs=["h", "", "high"])
    same(found, {"high": expected["high"], "h": np.maximum(z, 0)})


@pytest.mark.parametrize("shape", [(64, 512), (4, 64, 40, 40), (3, 7)])
def test_the_number_of_threads_never_shows(operator, shape) -> None:
    z = values(shape, "float32", 3)
    one, four = (operator("ReluProbe", z, threads=threads, want_keys=1) for threads in (1, 4))
    for name, numbers in one.items():
        np.testing.assert_array_equal(numbers, four[name])
