"""The merge law for all statistics: results depend neither on how the data is split nor on the order of merging.

Counts are exactly equal, floating sums to 1e-12 relative to their scale. Of patterns beyond their capacity the sample
is exact; which frequent patterns are kept may depend on the order, their bounds are tested in tests/stats.
"""

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relucid.analyzer.stats import STATISTICS, Block, Changes, MergeTree, Patterns, PointTraces, Statistic

FREQUENT = {"frequent_keys", "frequent_counts", "frequent_missed", "floor"}


def block_of(seed: int, samples: int) -> Block:
    """Ties, zeros, repeated patterns, dead and constant units; sample numbers with gaps."""
    random = np.random.default_rng(seed)
    z = random.integers(-3, 4, (samples, random.integers(1, 4), random.integers(1, 6))).astype(np.float32) / 3
    z[..., 0] = -1
    z[random.random(samples) < 0.3] = random.choice([-1, 1])
    return Block(z, index=np.sort(random.choice(1000, samples, replace=False)), labels=random.integers(0, 3, samples))


def rows(block: Block, chosen: np.ndarray) -> Block:
    assert block.labels is not None
    return Block(block.z[chosen], index=block.index[chosen], labels=block.labels[chosen])


def split(block: Block, random: np.random.Generator) -> list[Block]:
    """The block's samples in any order, split anywhere."""
    order = random.permutation(len(block.z))
    edges = np.sort(random.integers(1, len(order) + 1, random.integers(0, 6)))
    return [rows(block, part) for part in np.split(order, edges) if part.size]


def merge_at_random(parts: list[Any], random: np.random.Generator) -> Any:
    """Merge any two parts at a time until one is left."""
    while len(parts) > 1:
        a, b = random.permutation(len(parts))[:2]
        both = parts[a].merge(parts[b])
        parts = [part for place, part in enumerate(parts) if place not in (a, b)] + [both]
    return parts[0]


def assert_same(one: Any, other: Any, *, skip: frozenset[str] = frozenset()) -> None:
    assert type(one) is type(other)
    for field in fields(one):
        if field.name in skip:
            continue
        a, b = np.asarray(getattr(one, field.name)), np.asarray(getattr(other, field.name))
        assert a.dtype == b.dtype, field.name
        if field.name in ("mean", "m2"):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * max(1.0, float(np.abs(a).max())))
        else:
            assert np.array_equal(a, b), field.name


def options(statistic: type[Statistic], capacity: int) -> dict[str, int]:
    return {"capacity": capacity} if issubclass(statistic, Patterns) else {}


@pytest.mark.parametrize("statistic", STATISTICS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("capacity", [3, 10_000])
@settings(max_examples=60)
@given(seed=st.integers(0, 2**31), samples=st.integers(1, 40))
def test_any_split_and_any_order_give_the_same(
    statistic: type[Statistic], capacity: int, seed: int, samples: int
) -> None:
    block, random = block_of(seed, samples), np.random.default_rng(seed)
    option = options(statistic, capacity)
    whole = statistic.of(block, **option)
    parts = [statistic.of(part, **option) for part in split(block, random)]
    skip = frozenset(FREQUENT) if getattr(whole, "level", 0) else frozenset()
    assert_same(merge_at_random(parts, random), whole, skip=skip)
    tree: MergeTree[Any] = MergeTree()
    for part in parts:
        tree.add(part)
    assert_same(tree.total(), whole, skip=skip)


@given(seed=st.integers(0, 2**31), samples=st.integers(1, 40), sites=st.integers(1, 5))
def test_point_traces_obey_the_law(seed: int, samples: int, sites: int) -> None:
    random = np.random.default_rng(seed)
    kinds, index = random.integers(0, 3, (samples, sites)), random.permutation(1000)[:samples]
    edges = np.sort(random.integers(0, samples + 1, 4))
    parts = np.split(random.permutation(samples), edges)
    states = [PointTraces.of_classes(kinds[part] == 0, kinds[part] == 1, index[part]) for part in parts if part.size]
    assert_same(merge_at_random(states, random), PointTraces.of_classes(kinds == 0, kinds == 1, index))


@given(seed=st.integers(0, 2**31), samples=st.integers(1, 40))
def test_changes_obey_the_law(seed: int, samples: int) -> None:
    before, random = block_of(seed, samples), np.random.default_rng(seed)
    after = before.z * random.choice([-1, 1, 1], before.z.shape)
    parts = np.split(random.permutation(samples), np.sort(random.integers(0, samples + 1, 4)))
    states = [Changes.of(before.z[part], after[part]) for part in parts if part.size]
    whole = Changes.of(before.z, after)
    assert_same(merge_at_random(states, random), whole)
    tree: MergeTree[Any] = MergeTree()
    for state in states:
        tree.add(state)
    assert_same(tree.total(), whole)


def state_of(statistic: Any, block: Block) -> Any:
    none = np.zeros((len(block.z), 2), dtype=bool)
    if statistic is PointTraces:
        return PointTraces.of_classes(none, none, block.index)
    return Changes.of(block.z, -block.z) if statistic is Changes else statistic.of(block)


@pytest.mark.parametrize("statistic", [*STATISTICS, PointTraces, Changes], ids=lambda each: each.__name__)
def test_a_state_is_frozen_plain_data_that_a_file_can_hold(statistic: Any) -> None:
    state = state_of(statistic, block_of(1, 9))
    assert is_dataclass(state)
    assert state.__dataclass_params__.frozen  # type: ignore[attr-defined]
    stored = {field.name: np.asarray(getattr(state, field.name)) for field in fields(state)}
    assert all(array.dtype.kind in "biuf" for array in stored.values())
    restored = type(state)(**{name: array if array.ndim else array.item() for name, array in stored.items()})
    assert_same(restored, state)
