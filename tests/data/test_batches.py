"""Re-cutting: any cut of the samples into feeds gives the same batches, and every sample keeps its number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relucid.analyzer.data import Feed, input_specs, rebatch
from relucid.analyzer.errors import OptionError

F4 = np.dtype("f4")
SPECS = input_specs([("input", F4, ("batch", 2)), ("state", F4, (2, "batch")), ("sr", np.dtype("i8"), ())])


def samples(count, start=0):
    """Samples that know their number."""
    number = np.arange(start, start + count, dtype=F4)
    arrays = {"input": np.stack([number, -number], 1), "state": np.stack([number + 0.5] * 2), "sr": np.array(16000)}
    return Feed(arrays, np.arange(start, start + count) % 10)


def cut(sizes):
    starts = np.cumsum([0, *sizes])
    return [samples(size, start) for size, start in zip(sizes, starts, strict=False)]


def batches(feeds, **options):
    """Batches as the rest of the analysis sees them: whatever is kept of one is copied before the next."""
    return [
        (batch.index.copy(), {name: array.copy() for name, array in batch.arrays.items()}, batch.labels.copy())
        for batch in rebatch(feeds, SPECS, **options)
    ]


@given(
    sizes=st.lists(st.integers(0, 9), max_size=12),
    batch=st.integers(1, 11),
    limit=st.none() | st.integers(1, 60),
    shards=st.integers(1, 4),
)
def test_any_cut_gives_the_same_batches(sizes, batch, limit, shards):
    total = sum(sizes) if limit is None else min(sum(sizes), limit)
    seen = []
    for shard in range(shards):
        wanted = np.arange(total)[shard::shards]
        found = batches(cut(sizes), batch=batch, limit=limit, shard=(shard, shards))
        assert [len(index) for index, _, _ in found] == [
            len(part) for part in np.split(wanted, range(batch, len(wanted), batch)) if len(part)
        ]
        for index, arrays, labels in found:
            expected = np.asarray(index, F4)
            np.testing.assert_array_equal(arrays["input"], np.stack([expected, -expected], 1))
            np.testing.assert_array_equal(arrays["state"], np.stack([expected + 0.5] * 2))
            np.testing.assert_array_equal(labels, index % 10)
            assert arrays["sr"] == 16000
            seen.extend(index.tolist())
        assert [number for index, _, _ in found for number in index] == wanted.tolist()
    assert sorted(seen) == list(range(total))


def test_a_feed_may_reuse_its_memory():
    buffer, classes = np.empty((3, 2), F4), np.empty(3, np.int64)

    def feeds():
        for start in range(0, 12, 3):
            feed = samples(3, start)
            buffer[:], classes[:] = feed.arrays["input"], feed.labels
            yield Feed({**feed.arrays, "input": buffer}, classes)

    found = batches(feeds(), batch=7)
    assert np.concatenate([arrays["input"][:, 0] for _, arrays, _ in found]).tolist() == list(range(12))
    assert np.concatenate([labels for _, _, labels in found]).tolist() == [number % 10 for number in range(12)]


def test_no_feed_is_read_beyond_the_limit():
    def feeds():
        yield samples(4)
        yield samples(4, 4)
        pytest.fail("the limit lies within the second feed")

    assert sum(len(index) for index, _, _ in batches(feeds(), batch=3, limit=8)) == 8


def test_another_shared_value_ends_a_batch_early():
    feeds = [samples(2), samples(2, 2), samples(2, 4)]
    feeds[2] = Feed(feeds[2].arrays | {"sr": np.array(8000)}, feeds[2].labels)
    found = batches(feeds, batch=3)
    assert [(index.tolist(), int(arrays["sr"])) for index, arrays, _ in found] == [
        ([0, 1, 2], 16000),
        ([3], 16000),
        ([4, 5], 8000),
    ]


def test_a_shared_value_that_is_overwritten_in_place_counts_as_another():
    value = np.array([1.0], F4)
    specs = input_specs([("x", F4, ("batch",)), ("scale", F4, (1,))])

    def feeds():
        for number in range(2):
            value[0] = number
            yield Feed({"x": np.zeros(2, F4), "scale": value}, None)

    assert [float(batch.arrays["scale"][0]) for batch in rebatch(feeds(), specs, batch=4)] == [0.0, 1.0]


def test_a_nan_shared_value_is_the_same_as_itself():
    specs = input_specs([("x", F4, ("batch",)), ("scale", F4, (1,))])
    feeds = [Feed({"x": np.zeros(2, F4), "scale": np.array([np.nan], F4)}, None) for _ in range(2)]
    assert [len(batch.index) for batch in rebatch(feeds, specs, batch=4)] == [4]


def test_samples_of_another_shape_end_a_batch_early():
    specs = input_specs([("x", F4, ("batch", "time"))])
    feeds = [Feed({"x": np.zeros((count, time), F4)}, None) for count, time in [(2, 3), (2, 3), (1, 5), (3, 3)]]
    found = [(batch.index.tolist(), batch.arrays["x"].shape[1]) for batch in rebatch(feeds, specs, batch=3)]
    assert found == [([0, 1, 2], 3), ([3], 3), ([4], 5), ([5, 6, 7], 3)]


def test_without_a_sample_axis_every_feed_is_one_sample():
    specs = input_specs([("x", F4, ())])
    feeds = [Feed({"x": np.array(value, F4)}, None) for value in (1, 1, 2)]
    found = [(batch.index.tolist(), float(batch.arrays["x"])) for batch in rebatch(feeds, specs, batch=8)]
    assert found == [([0], 1.0), ([1], 1.0), ([2], 2.0)]


def test_batches_are_contiguous_and_aligned():
    specs = input_specs([("x", F4, ("batch", 3))])
    unaligned = np.frombuffer(bytes(1 + 4 * 12), "u1")[1:].view(F4).reshape(4, 3)
    for array in (unaligned, np.zeros((3, 4), F4).T, np.zeros((8, 3), F4)[::2]):
        (batch,) = rebatch([Feed({"x": array}, None)], specs, batch=4)
        assert batch.arrays["x"].flags.c_contiguous
        assert batch.arrays["x"].flags.aligned


def test_a_whole_batch_inside_a_feed_is_not_copied():
    feed = samples(8)
    for batch in rebatch([feed], SPECS, batch=4):
        assert np.shares_memory(batch.arrays["input"], feed.arrays["input"])


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"batch": 0}, "a batch wants at least 1 sample, came 0"),
        ({"batch": 1, "limit": 0}, "a limit wants at least 1 sample, came 0"),
        ({"batch": 1, "shard": (2, 2)}, "a shard I/N wants 0 <= I < N, came 2/2"),
        ({"batch": 1, "shard": (-1, 2)}, "a shard I/N wants 0 <= I < N, came -1/2"),
    ],
)
def test_options_are_checked_at_once(options, wanted):
    with pytest.raises(OptionError, match=wanted.replace("<", "<")):
        rebatch([], SPECS, **options)
