"""Binomial random numbers from alias tables."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from relucid.analyzer.errors import OptionError
from relucid.plugins.psb.encoding.binomial_table import binomial_masses, build_table
from relucid.plugins.psb.encoding.counter_rng import random_words
from relucid.plugins.psb.encoding.levels import Levels


@given(st.sampled_from([1, 2, 4, 16, 128, 1024]), st.fractions(0, 1, max_denominator=256))
def test_masses_are_binomial_probabilities_in_units_of_2_to_the_minus_32(n, p):
    law = binomial_masses(n, p)
    assert sum(law.values()) == 2**32
    j = np.arange(n + 1)
    found = np.array([law.get(i, 0) for i in j]) / 2**32
    assert np.abs(found - stats.binom.pmf(j, n, float(p))).max() < 2**-32 + 1e-12


def test_masses_are_exact_where_2_to_the_32_is_a_multiple_of_every_denominator():
    assert binomial_masses(8, Fraction(5, 16))[3] == 56 * 5**3 * 11**5
    assert binomial_masses(1, Fraction(1, 3)) == {0: 2863311531, 1: 1431655765}


@pytest.mark.parametrize("levels", [Levels(1, "ends"), Levels(2, "middles"), Levels(4)])
def test_the_columns_of_the_table_hold_the_masses_exactly(levels):
    """The lengths of the parts of all columns, by outcome, are the masses of the law."""
    table = build_table(levels, most=256)
    for t, (bits, start) in enumerate(zip(table.bits, table.starts, strict=True)):
        size = 2 ** (32 - int(bits))
        for level, p in enumerate(levels.probabilities):
            law: dict[int, int] = {}
            for column in range(2**bits):
                place = start + (level << bits) + column
                below = int(table.cuts[place]) - column * size
                assert 0 <= below <= size
                for outcome, length in zip(
                    table.outcomes[2 * place : 2 * place + 2], (below, size - below), strict=True
                ):
                    law[int(outcome)] = law.get(int(outcome), 0) + length
            assert {j: mass for j, mass in law.items() if mass} == binomial_masses(2**t, p)


def test_n_columns_are_enough_for_n_samples_and_two_for_one():
    table = build_table(Levels(4))
    assert table.bits.tolist() == [1, 1, 2, 3, 4, 5, 6, 7, 7, 8, 8]


@pytest.mark.parametrize("n", [1, 4, 64, 1024])
@pytest.mark.parametrize("level", [1, 8, 13])
def test_draws_follow_the_binomial_law(n, level):
    table = build_table(Levels(4))
    drawn = table.draw(np.full(2**17, level), random_words(2**17, seed=n, node=level), samples=n)
    expected = stats.binom.pmf(np.arange(n + 1), n, level / 16) * len(drawn)
    seen, often = np.bincount(drawn, minlength=n + 1), expected > 5
    rest = [expected[~often].sum()] if expected[~often].sum() > 1 else []
    counts = [*seen[often], seen[~often].sum()][: often.sum() + len(rest)]
    expected_counts = np.array([*expected[often], *rest])
    assert stats.chisquare(counts, expected_counts * np.sum(counts) / expected_counts.sum()).pvalue > 1e-4


def test_exact_dyadics_leave_nothing_to_chance_once_there_are_samples_enough():
    table = build_table(Levels(3), exact_dyadics=True)
    level = np.repeat(np.arange(8), 500)
    words = random_words(len(level), seed=0, node=0)
    assert (table.draw(level, words, samples=8) == level).all()
    assert (table.draw(level, words, samples=64) == 8 * level).all()
    few = table.draw(level, words, samples=4)
    assert (few[level % 2 == 0] == level[level % 2 == 0] // 2).all()
    assert len(set(few[level == 3].tolist())) > 1


@pytest.mark.parametrize("samples", [0, -4, 3, 2048])
def test_a_number_of_samples_that_the_table_does_not_have_is_refused(samples):
    with pytest.raises(OptionError, match="power of two from 1 to 1024"):
        build_table(Levels(4)).draw([0], random_words(1, seed=0, node=0), samples=samples)


@pytest.mark.parametrize("most", [0, 48, 2048])
def test_a_largest_number_that_cannot_be_is_refused(most):
    with pytest.raises(OptionError, match="largest number of samples"):
        build_table(Levels(4), most=most)
