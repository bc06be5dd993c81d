"""Coins for weights in [0, 1], (4.3), and the curves of figure 4.1."""

import numpy as np
import pytest
from scipy import stats

from relucid.analyzer.errors import OptionError
from relucid.plugins.psb.encoding import encoding
from relucid.plugins.psb.encoding.encoding import curves


def test_the_coins_have_the_law_of_n_flips():
    w, n = 0.3, 4
    ones = np.rint(encoding.flip(np.full(20_000, w), samples=n, seed=3) * n).astype(int)
    seen = np.bincount(ones, minlength=n + 1)
    assert stats.chisquare(seen, 20_000 * stats.binom.pmf(np.arange(n + 1), n, w)).pvalue > 1e-3


def test_the_product_is_right_in_the_mean_and_its_error_is_the_variance_of_the_coins():
    random = np.random.default_rng(0)
    w, x = random.random((30, 4)), random.standard_normal((3, 30))
    drawn = np.stack([encoding.multiply(w, x, samples=2, seed=seed) for seed in range(400)])
    deviation = np.sqrt(np.square(x) @ encoding.coin_variance(w, samples=2))
    assert np.abs((drawn.mean(axis=0) - x @ w) / deviation * np.sqrt(400)).max() < 4.5
    assert (drawn.std(axis=0) / deviation) == pytest.approx(np.ones((3, 4)), abs=0.2)


def test_the_same_seed_gives_the_same_coins():
    w = np.full(1000, 0.5)
    assert np.array_equal(encoding.flip(w, seed=1), encoding.flip(w, seed=1))
    assert not np.array_equal(encoding.flip(w, seed=1), encoding.flip(w, seed=2))


@pytest.mark.parametrize("w", [-0.1, 1.5, np.nan])
def test_what_is_no_chance_is_refused(w):
    with pytest.raises(OptionError, match="lies in"):
        encoding.flip([w])
    with pytest.raises(OptionError, match="at least 1 sample"):
        encoding.flip([0.5], samples=0)


@pytest.mark.parametrize("n", [1, 4])
def test_the_curves_obey_the_bounds_and_touch_them_at_a_third(n):
    """(4.10) and (4.11): both bounds hold everywhere, as equalities at p = 1/3; the absolute maximum is at p = 1/2."""
    w = np.arange(512, 4096, dtype=np.float32) / 512
    found = curves(w, samples=n)
    assert (found.variance <= found.variance_bound * (1 + 1e-12)).all()
    assert (found.relative_deviation <= found.relative_deviation_bound * (1 + 1e-12)).all()
    third = curves(np.float32(4) * np.arange(3, 6, dtype=np.float32) / 3, samples=n)
    assert third.probability[1] == pytest.approx(1 / 3, abs=1e-6)
    assert third.relative_deviation[1] == pytest.approx(third.relative_deviation_bound)
    inside = (w >= 4) & (w < 8)
    assert w[inside][found.variance[inside].argmax()] == 6
    assert found.exponent.tolist() == np.floor(np.log2(w)).tolist()
    assert found.variance == pytest.approx(
        (3 * 2**found.exponent * w - 2 ** (2 * found.exponent + 1) - w**2.0) / n, abs=1e-9
    )
