"""The number system of the thesis, section 4.2: (4.4) to (4.11); the Bernoulli estimate (4.3); figure 4.1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from relucid.analyzer.errors import ModelError, OptionError
from relucid.plugins.psb.encoding import encoding
from relucid.plugins.psb.encoding.encoding import ZERO, curves, decode, encode

finite = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=True)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and bool((a.view(np.uint32) == b.view(np.uint32)).all())


@given(arrays(np.float32, st.integers(1, 20), elements=finite))
def test_decoding_gives_every_float_back_bit_for_bit(w):
    assert same_bits(decode(encode(w)), w)


def test_every_exponent_sign_and_kind_of_mantissa_comes_back():
    mantissas = np.array([0, 2**23 - 1, 0x2AAAAA, *2 ** np.arange(23)], dtype=np.uint32)
    patterns = (np.arange(255, dtype=np.uint32)[:, None] << 23 | mantissas).reshape(-1)
    w = np.concatenate([patterns, patterns | np.uint32(1 << 31)]).view(np.float32)
    codes = encode(w)
    assert same_bits(decode(codes), w)
    assert ((codes.exponent == ZERO) == (w == 0)).all()
    assert (codes.probability >= 0).all()
    assert (codes.probability < 1).all()
    assert set(codes.exponent.tolist()) == {ZERO, *range(-149, 128)}


@given(finite.filter(lambda w: abs(w) > 2.0**-120))
def test_the_parts_are_those_of_4_5_to_4_7(w):
    codes = encode([w])
    assert codes.sign[0] == np.sign(w)
    assert 2.0 ** codes.exponent[0] <= abs(w) < 2.0 ** (codes.exponent[0] + 1)
    assert codes.probability[0] == np.float32(abs(np.float64(w)) / 2.0 ** codes.exponent[0] - 1)


@pytest.mark.parametrize("w", [np.inf, np.nan])
def test_what_is_not_finite_is_refused(w):
    with pytest.raises(ModelError, match="infinite or NaN"):
        encode([1.0, w])


@pytest.mark.parametrize("n", [1, 2, 16])
def test_samples_have_the_mean_and_the_variance_that_the_thesis_gives(n):
    """Expectations over the whole binomial law, from scipy; the variance is the thesis' own formula, above (4.10)."""
    w = np.array([3.0, -0.7, 1.0, 0.0, 5e-3], dtype=np.float32)
    codes = encode(w)
    ones = np.arange(n + 1)[:, None]
    law = stats.binom.pmf(ones, n, codes.probability.astype(np.float64))
    seen = encoding.estimate(codes, np.broadcast_to(ones, law.shape), samples=n)
    mean = (law * seen).sum(axis=0)
    np.testing.assert_allclose(mean, w, rtol=1e-6)
    spread = (law * (seen - mean) ** 2).sum(axis=0)
    np.testing.assert_allclose(spread, encoding.variance(codes, samples=n), rtol=1e-5, atol=1e-12)
    size, power = np.abs(w.astype(np.float64)), np.where(w == 0, 0, np.ldexp(1.0, codes.exponent))
    np.testing.assert_allclose(spread, (3 * power * size - 2 * power**2 - size**2) / n, rtol=1e-5, atol=1e-12)


def test_the_relative_variance_is_largest_at_a_third_and_the_absolute_at_a_half():
    p = np.linspace(0, 1, 3001)[:-1]
    codes = encode(1 + p)
    variance = encoding.variance(codes, samples=4)
    assert p[np.argmax(variance)] == 0.5
    relative = variance / (1 + p) ** 2
    assert p[np.argmax(relative)] == pytest.approx(1 / 3, abs=1e-3)
    assert relative.max() == pytest.approx(1 / 32)
    assert (variance <= encoding.variance_bound(1 + p, samples=4) * (1 + 1e-6)).all()
    assert np.sqrt(relative.max()) == pytest.approx(encoding.relative_deviation_bound(samples=4))


@given(st.integers(0, 10), st.data())
def test_dyadic_probabilities_need_no_chance_from_2_to_the_k_samples_on(k, data):
    m = data.draw(st.integers(0, 2**k - 1))
    codes = encode([4 * (1 + m / 2**k)])
    n = int(encoding.exact_samples(codes)[0])
    assert n <= 2**k
    ones = n * codes.probability[0]
    assert ones == round(ones)
    assert encoding.estimate(codes, [ones], samples=n) == decode(codes)
    assert n == 1 or (n // 2 * codes.probability[0]) % 1


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
    with pytest.raises(OptionError, match=r"weights in \[0, 1\]"):
        encoding.flip([w])
    with pytest.raises(OptionError, match="at least 1 sample"):
        encoding.flip([0.5], samples=0)


@pytest.mark.parametrize("n", [1, 4])
def test_the_curves_obey_the_bounds_and_touch_them_at_a_third(n):
    """(4.10) and (4.11): both bounds hold everywhere, as equalities at p = 1/3; the absolute maximum is at p = 1/2."""
    w = np.arange(512, 4096, dtype=np.float32) / 512
    found = curves(w, samples=n)
    assert (found["variance"] <= found["variance_bound"] * (1 + 1e-12)).all()
    assert (found["relative_deviation"] <= found["relative_deviation_bound"] * (1 + 1e-12)).all()
    third = curves(np.float32(4) * np.arange(3, 6, dtype=np.float32) / 3, samples=n)
    assert third["probability"][1] == pytest.approx(1 / 3, abs=1e-6)
    assert third["relative_deviation"][1] == pytest.approx(third["relative_deviation_bound"][1])
    inside = (w >= 4) & (w < 8)
    assert w[inside][found["variance"][inside].argmax()] == 6
    assert found["exponent"].tolist() == np.floor(np.log2(w)).tolist()
    assert found["variance"] == pytest.approx(
        (3 * 2 ** found["exponent"] * w - 2 ** (2 * found["exponent"] + 1) - w**2.0) / n, abs=1e-9
    )
