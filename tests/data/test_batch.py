"""However the samples arrive, `rebatch` returns the same batches, and every sample keeps its number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relucid.analyzer.data import Batch, input_specs, rebatch
from relucid.analyzer.errors import OptionError

F4 = np.dtype("f4")
SPECS = input_specs([("input", F4, ("batch", 2)), ("state", F4, (2, "batch")), ("sr", np.dtype("i8"), ())])


def samples(count, start=0):
    """Samples whose values are their number."""
    number = np.arange(start, start + count, dtype=F4)
    arrays = {"input": np.stack([number, -number], 1), "state": np.stack([number + 0.5] * 2), "sr": np.array(16000)}
    return Batch(arrays, np.arange(start, start + count), np.arange(start, start + count) % 10)


def split(sizes):
    starts = np.cumsum([0, *sizes])
    return [samples(size, start) for size, start in zip(sizes, starts, strict=False)]


def batches(incoming, **options):
    """Copies of the batches, as each is valid until the next one is requested."""
    return [
        (batch.index.copy(), {name: array.copy() for name, array in batch.arrays.items()}, batch.labels.copy())
        for batch in rebatch(incoming, SPECS, **options)
    ]


@given(
    sizes=st.lists(st.integers(0, 9), max_size=12),
    batch=st.integers(1, 11),
    limit=st.none() | st.integers(1, 60),
    shards=st.integers(1, 4),
)
def test_any_sizes_of_incoming_batches_give_the_same_batches(sizes, batch, limit, shards):
    total = sum(sizes) if limit is None else min(sum(sizes), limit)
    seen = []
    for shard in range(shards):
        expected_numbers = np.arange(total)[shard::shards]
        found = batches(split(sizes), batch=batch, limit=limit, shard=(shard, shards))
        assert [len(index) for index, _, _ in found] == [
            len(part) for part in np.split(expected_numbers, range(batch, len(expected_numbers), batch)) if len(part)
        ]
        for index, arrays, labels in found:
            expected = np.asarray(index, F4)
            np.testing.assert_array_equal(arrays["input"], np.stack([expected, -expected], 1))
            np.testing.assert_array_equal(arrays["state"], np.stack([expected + 0.5] * 2))
            np.testing.assert_array_equal(labels, index % 10)
            assert arrays["sr"] == 16000
            seen.extend(index.tolist())
        assert [number for index, _, _ in found for number in index] == expected_numbers.tolist()
    assert sorted(seen) == list(range(total))


def test_an_incoming_batch_may_reuse_its_memory():
    buffer, classes = np.empty((3, 2), F4), np.empty(3, np.int64)

    def incoming():
        for start in range(0, 12, 3):
            batch = samples(3, start)
            buffer[:], classes[:] = batch.arrays["input"], batch.labels
            yield Batch({**batch.arrays, "input": buffer}, batch.index, classes)

    found = batches(incoming(), batch=7)
    assert np.concatenate([arrays["input"][:, 0] for _, arrays, _ in found]).tolist() == list(range(12))
    assert np.concatenate([labels for _, _, labels in found]).tolist() == [number % 10 for number in range(12)]


def test_no_batch_is_read_beyond_the_limit():
    def incoming():
        yield samples(4)
        yield samples(4, 4)
        pytest.fail("the limit is the end of the second batch")

    assert sum(len(index) for index, _, _ in batches(incoming(), batch=3, limit=8)) == 8


def test_another_shared_value_ends_a_batch_early():
    incoming = [samples(2), samples(2, 2), samples(2, 4)]
    incoming[2].arrays["sr"] = np.array(8000)
    found = batches(incoming, batch=3)
    assert [(index.tolist(), int(arrays["sr"])) for index, arrays, _ in found] == [
        ([0, 1, 2], 16000),
        ([3], 16000),
        ([4, 5], 8000),
    ]


def test_a_shared_value_that_is_overwritten_in_place_counts_as_another():
    value = np.array([1.0], F4)
    specs = input_specs([("x", F4, ("batch",)), ("scale", F4, (1,))])

    def incoming():
        for number in range(2):
            value[0] = number
            yield Batch({"x": np.zeros(2, F4), "scale": value}, np.arange(2) + 2 * number, None)

    assert [float(batch.arrays["scale"][0]) for batch in rebatch(incoming(), specs, batch=4)] == [0.0, 1.0]


def test_a_nan_shared_value_is_the_same_as_itself():
    specs = input_specs([("x", F4, ("batch",)), ("scale", F4, (1,))])
    arrays = {"x": np.zeros(2, F4), "scale": np.array([np.nan], F4)}
    incoming = [Batch(arrays, np.arange(start, start + 2), None) for start in (0, 2)]
    assert [len(batch.index) for batch in rebatch(incoming, specs, batch=4)] == [4]


def test_samples_of_another_shape_end_a_batch_early():
    specs = input_specs([("x", F4, ("batch", "time"))])
    incoming = [
        Batch({"x": np.zeros((stop - start, time), F4)}, np.arange(start, stop), None)
        for start, stop, time in [(0, 2, 3), (2, 4, 3), (4, 5, 5), (5, 8, 3)]
    ]
    found = [(batch.index.tolist(), batch.arrays["x"].shape[1]) for batch in rebatch(incoming, specs, batch=3)]
    assert found == [([0, 1, 2], 3), ([3], 3), ([4], 5), ([5, 6, 7], 3)]


def test_without_a_sample_axis_every_batch_is_one_sample():
    specs = input_specs([("x", F4, ())])
    incoming = [Batch({"x": np.array(value, F4)}, np.array([n]), None) for n, value in enumerate((1, 1, 2))]
    found = [(batch.index.tolist(), float(batch.arrays["x"])) for batch in rebatch(incoming, specs, batch=8)]
    assert found == [([0], 1.0), ([1], 1.0), ([2], 2.0)]


def test_batches_are_contiguous_and_aligned():
    specs = input_specs([("x", F4, ("batch", 3))])
    unaligned = np.frombuffer(bytes(1 + 4 * 12), "u1")[1:].view(F4).reshape(4, 3)
    for array in (unaligned, np.zeros((3, 4), F4).T, np.zeros((8, 3), F4)[::2]):
        (batch,) = rebatch([Batch({"x": array}, np.arange(len(array)), None)], specs, batch=4)
        assert batch.arrays["x"].flags.c_contiguous
        assert batch.arrays["x"].flags.aligned


def test_a_whole_batch_inside_an_incoming_one_is_not_copied():
    incoming = samples(8)
    for batch in rebatch([incoming], SPECS, batch=4):
        assert np.shares_memory(batch.arrays["input"], incoming.arrays["input"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, "batch: expected at least 1 sample, got 0"),
        ({"batch": 1, "limit": 0}, "limit: expected at least 1 sample, got 0"),
        ({"batch": 1, "shard": (2, 2)}, "shard: expected I/N with 0 <= I < N, got 2/2"),
        ({"batch": 1, "shard": (-1, 2)}, "shard: expected I/N with 0 <= I < N, got -1/2"),
    ],
)
def test_options_are_checked_at_once(options, message):
    with pytest.raises(OptionError, match=message):
        rebatch([], SPECS, **options)
