"""Distance and temperature: the thesis' numbers and observation 1, the inverse, and the rules for a whole network."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import xlogy

from relucid.analyzer.measures import pattern_temperature as measure
from relucid.analyzer.measures.pattern_temperature import distance, temperature
from relucid.analyzer.stats import Changes

SHARES = st.floats(0, 1, allow_nan=False)
Z = st.tuples(st.integers(0, 2**31), st.integers(1, 12), st.integers(1, 4), st.integers(1, 5))


def states(seed: int, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return tuple(random.integers(-2, 3, shape).astype(np.float32) for _ in range(2))  # type: ignore[return-value]


@given(Z)
def test_distance_is_the_share_of_patterns_that_differ_in_at_least_one_bit(sizes: tuple[int, int, int, int]) -> None:
    a, b = states(*sizes)
    differ = [
        any((a[n, p, j] > 0) != (b[n, p, j] > 0) for j in range(a.shape[2]))
        for n in range(a.shape[0])
        for p in range(a.shape[1])
    ]
    assert measure.pattern_distance(a, b) == sum(differ) / len(differ)


@given(Z)
def test_observation_1_no_change_has_no_distance_and_temperature_is_never_negative(
    sizes: tuple[int, int, int, int],
) -> None:
    a, b = states(*sizes)
    assert measure.pattern_distance(a, a) == 0
    assert temperature(measure.pattern_distance(a, a)) == 0
    assert measure.pattern_distance(a, b) == measure.pattern_distance(b, a)
    assert temperature(measure.pattern_distance(a, b)) >= 0


def test_zero_counts_as_inactive_on_either_side() -> None:
    assert measure.pattern_distance(np.array([[[0.0]]]), np.array([[[-1.0]]])) == 0
    assert measure.pattern_distance(np.array([[[0.0]]]), np.array([[[1e-30]]])) == 1


def test_the_start_temperature_of_section_3_3_needs_the_logarithm_to_base_2() -> None:
    """3.17 where D = 89 %: 1 - 2^-3.17 = 0.8889, while 1 - e^-3.17 = 0.958; log2 9 = 3.1699 is D = 8/9."""
    assert round(distance(3.17), 2) == 0.89
    assert temperature(8 / 9) == pytest.approx(math.log2(9), rel=1e-12)
    assert round(temperature(8 / 9), 2) == 3.17


@given(SHARES)
def test_temperature_and_distance_are_each_other_s_inverse(D: float) -> None:
    assert distance(temperature(D)) == pytest.approx(D, rel=1e-12, abs=1e-300)


@given(st.floats(0, 40))
def test_distance_and_temperature_are_each_other_s_inverse(T: float) -> None:
    assert temperature(distance(T)) == pytest.approx(T, rel=1e-5)


@given(st.lists(SHARES, min_size=2, max_size=5))
def test_it_grows_with_the_distance_and_many_are_as_one_by_one(D: list[float]) -> None:
    D = sorted(D)
    T = temperature(np.array(D))
    assert isinstance(T, np.ndarray)
    assert (np.diff(T[np.isfinite(T)]) >= 0).all()
    assert T.tolist() == [temperature(one) for one in D]
    assert distance(T).tolist() == [distance(one) for one in T.tolist()]
    expected = [-xlogy(1, 1 - one) / math.log(2) for one in D]
    np.testing.assert_allclose(T, expected, rtol=1e-9, atol=1e-15)


def test_of_small_distances_no_digit_is_lost() -> None:
    assert temperature(1e-18) == pytest.approx(1e-18 / math.log(2), rel=1e-12)
    assert distance(1e-18) == pytest.approx(1e-18 * math.log(2), rel=1e-12)


@given(st.lists(SHARES, min_size=1, max_size=6))
def test_of_the_network_the_mean_is_of_the_distances_and_not_of_the_temperatures(D: list[float]) -> None:
    mean = measure.network_distance(D)
    assert mean == pytest.approx(sum(D) / len(D))
    assert measure.network_temperature(D) == temperature(mean)


def test_one_layer_that_changes_all_makes_no_infinite_network() -> None:
    assert measure.network_temperature([0.0, 1.0]) == 1
    assert measure.mean_temperature([0.0, 1.0], most=measure.clipping_temperature(512)) == 5
    assert math.isinf(measure.mean_temperature([0.0, 1.0], most=math.inf))


@given(st.integers(1, 10**6))
def test_the_clip_lies_above_all_that_so_many_patterns_can_show_and_below_twice_as_many(count: int) -> None:
    hottest = temperature((count - 1) / count)
    assert hottest < measure.clipping_temperature(count) <= hottest + 1 + 1e-6
    assert math.isinf(temperature(count / count))


def test_each_site_has_its_own_clip() -> None:
    assert measure.mean_temperature([1.0, 1.0, 0.5], most=[3.0, 5.0, 9.0]) == 3


def test_decisions_are_shares_of_patterns_and_of_bits() -> None:
    values = measure.decisions(Changes(8, 2, np.array([2, 1, 0])))
    assert (values["distance"], values["temperature"]) == (0.25, pytest.approx(math.log2(4 / 3)))
    assert values["flip_share"] == 3 / 24
    assert values["unit_flips"].tolist() == [2, 1, 0]
    assert values["unit_flip_share"].tolist() == [0.25, 0.125, 0]
