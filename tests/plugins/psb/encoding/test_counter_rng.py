"""Counter-based random numbers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from relucid.plugins.psb.encoding.counter_rng import ROOT_KEY, derive_key, node_key, random_words, squares

MASK = 2**64 - 1


def squares_of_the_paper(counter: int, key: int) -> int:
    """Widynski's listing, in Python integers."""
    y = x = counter * key & MASK
    z = y + key & MASK
    for addend in (y, z, y):
        x = x * x + addend & MASK
        x = (x >> 32) | (x << 32 & MASK)
    return (x * x + z & MASK) >> 32


@given(st.integers(0, MASK), st.integers(0, MASK))
def test_the_generator_is_that_of_the_paper(counter, key):
    assert int(squares(counter, key)) == squares_of_the_paper(counter, key)


@given(st.integers(0, 2**63 - 1))
def test_a_derived_key_is_two_words_side_by_side_and_odd(number):
    key = int(derive_key(ROOT_KEY, number))
    high, low = (squares_of_the_paper(2 * number + i, ROOT_KEY) for i in (0, 1))
    assert key == ((high << 32) + 2 * low + 1) & MASK
    assert key % 2 == 1


def test_a_word_is_a_function_of_seed_node_image_and_index():
    long, short = random_words(100, seed=7, node=3), random_words(10, seed=7, node=3)
    assert long[:10].tolist() == short.tolist()
    assert random_words(10, seed=7, node=3, image=2).tolist() == random_words(30, seed=7, node=3)[20:].tolist()
    variants = [random_words(50, seed=s, node=n, image=i) for s in range(3) for n in range(3) for i in range(3)]
    assert len({word for words in variants for word in words.tolist()}) == 27 * 50


def test_words_are_even_and_streams_unrelated():
    """256 cells of the first byte, of the last, and of two neighbouring seeds, nodes and indices together."""
    count = 2**18
    one, two = random_words(count, seed=0, node=0), random_words(count, seed=1, node=0)
    other = random_words(count, seed=0, node=1)
    pairs = [one >> np.uint64(24), one & np.uint64(255)]
    for a, b in ((one, two), (one, other), (one[1:], one[:-1])):
        pairs.append((a >> np.uint64(28)) * np.uint64(16) + (b >> np.uint64(28)))
    for cells in pairs:
        assert stats.chisquare(np.bincount(cells.astype(np.int64), minlength=256)).pvalue > 1e-4


def test_every_node_has_a_key_of_its_own():
    assert len({int(node_key(node)) for node in range(1000)}) == 1000
