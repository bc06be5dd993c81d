"""The native pattern table against `Patterns`, its slow twin, and against a Counter."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relucid.analyzer.errors import OptionError
from relucid.analyzer.native import PatternTable
from relucid.analyzer.stats import Patterns
from relucid.analyzer.stats.keys import mix64


def keys_of(values: np.ndarray) -> np.ndarray:
    """Evenly scattered keys for numbers, as patterns have."""
    return mix64(np.asarray(values).astype(np.uint64) + np.uint64(1))


def counted(keys: np.ndarray, capacity: int, cuts: list[int]) -> Patterns:
    table = PatternTable(capacity)
    for part in np.split(keys, sorted(cut % (keys.size + 1) for cut in cuts)):
        table.add(part)
    return table.patterns(units=9, seed=4)


def check(state: Patterns, keys: np.ndarray, capacity: int) -> None:
    """The sample is that of the slow twin; the frequent patterns keep the bounds documented in `Patterns`."""
    twin = Patterns.of_keys(keys, units=9, seed=4, capacity=capacity)
    for name in ("units", "seed", "capacity", "total", "level"):
        assert getattr(state, name) == getattr(twin, name), name
    np.testing.assert_array_equal(state.keys, twin.keys)
    np.testing.assert_array_equal(state.counts, twin.counts)
    assert (state.keys.dtype, state.counts.dtype) == (twin.keys.dtype, twin.counts.dtype)
    truth = Counter(keys.tolist())
    distinct = np.array(sorted(truth), dtype=np.uint64)
    exact = np.array([truth[key] for key in distinct.tolist()], dtype=np.int64)
    for counts, missed in (state.bounds(distinct), state.frequent_bounds(distinct)):
        assert (counts <= exact).all()
        assert (exact <= counts + missed).all()
    assert (exact[~np.isin(distinct, state.frequent_keys)] <= state.floor).all() or state.level == 0
    assert state.frequent_keys.size <= capacity // 4
    assert (np.diff(state.frequent_keys.astype(object)) > 0).all()
    assert set(state.frequent_keys.tolist()) <= set(truth)


@settings(max_examples=200)
@given(
    st.lists(st.integers(0, 60), max_size=300),
    st.lists(st.integers(0, 300), max_size=6),
    st.integers(1, 70),
)
def test_any_stream_and_capacity(values: list[int], cuts: list[int], capacity: int) -> None:
    keys = keys_of(np.array(values, dtype=np.uint64))
    check(counted(keys, capacity, cuts), keys, capacity)


@pytest.mark.parametrize("capacity", [1, 50, 4000, 2**20])
@pytest.mark.parametrize("kind", ["distinct", "zipf", "few", "late"])
def test_long_streams(kind: str, capacity: int) -> None:
    random = np.random.default_rng(1)
    values = {
        "distinct": lambda: random.permutation(60_000),
        "zipf": lambda: random.zipf(1.3, size=60_000) % 2**40,
        "few": lambda: random.integers(0, 30, size=60_000),
        "late": lambda: np.concatenate([np.arange(20_000), np.repeat(7, 5_000), random.integers(0, 10**9, 20_000)]),
    }[kind]()
    keys = keys_of(values)
    check(counted(keys, capacity, [100, 101, 30_000]), keys, capacity)


def test_what_is_frequent_is_known_to_be() -> None:
    """Among patterns that occur once, one in ten occurrences is of the same twenty."""
    random = np.random.default_rng(2)
    values = np.arange(200_000)
    values[random.choice(200_000, 20_000, replace=False)] = 10**9 + np.arange(20_000) % 20
    keys = keys_of(values)
    state = counted(keys, 10_000, [])
    often = keys_of(10**9 + np.arange(20))
    assert np.isin(often, state.frequent_keys).all()
    count, missed = state.frequent_bounds(np.sort(often))
    assert (count > 900).all()
    assert (missed < 100).all()


@pytest.mark.parametrize("capacity", [32, 70, 300])
def test_of_what_is_dropped_at_first_the_most_is_remembered(capacity: int) -> None:
    for first in range(0, 10_000, 500):
        values = np.repeat(np.arange(first, first + capacity + 1), [*range(1, capacity + 1), 1])
        keys = keys_of(values)
        check(counted(keys, capacity, []), keys, capacity)


def test_of_equal_counts_none_is_chosen_by_its_key() -> None:
    state = counted(keys_of(np.repeat(np.arange(610), 3)), 600, [])
    assert state.level == 1
    assert state.frequent_keys.size == 0


def test_what_was_not_kept_of_a_tie_is_not_taken_for_new() -> None:
    keys = keys_of(np.concatenate([np.repeat(np.arange(610), 3), np.arange(0, 610, 9)]))
    check(counted(keys, 600, []), keys, 600)


def test_it_goes_on_after_it_was_read() -> None:
    keys = keys_of(np.random.default_rng(3).integers(0, 5000, size=40_000))
    table = PatternTable(1000)
    for part in np.split(keys, [10_000, 10_001, 25_000]):
        table.add(part)
        table.patterns(units=9, seed=4)
    check(table.patterns(units=9, seed=4), keys, 1000)


def test_what_it_says_merges_with_what_numpy_says() -> None:
    keys = keys_of(np.random.default_rng(5).integers(0, 3000, size=20_000))
    native, portable = counted(keys[:9000], 500, []), Patterns.of_keys(keys[9000:], units=9, seed=4, capacity=500)
    for state in (native.merge(portable), portable.merge(native)):
        check(state, keys, 500)


@pytest.mark.parametrize(
    "keys",
    [
        [0],
        [2**64 - 1],
        [0, 2**64 - 1, 0],
        [2**63] * 3,
        list(range(3000)),
        list(range(2**64 - 3000, 2**64)),
        [2**63 - 1500 + number for number in range(3000)],
    ],
    ids=["first", "last", "both", "middle", "low", "high", "around"],
)
def test_keys_that_are_not_scattered_are_counted_all_the_same(keys: list[int]) -> None:
    keys = np.array(keys, dtype=np.uint64)
    for capacity in (1, 2, 100, 4000):
        check(counted(keys, capacity, []), keys, capacity)


def test_a_cluster_behind_the_last_place_is_read_completely() -> None:
    for crowd in range(1, 400):
        keys = np.uint64(2**64 - crowd) + np.arange(crowd, dtype=np.uint64)
        np.testing.assert_array_equal(counted(keys, 4000, []).keys, keys)


@settings(max_examples=100)
@given(
    st.lists(st.sampled_from([0, 1, 2, 3, 4, 2**63, *(2**64 - 1 - number for number in range(5))]), max_size=200),
    st.integers(1, 12),
)
def test_no_key_is_reserved(values: list[int], capacity: int) -> None:
    """Neither 0 nor the largest, with which free places might be marked, in the sample or among the frequent."""
    keys = np.array(values, dtype=np.uint64)
    check(counted(keys, capacity, [50]), keys, capacity)


@settings(max_examples=30)
@given(st.integers(0, 2**63), st.integers(1, 2000), st.integers(0, 3000), st.integers(0, 2**31))
def test_a_crowd_of_keys_moves_with_those_around_it(first: int, crowd: int, others: int, seed: int) -> None:
    """Where many keys share a place they fill those behind it, which are in use when the table grows."""
    keys = np.concatenate([np.uint64(first) + np.arange(crowd, dtype=np.uint64), keys_of(np.arange(others))])
    keys = np.random.default_rng(seed).permutation(np.concatenate([keys, keys[::3]]))
    for capacity in (600, 10_000):
        check(counted(keys, capacity, [1000]), keys, capacity)


@pytest.mark.parametrize("capacity", [2, 8, 100])
def test_counts_of_any_size(capacity: int) -> None:
    """Around each multiple of what a byte holds; half of the patterns come again past the capacity."""
    edges = [1, 2, 254, 255, 256, 257, 258, 511, 512, 513, 767, 768, 769, 1024, 65_535, 65_536, 65_537]
    values = np.repeat(np.arange(len(edges)), edges)
    keys = keys_of(np.random.default_rng(6).permutation(values))
    check(counted(keys, capacity, [70_000]), keys, capacity)
    again = np.concatenate([keys[keys >> np.uint64(63) == 0], keys])
    check(counted(again, capacity, []), again, capacity)


def test_millions_of_keys_move_to_wider_memory_and_stay_counted() -> None:
    keys = keys_of(np.arange(4_000_000))
    state = counted(np.concatenate([keys, keys[::5]]), 2**22, [])
    order = np.argsort(keys)
    np.testing.assert_array_equal(state.keys, keys[order])
    np.testing.assert_array_equal(state.counts, 1 + (order % 5 == 0))


MEASURED = """
import numpy as np
from pathlib import Path
from relucid.analyzer.native import PatternTable
from relucid.analyzer.stats.keys import mix64

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def bytes_a_table(tables, keys):
    known = mix64(np.arange(keys, dtype=np.uint64))
    held = [PatternTable() for _ in range(tables + 1)]
    held[0].add(known)
    before = resident()
    for table in held[1:]:
        table.add(known)
    return (resident() - before) / tables

