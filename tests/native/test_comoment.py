"""The native co-moments are those of numpy in float64, to 1e-6 of the spreads, for values of any size and any mean."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .slow_twins import DTYPES, arranged, as_type, close, moments

KINDS = ("dense", "sparse", "single", "far", "constant", "levels", "tiny", "huge")


def values(kind: str, shape: tuple[int, ...], dtype: str, seed: int) -> np.ndarray:
    """Pre-activations of units of one kind: seldom active, far from zero against their spread, of few levels ..."""
    random = np.random.default_rng(seed)
    z = random.normal(size=shape)
    match kind:
        case "sparse":
            z -= 2
        case "single":
            z = np.where(random.random(shape) < 2 / z.size, np.abs(z), -1)
        case "far":
            z += 1000
        case "constant":
            z = np.full(shape, random.normal())
        case "levels":
            z = np.round(z) / 3
        case "tiny":
            z *= 1e-30 if dtype not in ("float16", "bfloat16") else 1e-3
        case "huge":
            z *= 1e30 if dtype != "float16" else 1e3
    return as_type(z, dtype)


def check(operator: Any, z: np.ndarray, axes: tuple[int, int] = (0, 1), **options: Any) -> None:
    options = {"every_position": False, "threshold": 0.0, "rectify": True, **options}
    attributes = {name: int(value) if isinstance(value, bool) else value for name, value in options.items()}
    rectify = options.pop("rectify")
    found = operator("CoMoment", z, sample_axis=axes[0], unit_axis=axes[1], **attributes)
    close(found, moments(arranged(z, axes, **options), rectify=rectify))


@settings(max_examples=40)
@given(
    st.sampled_from(
        [
            ((7, 5, 6, 4), (0, 1)),
            ((30, 40), (0, 1)),
            ((6, 33, 17), (0, 1)),
            ((5, 9, 70), (0, 2)),
            ((9, 5, 70), (1, 2)),
            ((20, 8, 3), (2, 0)),
            ((3, 4, 5, 33), (3, 2)),
            ((2, 1), (0, 1)),
            ((1, 3), (0, 1)),
        ]
    ),
    st.sampled_from(DTYPES),
    st.sampled_from(KINDS),
    st.booleans(),
    st.sampled_from([0.0, 0.5]),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_any_values_type_and_axes(
    operator, kernels, case, dtype: str, kind: str, every_position: bool, threshold: float, rectify: bool, seed: int
) -> None:
    shape, axes = case
    z = values(kind, shape, dtype, seed)
    check(operator, z, axes, every_position=every_position, threshold=threshold, rectify=rectify)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1024, 130), (4, 70, 28, 28), (9, 200, 7, 7), (8, 16, 32, 32)])
def test_sizes_that_are_cut_into_tasks(operator, kernels, shape, kind: str) -> None:
    check(operator, values(kind, shape, "float32", 1))
    check(operator, values(kind, shape, "float32", 2), rectify=False)


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_never_changes_has_exactly_no_moment(operator, kernels, dtype: str) -> None:
    z = as_type(np.broadcast_to(np.random.default_rng(0).normal(size=50), (300, 50)), dtype)
    found = operator("CoMoment", z, rectify=0)
    assert not found["m2"].any()
    np.testing.assert_array_equal(found["mean"], z[0].astype(np.float64))


SHARES = (0.0, 0.2, 0.45, 0.5, 0.6, 0.9, 0.99, 1.0)


def often_zero(rows: int, units: int, seed: int) -> np.ndarray:
    """Of each unit another share of zeros: of some side by side the same, of others any."""
    random = np.random.default_rng(seed)
    alike = np.repeat(random.choice(SHARES, units // 40 + 1), 40)[:units]
    share = np.where(random.random(units) < 0.3, random.choice(SHARES, units), alike)
    return np.where(random.random((rows, units)) < share, 0, random.normal(size=(rows, units)))


@pytest.mark.parametrize("rows", [2, 63, 64, 261, 1030])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_units_that_are_0_in_any_share_of_the_rows(operator, kernels, rows: int, seed: int) -> None:
    z = often_zero(rows, 330, seed)
    check(operator, z.astype(np.float32), rectify=False)
    check(operator, np.abs(z).astype(np.float32))
    check(operator, np.abs(z), rectify=False)
    check(operator, np.ascontiguousarray(np.abs(z).astype(np.float32).T), (1, 0))


@pytest.mark.parametrize("rows", [64, 300, 1024])
def test_the_rounding_of_one_product_is_not_repeated(operator, kernels, rows: int) -> None:
    """Units with two values, 0 and another: no sum of equal numbers may lose digits by its length."""
    random = np.random.default_rng(0)
    for share in (0.4, 0.5):
        z = np.where(random.random((rows, 200)) < share, 0, random.uniform(0.5, 2, 200))
        check(operator, z.astype(np.float32), rectify=False)


@pytest.mark.parametrize("rows", [9, 256, 700])
def test_products_of_small_whole_numbers_are_exact(operator, kernels, rows: int) -> None:
    """No tolerance hides a row that is left out or counted twice."""
    z = np.abs(np.round(4 * often_zero(rows, 330, 3))).astype(np.float32)
    _, _, expected = moments(arranged(z, (0, 1)), rectify=True)
    found = operator("CoMoment", z, rectify=1)["m2"]
    np.testing.assert_allclose(found, expected[np.tril_indices(330)], rtol=0, atol=1e-12 * expected.max())


def test_the_number_of_threads_never_shows(operator) -> None:
    for shape, rectify in product(((512, 300), (16, 64, 30, 30)), (0, 1)):
        z = values("dense", shape, "float32", 3)
        one, four = (operator("CoMoment", z, threads=threads, rectify=rectify) for threads in (1, 4))
        for name, numbers in one.items():
            np.testing.assert_array_equal(numbers, four[name])


def test_what_is_seen_first_need_not_be_like_the_rest(operator) -> None:
    """Of 3000 rows, eight times sixteen determine centre and scale; these have another magnitude than the rest."""
    random = np.random.default_rng(0)
    for some, rest in ((1e-3, 1e25), (1e25, 1e-3), (0.0, 1e30), (5.0, 5.0)):
        z = random.normal(size=(8, 375, 20)) * rest
        z[:, :16] = random.normal(size=(8, 16, 20)) * some
        check(operator, z.reshape(3000, 20).astype(np.float32), rectify=False)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_do_no_harm(operator, kernels, value: float) -> None:
    z = values("dense", (200, 40), "float32", 0)
    z[17, 3] = value
    found = operator("CoMoment", z, rectify=0)
    assert not np.isfinite(found["m2"][3 * 4 // 2 + 3])
    assert found["count"] == 200


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_do_no_harm_among_zeros(operator, kernels, value: float) -> None:
    z = values("dense", (200, 200), "float32", 0)
    z[17, 150] = value
    found = operator("CoMoment", z, rectify=1)["m2"]
    assert not np.isfinite(found[150 * 151 // 2 + 150])
    assert np.isfinite(found[: 150 * 151 // 2]).all()
