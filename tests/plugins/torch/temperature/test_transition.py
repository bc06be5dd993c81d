"""The transition models: against scipy, and the laws that forward, inverse and partial inverse obey."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from relucid.plugins.torch.temperature.transition import ARCTAN, HALF_ERF, LOG_NORMAL, MODELS, probit

RATES = np.geomspace(1e-6, 1e4, 60)
log_rates = st.floats(-6, 6)
shapes = st.floats(0.3, 50)


def test_log_normal_is_scipys():
    np.testing.assert_allclose(
        LOG_NORMAL.forward(RATES, -2.0, 1.5), stats.lognorm(1.5, scale=np.exp(-2)).cdf(RATES), rtol=1e-12
    )


def test_printed_formulas():
    """(3.17), (3.40) and (3.41), letter by letter."""
    eta, sigma, mu = RATES, 0.7, -2.0
    np.testing.assert_allclose(
        LOG_NORMAL.forward(eta, mu, sigma), (1 + special.erf((np.log(eta) - mu) / (sigma * np.sqrt(2)))) / 2, atol=1e-15
    )
    mu = 12.0
    np.testing.assert_allclose(
        HALF_ERF.forward(eta, sigma, mu), 1 - (1 - special.erf(sigma / np.sqrt(2) * eta) / 2) ** mu, atol=1e-14
    )
    assert HALF_ERF.printed(sigma, mu) == (mu, sigma)
    mu, _ = ARCTAN.printed(sigma, 12.0)
    assert mu == -12
    np.testing.assert_allclose(
        ARCTAN.forward(eta, sigma, 12.0), 1 - (1 - np.arctan(sigma * eta) / np.pi) ** -mu, atol=1e-14
    )


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@given(log_rate=log_rates, place=st.floats(-3, 3), shape=shapes)
def test_inverses_invert(model, log_rate, place, shape):
    rate = np.exp(log_rate)
    place = place if model is LOG_NORMAL else np.exp(place)
    P = model.forward(rate, place, shape)
    most = 1.0 if model is LOG_NORMAL else 1 - 2.0**-shape
    if not 1e-200 < P < most * (1 - 1e-6):
        return
    assert model.inverse(P, place, shape) == pytest.approx(rate, rel=1e-5)
    again = model.forward(rate, model.partial_inverse(rate, P, shape), shape)
    assert again == pytest.approx(P, rel=1e-6)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_nothing_at_rate_0_and_more_with_a_higher_rate(model):
    P = model.forward(np.concatenate([[0.0], RATES]), 0.5, 3.0)
    assert P[0] == 0
    assert (np.diff(P) >= 0).all()
    assert (np.diff(P[20:45]) > 0).all()


@pytest.mark.parametrize("model", [ARCTAN, HALF_ERF], ids=lambda model: model.name)
@pytest.mark.parametrize("width", [1, 3, 10])
def test_a_unit_changes_with_probability_one_half_at_most(model, width):
    assert model.forward(1e12, 1.0, width) == pytest.approx(1 - 2.0**-width, abs=1e-9)
    assert model.inverse([1 - 2.0**-width, 0.9999], 1.0, width)[0] == np.inf
    assert model.inverse(0.9999, 1.0, width) == np.inf


def test_small_distances_keep_their_digits():
    np.testing.assert_allclose(ARCTAN.forward(1e-18, 1.0, 4), 4e-18 / np.pi, rtol=1e-12)
    np.testing.assert_allclose(probit(1e-30), special.ndtri(1e-30), rtol=1e-9)
    assert LOG_NORMAL.inverse(1e-30, 0.0, 1.0) == pytest.approx(np.exp(special.ndtri(1e-30)), rel=1e-8)


def test_the_sign_of_mu():
    """ln rate at P = 1/2, as in (3.17) and A.4: the initial guess mu = -1 means a rate of 0.37."""
    assert LOG_NORMAL.inverse(0.5, -1.0, 1.0) == pytest.approx(0.3679, abs=1e-4)
    assert LOG_NORMAL.partial_inverse(0.3679, 0.5, 1.0) == pytest.approx(-1, abs=1e-4)
