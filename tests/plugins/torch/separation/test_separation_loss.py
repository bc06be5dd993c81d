"""The deficits and the objective, against numpy in the paper's notation and against its numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from relucid.plugins.torch.separation.extreme_values import Extremes, extremes
from relucid.plugins.torch.separation.separation_loss import (
    aggregate,
    balance_deficits,
    constraint_count,
    deficits,
    penalty,
)

numbers = st.floats(-4, 4, width=32)
vectors = st.lists(numbers, min_size=1, max_size=6)


def layer(g: np.ndarray, axes: tuple[str, ...] = ("unit", "point")) -> Extremes:
    return extremes(torch.as_tensor(g), axes=axes)


@given(seed=st.integers(0, 1000), upper=st.floats(0, 2), lower=st.floats(-2, -0.5))
def test_deficits_are_what_the_constraints_lack(seed, upper, lower):
    """(9) to (12), with the sign of (10) and (12) corrected: 0 exactly where (3) to (6) hold."""
    g = np.random.default_rng(seed).standard_normal((5, 4))
    for axis, over in (("unit", 0), ("point", 1)):
        plus, minus = deficits(layer(g, (axis,)), margin=(upper, lower))
        np.testing.assert_allclose(plus, np.maximum(0, upper - g.max(over)))
        np.testing.assert_allclose(minus, np.maximum(0, g.min(over) - lower))
        np.testing.assert_array_equal(plus == 0, g.max(over) >= upper)
        np.testing.assert_array_equal(minus == 0, g.min(over) <= lower)


def test_as_printed_the_negative_deficit_would_miss_what_it_is_for():
    """max(0, -1 - min g) is 0 for a unit that is active everywhere, which the constraint forbids."""
    g = torch.tensor([[0.5], [2.0]])
    assert deficits(extremes(g, axes=("unit",)))[1].item() == 1.5
    assert max(0.0, -1 - 0.5) == 0


@given(pairs=st.lists(st.tuples(numbers, numbers), min_size=1, max_size=5), balance=st.floats(0, 1))
def test_merged_and_apart(pairs, balance):
    """The same mean, half the sum, and other squares."""
    plus, minus = torch.tensor(pairs, dtype=torch.float64).abs().T
    merged = balance_deficits(plus, minus, balance=balance)
    apart = balance_deficits(plus, minus, balance=balance, merge=False)
    torch.testing.assert_close(merged, balance * plus + (1 - balance) * minus)
    torch.testing.assert_close(merged.mean(), apart.mean())
    torch.testing.assert_close(2 * merged.sum(), apart.sum())


def test_apart_by_default_is_as_printed():
    plus, minus = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
    assert balance_deficits(plus, minus, merge=False).tolist() == [1, 2, 3, 4]


@given(values=vectors)
def test_aggregations(values):
    d = np.abs(np.asarray(values, np.float64))
    for name, expected in (("mean", d.mean()), ("sum", d.sum()), ("norm", (d @ d) ** 0.5), ("sumsq", d @ d)):
        np.testing.assert_allclose(aggregate(torch.as_tensor(d), name), expected, rtol=1e-12)


def test_the_norm_of_nothing_missing_has_a_gradient():
    d = torch.zeros(3, requires_grad=True)
    aggregate(d, "norm").backward()
    assert d.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize("merge", [True, False])
@pytest.mark.parametrize("aggregation", ["mean", "sum", "norm", "sumsq"])
def test_one_number_of_all_layers(aggregation, merge):
    """All entries of all layers, units and points, in one row; equal strengths are one factor."""
    random = np.random.default_rng(0)
    layers = [random.standard_normal((5, units)) for units in (4, 3)]
    entries = []
    for g in layers:
        for over in (0, 1):
            plus, minus = np.maximum(0, 1 - g.max(over)), np.maximum(0, g.min(over) + 1)
            entries.append(0.3 * plus + 0.7 * minus if merge else np.concatenate([0.6 * plus, 1.4 * minus]))
    d = np.concatenate(entries)
    expected = {"mean": d.mean(), "sum": d.sum(), "norm": (d @ d) ** 0.5, "sumsq": d @ d}[aggregation]
    given = {"balance": 0.3, "merge": merge, "aggregation": aggregation}
    seen = [layer(g) for g in layers]
    np.testing.assert_allclose(penalty(seen, [0.1, 0.1], **given), 0.1 * expected, rtol=1e-12)
    almost = penalty(seen, [0.1, 0.1 * (1 + 1e-13)], **given)
    np.testing.assert_allclose(almost, 0.1 * expected, rtol=1e-9)
    if aggregation in ("sum", "sumsq"):
        alone = [penalty([one], [strength], **given) for one, strength in zip(seen, (0.1, 3.0), strict=True)]
        np.testing.assert_allclose(penalty(seen, [0.1, 3.0], **given), sum(alone), rtol=1e-12)


def test_a_sum_beyond_half_precision():
    many = Extremes(*(torch.full((50_000,), value, dtype=torch.float16) for value in (-3.0, -3.0)))
    assert penalty([many], [1.0], aggregation="sum").item() == 50_000 * 0.5 * 4


def test_constraint_counts():
    """S, section 3.3: 2 sum n_k + 2 D N; the authors' tests count units and points of 50 layers."""
    assert constraint_count([8] * 50, 85) == 2 * 50 * 8 + 2 * 50 * 85
    assert constraint_count([8] * 50, 85, axes=("unit",)) == 800
    assert constraint_count([8] * 50, 85, axes=("layer",)) == 100
    g = torch.zeros(85, 8)
    assert 2 * len(extremes(g).high) == constraint_count([8], 85)
