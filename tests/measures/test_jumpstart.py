"""Jumpstart's definitions and constraints against their words, written out in plain Python."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from relucid.analyzer.measures import jumpstart
from relucid.analyzer.stats import Block, PointMargins, Points, PointTraces, UnitRanges, classify

Z = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=3, max_dims=3, max_side=5),
    elements=st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0]),
)


@given(Z)
def test_unit_classes_are_those_of_definition_1(z: np.ndarray) -> None:
    values = jumpstart.units(UnitRanges.of(Block(z)))
    expected = []
    for unit in range(z.shape[2]):
        h = [max(0.0, g) for g in z[:, :, unit].ravel().tolist()]
        expected.append("dead" if all(x == 0 for x in h) else "linear" if all(x > 0 for x in h) else "nonlinear")
    assert values["unit_class"].tolist() == expected
    for name in ("dead", "linear", "nonlinear"):
        assert values[f"{name}_units"] == tuple(unit for unit, each in enumerate(expected) if each == name)
        assert values[f"{name}_unit_ratio"] == expected.count(name) / len(expected)
    assert values["active_share"] == pytest.approx((z > 0).mean())
    assert values["unit_active"].tolist() == (z > 0).sum(axis=(0, 1)).tolist()
    assert values["unit_active_share"] == pytest.approx((z > 0).mean(axis=(0, 1)))
    assert values["unit_low"].tolist() == z.min(axis=(0, 1)).tolist()
    assert values["unit_high"].tolist() == z.max(axis=(0, 1)).tolist()


@given(Z)
def test_point_classes_are_those_of_definition_2(z: np.ndarray) -> None:
    values = jumpstart.points(Points.of(Block(z)))
    classes = []
    for sample in z:
        h = [max(0.0, g) for g in sample.ravel().tolist()]
        classes.append("dead" if all(x == 0 for x in h) else "linear" if all(x > 0 for x in h) else "nonlinear")
    for name in ("dead", "linear", "nonlinear"):
        assert values[f"{name}_points"] == tuple(n for n, each in enumerate(classes) if each == name)
        assert values[f"{name}_point_count"] == classes.count(name)
        assert values[f"{name}_point_ratio"] == classes.count(name) / len(classes)


@given(Z, st.sampled_from([(1.0, -1.0), (0.5, 0.0)]))
def test_margins_are_the_constraints_3_to_6_and_agree_with_the_plain_check(
    z: np.ndarray, margins: tuple[float, float]
) -> None:
    upper, lower = margins
    block = Block(z)
    values = jumpstart.margins(UnitRanges.of(block), PointMargins.of(block, upper=upper, lower=lower))
    units, points = range(z.shape[2]), range(len(z))
    held = [
        [max(z[:, :, j].ravel()) >= upper for j in units],
        [min(z[:, :, j].ravel()) <= lower for j in units],
        [max(z[i].ravel()) >= upper for i in points],
        [min(z[i].ravel()) <= lower for i in points],
    ]
    assert [each.tolist() for each in jumpstart.satisfied(z, upper=upper, lower=lower)] == held
    names = [
        "unit_upper_satisfied",
        "unit_lower_satisfied",
        "point_upper_satisfied",
        "point_lower_satisfied",
    ]
    assert [values[name] for name in names] == [pytest.approx(np.mean(each)) for each in held]
    assert values["separated"] is all(all(each) for each in held)
    assert (values["upper_margin"], values["lower_margin"]) == margins


def test_the_network_names_its_dead_and_linear_sites_and_where_points_die() -> None:
    first = np.array([[[1.0, -1.0]], [[-1.0, -1.0]], [[2.0, 1.0]]])
    second = np.array([[[-1.0]], [[-2.0]], [[0.0]]])
    third = np.array([[[1.0]], [[1.0]], [[0.5]]])
    blocks = {"a": Block(first), "b": Block(second), "c": Block(third)}
    kinds = [classify(block) for block in blocks.values()]
    dead, linear = (np.stack([kind[which] for kind in kinds], axis=1) for which in (0, 1))
    fates = PointTraces.of_classes(dead, linear, np.arange(3))
    assert jumpstart.network({name: UnitRanges.of(block) for name, block in blocks.items()}, fates) == {
        "dead_points_somewhere": 3,
        "dead_points_somewhere_ratio": 1.0,
        "first_dead": (1, 2, 0),
        "linear_so_far": (1, 0, 0),
        "dead_sites": ("b",),
        "linear_sites": ("c",),
    }


@given(st.floats(0, 1), st.integers(1, 6), st.integers(1, 6))
def test_probability_of_a_dead_layer_is_a_sum_over_the_number_of_dead_layers(p: float, n: int, depth: int) -> None:
    at_least_one = sum(comb(depth, k) * (p**n) ** k * (1 - p**n) ** (depth - k) for k in range(1, depth + 1))
    assert jumpstart.probability_of_dead_layer(p, [n] * depth) == pytest.approx(at_least_one, abs=1e-12)


def test_probability_of_a_dead_layer_equals_drawing_layers_of_unequal_width() -> None:
    widths, p, draws = [1, 2, 4], 0.3, 200_000
    random = np.random.default_rng(0)
    dead = np.zeros(draws, dtype=bool)
    for n in widths:
        dead |= (random.random((draws, n)) < p).all(axis=1)
    expected = jumpstart.probability_of_dead_layer(p, widths)
    assert abs(dead.mean() - expected) < 4 * np.sqrt(expected * (1 - expected) / draws)
