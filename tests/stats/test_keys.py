"""Pattern keys against a slow twin in Python integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relucid.analyzer.stats import Block, global_keys, pattern_keys
from relucid.analyzer.stats.keys import mix64, random_words

WORD = 2**64


def slow_mix(word: int) -> int:
    """splitmix64's finaliser in Python integers (Steele, Lea & Flood 2014)."""
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) % WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) % WORD
    return word ^ (word >> 31)


def slow_keys(z: np.ndarray, seed: int) -> list[int]:
    """The definition: the bits themselves up to 64 units, the sum of the active units' words beyond."""
    units = z.shape[2]
    words = [1 << unit for unit in range(units)] if units <= 64 else random_words(seed, units).tolist()
    salt = random_words(seed, 1).tolist()[0]
    signs = (z > 0).reshape(-1, units)
    return [
        slow_mix((salt + sum(word for word, on in zip(words, row, strict=True) if on)) % WORD) for row in signs.tolist()
    ]


def layouts(z: np.ndarray) -> list[np.ndarray]:
    """The same values with channels last, channels first, and with gaps between them in memory."""
    spread = np.zeros((*z.shape[:2], 2 * z.shape[2]), dtype=z.dtype)[..., ::2]
    spread[...] = z
    return [np.ascontiguousarray(z), np.ascontiguousarray(z.transpose(0, 2, 1)).transpose(0, 2, 1), spread]


@pytest.mark.parametrize("units", [1, 2, 23, 24, 25, 48, 49, 63, 64, 65, 100, 512, 2000])
def test_keys_equal_the_slow_twin_in_every_memory_layout(units: int) -> None:
    z = np.random.default_rng(units).standard_normal((3, 5, units)).astype(np.float32)
    z[0, 0], z[0, 1] = 1, 0
    for each in layouts(z):
        assert pattern_keys(Block(each), seed=7).tolist() == slow_keys(z, 7)


@pytest.mark.parametrize("units", [65_536, 65_537, 140_000])
def test_keys_are_exact_where_all_of_very_many_units_are_active(units: int) -> None:
    z = np.ones((1, 2, units), dtype=np.float32)
    z[0, 1, ::3] = -1
    assert pattern_keys(Block(z), seed=1).tolist() == slow_keys(z, 1)


@given(st.integers(0, WORD - 1))
def test_mix64_equals_the_slow_twin(word: int) -> None:
    assert mix64(np.array([word], dtype=np.uint64)).tolist() == [slow_mix(word)]


@settings(max_examples=30)
@given(st.integers(1, 64), st.integers(0, 2**31))
def test_up_to_64_units_two_patterns_never_share_a_key(units: int, seed: int) -> None:
    z = np.random.default_rng(seed).standard_normal((200, 1, units))
    distinct = len({row.tobytes() for row in (z[:, 0] > 0)})
    assert np.unique(pattern_keys(Block(z), seed=seed)).size == distinct


@pytest.mark.parametrize("units", [10, 100])
def test_zero_is_inactive_and_the_seed_matters(units: int) -> None:
    z = np.zeros((1, 1, units))
    assert pattern_keys(Block(z)) == pattern_keys(Block(z - 1))
    assert pattern_keys(Block(z), seed=1) != pattern_keys(Block(z), seed=2)


def test_keys_are_uniformly_distributed() -> None:
    z = np.random.default_rng(0).standard_normal((20_000, 1, 100))
    for bit in (63, 62, 0):
        share = ((pattern_keys(Block(z)) >> np.uint64(bit)) & np.uint64(1)).mean()
        assert abs(share - 0.5) < 4 * 0.5 / np.sqrt(20_000)


def test_global_keys_differ_with_any_pattern_and_with_their_order() -> None:
    a = np.array([[1, 2], [1, 2], [2, 1], [1, 2]], dtype=np.uint64)
    b = np.array([[5], [5], [5], [6]], dtype=np.uint64)
    keys = global_keys([a, b])
    assert keys[0] == keys[1]
    assert len(set(keys.tolist())) == 3
    assert np.array_equal(global_keys([a[1:], b[1:]]), keys[1:])
    assert not np.intersect1d(global_keys([b, a]), keys).size