print(bytes_a_table(500, 20), bytes_a_table(3, 700_000))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc, which only Linux has")
def test_memory_goes_by_what_is_held() -> None:
    """A page or two for few keys, for there may be hundreds of tables; no more than three times the keys for many."""
    few, many = map(float, _told(MEASURED).split())
    assert few < 2 * 4096
    assert many < 3 * 8 * 700_000


LIMITED = """
import resource
import numpy as np
from relucid.analyzer.native import PatternTable
from relucid.analyzer.stats.keys import mix64

keys = mix64(np.arange(300_000, dtype=np.uint64))
table, full = PatternTable(2**30), PatternTable(2**30)
used = int(open("/proc/self/statm").read().split()[0]) * 4096
most = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (used + 2**24, most[1]))
table.add(keys)
try:
    for part in range(1000):
        full.add(mix64(np.arange(part * 2**16, (part + 1) * 2**16, dtype=np.uint64)))
except MemoryError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_AS, most)
state = table.patterns(units=9)
print(state.level, state.keys.size, state.counts.max())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc, which only Linux has")
@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="the sanitizer hangs where addresses are scarce")
def test_where_addresses_are_scarce_memory_is_used_to_its_end() -> None:
    said = _told(LIMITED).splitlines()
    assert said == ["cannot allocate a table of 1073741824 patterns; use a smaller capacity", "0 300000 1"]


def _told(program: str) -> str:
    """What a fresh process prints."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_capacity_below_one_is_refused() -> None:
    with pytest.raises(OptionError, match="at least 1"):
        PatternTable(0)
