"""Unit ranges, points, point traces, margins and non-finite values against plain numpy over the whole data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from relucid.analyzer.errors import StateError
from relucid.analyzer.stats import (
    Block,
    Nonfinite,
    PointMargins,
    Points,
    PointTraces,
    UnitRanges,
    classify,
    finite_samples,
)
from relucid.analyzer.stats import points as points_module

Z = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=3, max_dims=3, max_side=6),
    elements=st.sampled_from([-2.0, -1.0, -0.0, 0.0, 1.0, 1.5]),
)


@given(Z)
def test_unit_ranges_are_those_of_numpy(z: np.ndarray) -> None:
    seen = UnitRanges.of(Block(z))
    flat = z.reshape(-1, z.shape[2])
    assert seen.count == len(flat)
    assert seen.samples == len(z)
    assert np.array_equal(seen.low, flat.min(axis=0))
    assert np.array_equal(seen.high, flat.max(axis=0))
    assert np.array_equal(seen.active, (flat > 0).sum(axis=0))


def test_activity_is_counted_exactly_beyond_what_float32_can_count() -> None:
    z = np.broadcast_to(np.float32(1), (1, 2**24 + 3, 1))
    assert UnitRanges.of(Block(z)).active.tolist() == [2**24 + 3]


@given(Z)
def test_points_are_those_of_the_definition(z: np.ndarray) -> None:
    h = np.maximum(z, 0).reshape(len(z), -1)
    dead, linear = (h == 0).all(axis=1), (h > 0).all(axis=1)
    seen = Points.of(Block(z, index=np.arange(len(z))[::-1] + 5))
    number = np.arange(len(z))[::-1] + 5
    assert (seen.samples, seen.dead, seen.linear) == (len(z), dead.sum(), linear.sum())
    assert seen.listed_dead.tolist() == sorted(number[dead].tolist())
    assert seen.listed_linear.tolist() == sorted(number[linear].tolist())
    assert seen.listed_nonlinear.tolist() == sorted(number[~dead & ~linear].tolist())
    assert [part.tolist() for part in classify(Block(z))] == [dead.tolist(), linear.tolist()]


def test_only_the_smallest_numbers_are_listed_but_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points_module, "MAX_LISTED_POINTS", 3)
    parts = [Points.of(Block(-np.ones((4, 1, 1)), index=np.array(each))) for each in ([9, 2, 7, 5], [1, 8, 3, 6])]
    seen = parts[0].merge(parts[1])
    assert seen.dead == 8
    assert seen.listed_dead.tolist() == [1, 2, 3]


@given(st.lists(st.integers(0, 12), max_size=8), st.lists(st.integers(0, 12), max_size=8), st.integers(0, 12))
def test_two_lists_of_smallest_numbers_are_merged_however_they_overlap(a: list[int], b: list[int], after: int) -> None:
    """Overlapping or not; each full or not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(points_module, "MAX_LISTED_POINTS", 5)
        one, other = (
            points_module.keep_smallest(np.array(each, np.int64)) for each in (a, [number + after for number in b])
        )
        for first, second in ((one, other), (other, one)):
            found = points_module.merge_smallest(first, second)
            assert found.tolist() == sorted([*first, *second])[:5]
            assert found.dtype == np.int64


@given(hnp.arrays(np.int8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.integers(0, 2)))
def test_point_traces_follow_each_point_site_by_site(kinds: np.ndarray) -> None:
    dead, linear = kinds == 0, kinds == 1
    index = np.arange(len(kinds)) * 2
    seen = PointTraces.of_classes(dead, linear, index)
    first_dead, linear_so_far, listed = [0] * kinds.shape[1], [0] * kinds.shape[1], []
    for number, row in zip(index.tolist(), kinds.tolist(), strict=True):
        if 0 in row:
            first_dead[row.index(0)] += 1
            listed.append((number, row.index(0)))
        for site in range(len(row)):
            linear_so_far[site] += set(row[: site + 1]) == {1}
    assert seen.samples == len(kinds)
    assert seen.first_dead.tolist() == first_dead
    assert seen.linear_so_far.tolist() == linear_so_far
    assert list(zip(seen.listed_points.tolist(), seen.listed_sites.tolist(), strict=True)) == listed
    assert seen.dead_somewhere == len(listed)


@given(Z, st.sampled_from([(1.0, -1.0), (0.0, 0.0), (1.5, -2.0)]))
def test_point_margins_count_with_equality(z: np.ndarray, margins: tuple[float, float]) -> None:
    upper, lower = margins
    seen = PointMargins.of(Block(z), upper=upper, lower=lower)
    flat = z.reshape(len(z), -1)
    assert seen == PointMargins(
        len(z), upper, lower, int((flat.max(axis=1) >= upper).sum()), int((flat.min(axis=1) <= lower).sum())
    )


@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=3, max_dims=3, max_side=5),
        elements=st.sampled_from([0.0, 1.0, np.nan, np.inf, -np.inf]),
    )
)
def test_nonfinite_values_are_counted_and_the_first_sample_named(z: np.ndarray) -> None:
    index = np.arange(len(z))[::-1] + 3
    bad = ~np.isfinite(z)
    nonfinite = bad.any(axis=(1, 2))
    seen = Nonfinite.of(Block(z, index=index))
    assert seen == Nonfinite(int(bad.sum()), int(nonfinite.sum()), int(min(index[nonfinite], default=-1)))
    assert finite_samples(Block(z)).tolist() == (~nonfinite).tolist()
    for cut in range(1, len(z)):
        parts = [Nonfinite.of(Block(z[part], index=index[part])) for part in (slice(cut), slice(cut, None))]
        assert parts[0].merge(parts[1]) == parts[1].merge(parts[0]) == seen


def test_parts_with_different_options_do_not_merge() -> None:
    one, two = Block(np.ones((1, 1, 1))), Block(np.ones((1, 1, 2)))
    with pytest.raises(StateError, match="units in both parts, got 1 and 2"):
        UnitRanges.of(one).merge(UnitRanges.of(two))
    with pytest.raises(StateError, match=r"\(1.0, -1.0\) and \(2.0, -1.0\)"):
        PointMargins.of(one).merge(PointMargins.of(one, upper=2.0))
    none = np.zeros((1, 1), dtype=bool)
    with pytest.raises(StateError, match="got 1 and 2 sites"):
        PointTraces.of_classes(none, none, np.arange(1)).merge(
            PointTraces.of_classes(none.repeat(2, 1), none.repeat(2, 1), np.arange(1))
        )
