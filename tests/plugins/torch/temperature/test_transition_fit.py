"""Fits recover the parameters of noise-free curves, agree with scipy on noisy ones, and follow A.4 on a few points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from relucid.analyzer.errors import DataError
from relucid.plugins.torch.temperature.transition import ARCTAN, HALF_ERF, LOG_NORMAL, MODELS
from relucid.plugins.torch.temperature.transition_fit import nls, probit_lstsq, sigma_growth

RATES = np.geomspace(1e-4, 1e2, 50)


@settings(max_examples=25)
@given(mu=st.floats(-7, 3), sigma=st.floats(0.3, 4))
def test_nls_finds_the_log_normal_again(mu, sigma):
    fit = nls(LOG_NORMAL, RATES, LOG_NORMAL.forward(RATES, mu, sigma))
    assert (fit.place, fit.shape) == (pytest.approx(mu, abs=1e-5), pytest.approx(sigma, rel=1e-5))
    assert fit.error < 1e-15


@pytest.mark.parametrize("model", [ARCTAN, HALF_ERF], ids=lambda model: model.name)
@pytest.mark.parametrize(("s", "d"), [(0.05, 16.0), (1.0, 64.0), (8.0, 3.0)])
def test_nls_finds_scale_and_width_again(model, s, d):
    fit = nls(model, RATES, model.forward(RATES, s, d))
    assert (fit.place, fit.shape) == (pytest.approx(s, rel=1e-3), pytest.approx(d, rel=1e-3))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("seed", range(3))
def test_nls_is_no_worse_than_scipy(model, seed):
    """On noisy measurements of another model's curve, compared to the minimum that scipy finds."""
    rng = np.random.default_rng(seed)
    other = MODELS[(MODELS.index(model) + 1) % 3]
    clean = other.forward(RATES, *((-1.0, 2.0) if other is LOG_NORMAL else (0.5, 20.0)))
    P = np.clip(clean + rng.normal(0, 0.02, RATES.size), 0, 1)
    fit = nls(model, RATES, P)

    def residuals(u):
        return model.forward(RATES, u[0] if model is LOG_NORMAL else np.exp(u[0]), np.exp(u[1])) - P

    starts = [(place, shape) for place in (-3.0, 0.0, 2.0) for shape in (-0.5, 1.0, 4.0)]
    best = min((optimize.least_squares(residuals, start, xtol=1e-12) for start in starts), key=lambda found: found.cost)
    assert fit.error <= 2 * best.cost / RATES.size * (1 + 1e-6)
    np.testing.assert_allclose(fit.predict(RATES) - P, fit.residuals, atol=1e-15)


def test_probit_lstsq_is_a_regression_line():
    rates, P = np.array([0.01, 0.1, 0.5, 2.0, 3.0]), np.array([0.1, 0.3, 0.45, 0.8, 0.7])
    line = stats.linregress(stats.norm.ppf(P), np.log(rates))
    assert probit_lstsq(rates, P, sigma=1.0) == (pytest.approx(line.intercept), pytest.approx(line.slope))


def test_zeros_and_ones_are_left_out():
    rates, P = [1e-3, 0.01, 0.1, 1.0, 1e3], [0.0, 0.2, 0.5, 0.7, 1.0]
    assert probit_lstsq(rates, P, sigma=1.0) == probit_lstsq(rates[1:4], P[1:4], sigma=1.0)


@pytest.mark.parametrize(
    ("rates", "P"),
    [
        pytest.param([0.5], [0.3], id="one point"),
        pytest.param([0.5, 0.6], [0.90, 0.91], id="points too near to each other"),
        pytest.param([0.1, 1.0, 10.0], [0.9, 0.5, 0.1], id="falling"),
    ],
)
def test_where_points_tell_no_width_sigma_stays(rates, P):
    mu, sigma = probit_lstsq(rates, P, sigma=2.5)
    assert sigma == 2.5
    assert mu == pytest.approx(np.mean(np.log(rates) - 2.5 * stats.norm.ppf(P)))


def test_what_cannot_be_fitted_is_said():
    with pytest.raises(DataError, match="strictly between 0 and 1"):
        probit_lstsq([1.0, 2.0], [0.0, 1.0], sigma=1.0)
    with pytest.raises(DataError, match="at least 2 rates"):
        nls(LOG_NORMAL, [1.0], [0.5])
    with pytest.raises(DataError, match="positive finite"):
        nls(LOG_NORMAL, [0.0, 1.0], [0.5, 0.6])


def test_sigma_growth_sees_a_rise_and_forgets_an_old_one():
    falling = [3.0, 2.5, 2.0, 1.9]
    assert sigma_growth(falling).tolist() == [1, 1, 1, 1]
    risen = [*falling, 3.8]
    assert sigma_growth(risen)[-1] == 2
    assert sigma_growth([*risen, 3.8, 3.8], window=2)[-1] == 1
