"""ActCooLR's rule on simulated networks: they obey the model, with noise, with drift, or not at all."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relucid.analyzer.errors import OptionError
from relucid.plugins.torch.actcoolr.rule import (
    Diverged,
    MeasureSchedule,
    check_target,
    learning_rate,
    target_distance,
    target_temperature,
)
from relucid.plugins.torch.actcoolr.transition_estimate import (
    FIT_AT,
    GRID,
    JUMP,
    LARGE_ERROR,
    LEAST_RATE,
    MOST_ERRORS,
    MOST_SEARCHES,
    TransitionEstimate,
    fit_estimate,
    is_informative,
    update_estimate,
)
from relucid.plugins.torch.temperature.transition import ARCTAN, LOG_NORMAL


@dataclass
class Simulated:
    """A network that changes a share of its patterns by the model, counted over a finite number of them."""

    mu: float = -1.0
    sigma: float = 1.0
    patterns: int | None = None
    seed: int = 0
    asked: list[float] = field(default_factory=list)

    def __post_init__(self):
        self.rng = np.random.default_rng(self.seed)

    def __call__(self, eta: float) -> float:
        self.asked.append(eta)
        P = float(LOG_NORMAL.forward(eta, self.mu, self.sigma))
        return P if self.patterns is None else self.rng.binomial(self.patterns, P) / self.patterns


def train(
    net: Simulated,
    *,
    steps: int,
    drift: Callable[[int], None] = lambda _: None,
    every: int = 8,
    schedule: MeasureSchedule = MeasureSchedule(),  # noqa: B008 - it is frozen
) -> dict:
    """What `ActCooLR` does, without a network; returns the shares that changed, their targets, the rates."""
    estimate, found = TransitionEstimate(), {"P": [], "wanted": [], "rate": [], "fits": 0}
    for step in range(steps):
        drift(step)
        if estimate.stale:
            estimate = fit_estimate(estimate, net)
            schedule = schedule.after_fit(step, every=every)
            found["fits"] += 1
        aim = target_distance(step, total=steps, start=3.17)
        eta = learning_rate(estimate, aim)
        P = net(eta)
        if step >= schedule.due:
            estimate = update_estimate(estimate, eta, P)
            schedule = schedule.after_measurement(step, every=every)
        for name, value in (("P", P), ("wanted", aim), ("rate", eta)):
            found[name].append(value)
    return {name: np.array(value) for name, value in found.items()}


@settings(max_examples=40)
@given(mu=st.floats(-18, 18), sigma=st.floats(0.2, 4))
def test_a_fit_finds_any_network_that_obeys_the_model(mu, sigma):
    estimate = fit_estimate(TransitionEstimate(), Simulated(mu, sigma))
    assert not estimate.stale
    assert (estimate.mu, estimate.sigma) == (pytest.approx(mu, abs=1e-5), pytest.approx(sigma, rel=1e-5))


def test_a_first_fit_takes_few_measurements():
    """Three if the first estimate is right, plus one for each side that is barely missed; one more per factor of 2."""
    near = Simulated(-1, 1)
    fit_estimate(TransitionEstimate(), near)
    assert 3 <= len(near.asked) <= 5
    far = Simulated(-1 - 6 * np.log(2), 1)
    fit_estimate(TransitionEstimate(), far)
    assert 3 + 5 <= len(far.asked) <= 3 + 7
    P = LOG_NORMAL.forward(far.asked, far.mu, far.sigma)
    assert P.min() <= 0.25
    assert P.max() >= 0.75


def test_the_search_goes_on_until_it_has_crossed_and_no_further():
    """The condition as printed would end the search after one step."""
    net = Simulated(2.5, 1.0)
    fit_estimate(TransitionEstimate(), net)
    outwards = net.asked[2:]
    assert [after / before for before, after in pairwise(outwards)] == pytest.approx([2.0] * (len(outwards) - 1))
    assert len(outwards) > 3
    P = LOG_NORMAL.forward(outwards, net.mu, net.sigma)
    assert P[-1] >= 0.75 > P[-2]


def test_the_grid_where_nothing_is_told_and_bisection_where_it_is_a_jump():
    jump = Simulated(-7.3, 1e-3)
    estimate = fit_estimate(TransitionEstimate(), jump)
    assert estimate.mu == pytest.approx(-7.3, abs=0.02)
    assert estimate.sigma > 0
    assert set(GRID) <= set(jump.asked)
    step = fit_estimate(TransitionEstimate(sigma=0.7), lambda eta: float(eta > 5.0))
    assert (step.mu, step.sigma) == (pytest.approx(np.log(5), abs=1e-4), 0.7)


@pytest.mark.parametrize("P", [0.0, 1.0])
def test_where_no_rate_tells_anything_the_belief_stays_stale(P):
    calls = []
    estimate = TransitionEstimate(mu=0.3, sigma=0.4, errors=3)
    assert fit_estimate(estimate, lambda eta: calls.append(eta) or P) == replace(estimate, errors=0, stale=True)
    assert len(calls) < 40


def test_a_point_alone_moves_mu_only():
    """A network whose distance saturates at 0.3, as one with dead sites does."""
    estimate = fit_estimate(TransitionEstimate(sigma=0.8), lambda eta: 0.3 if eta > 1 else 0.0)
    assert estimate.sigma == 0.8
    assert not estimate.stale


@settings(max_examples=30)
@given(mu=st.floats(-10, 5), sigma=st.floats(0.3, 3), eta=st.floats(-6, 3), width=st.floats(0.3, 3))
def test_an_observation_moves_the_model_onto_the_measured_point(mu, sigma, eta, width):
    P = float(LOG_NORMAL.forward(np.exp(eta), mu, sigma))
    before = TransitionEstimate(mu=0.0, sigma=width, stale=False)
    after = update_estimate(before, np.exp(eta), P)
    if is_informative(P):
        assert LOG_NORMAL.forward(np.exp(eta), after.mu, after.sigma) == pytest.approx(P, rel=1e-6)
        assert after.sigma == width
    else:
        assert after == replace(before, stale=True)


@pytest.mark.parametrize("P", [0.0, 1.0])
def test_all_or_nothing_is_discarded_and_asks_for_a_fit(P):
    assert update_estimate(TransitionEstimate(mu=2.0, stale=False), 1.0, P) == TransitionEstimate(mu=2.0, stale=True)


def test_five_large_errors_since_the_last_fit_ask_for_one():
    estimate = TransitionEstimate(mu=0.0, stale=False)
    for jumps, at in enumerate([3.0, 0.0, 3.0, 0.0], start=1):
        estimate = update_estimate(estimate, np.exp(at), 0.5)
        assert (estimate.errors, estimate.mu, estimate.stale) == (jumps, pytest.approx(at), False)
        estimate = update_estimate(estimate, np.exp(at + 2.4), 0.5)  # not a large one, and it does not reset the count
        estimate = update_estimate(estimate, np.exp(at), 0.5)
        assert estimate.errors == jumps
    last = update_estimate(estimate, np.exp(3.0), 0.5)
    assert last.stale
    assert last.mu == estimate.mu
    assert fit_estimate(last, Simulated()).errors == 0


def test_temperature_follows_its_target_without_noise():
    found = train(Simulated(-6.0, 1.3), steps=200)
    np.testing.assert_allclose(found["P"], 0.99 * found["wanted"], rtol=1e-4)
    assert found["fits"] == 1


@pytest.mark.parametrize("patterns", [128 * 5, 128 * 1024])
def test_temperature_follows_its_target_under_noise_and_drift(patterns):
    """mu rises, falls and jumps as in figure 3.12 and 3.21; sigma drifts slowly."""
    net = Simulated(-6.0, 1.5, patterns=patterns)

    def drift(step):
        net.mu = -6 + 2 * np.sin(step / 150) + 1.5 * (step > 400)
        net.sigma = 1.5 - 0.5 * step / 800

    found = train(net, steps=800, drift=drift)
    assert np.mean(np.abs(found["P"] - found["wanted"])) < 0.03
    assert found["fits"] < 8


def test_momentum_that_gathers_after_the_first_fit():
    """With momentum m the same rate goes 1 + m + ... + m^t times as far at step t; before step 0 there is none.

    Measurements 1, 2, 4 ... steps apart keep the steps within 1.3 bits of the target; a second measurement only after 8
    steps lets them go 4 bits above.
    """
    above = {}
    for gap in (7, 1):
        net = Simulated(-6.0, 1.3)

        def drift(step, net=net):
            net.mu = -6.0 - np.log(np.sum(0.9 ** np.arange(step + 1)))

        found = train(net, steps=400, drift=drift, schedule=MeasureSchedule(gap=gap))
        T = -np.log2(1 - found["P"]) + np.log2(1 - found["wanted"])
        above[gap] = T[:8]
        assert found["fits"] == 1
        assert np.abs(T[64:128]).max() < 0.15
    assert above[7].max() > 4
    assert above[1].max() < 1.3
    assert above[1].mean() < above[7].mean() / 3


def test_a_network_of_theorem_1_is_steered_too():
    """The rule assumes the log-normal model; a network may obey another one."""

    class Wide(Simulated):
        def __call__(self, eta):
            return float(ARCTAN.forward(eta, 0.5, 64.0))

    found = train(Wide(), steps=300)
    assert np.mean(np.abs(found["P"] - 0.99 * found["wanted"])) < 0.01


def test_the_rate_is_clipped_below_and_ends_the_run_above():
    assert learning_rate(TransitionEstimate(mu=0.0, sigma=1.0), 0.0) == 1e-10
    assert learning_rate(TransitionEstimate(mu=-100.0, sigma=1.0), 0.5) == 1e-10
    for mu, sigma in ((30.0, 1.0), (float("nan"), 1.0), (0.0, 1e9)):
        with pytest.raises(Diverged, match="diverges"):
            learning_rate(TransitionEstimate(mu=mu, sigma=sigma), 0.8)


def test_less_is_aimed_at_than_is_wanted():
    assert LOG_NORMAL.forward(learning_rate(TransitionEstimate(), 0.6), -1.0, 1.0) == pytest.approx(0.99 * 0.6)
    assert np.isfinite(learning_rate(TransitionEstimate(), 1.0))


def test_the_three_curves():
    """(3.45) as printed, as the text describes it, and A.4's linear probability; the first two meet at gamma = 1."""
    t = np.arange(0, 101)
    curve = {
        form: np.array([target_temperature(x, total=100, start=3.17, gamma=4.0, form=form) for x in t])
        for form in ("hold", "printed")
    }
    np.testing.assert_allclose(curve["printed"], 3.17 * (1 - t / 100) ** 4)
    np.testing.assert_allclose(curve["hold"], 3.17 * (1 - (t / 100) ** 4))
    assert (curve["hold"][1:-1] > 3.17 * (1 - t / 100)[1:-1]).all()
    line = [target_distance(x, total=100, start=3.17, form="linear_probability") for x in t]
    np.testing.assert_allclose(line, (1 - 2**-3.17) * (1 - t / 100))
    assert target_distance(0, total=100, start=np.inf, form="linear_probability") == 1
    assert [target_distance(x, total=100, start=3.17, form=form) for form in curve for x in (100, 105)] == [0] * 4
    same = {target_temperature(33, total=100, start=3.17, form=form) for form in ("hold", "printed")}
    assert max(same) == pytest.approx(min(same))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"form": "cosine"}, "hold, printed, linear_probability"),
        ({"total": 0}, "total_steps"),
        ({"start": 0.0}, "start_temperature"),
        ({"start": np.inf}, "start_temperature"),
        ({"gamma": 0.0}, "gamma"),
        ({"gamma": 2.0, "form": "linear_probability"}, "gamma"),
    ],
)
def test_options_that_cannot_be_meant(wrong, said):
    with pytest.raises(OptionError, match=said):
        check_target(**{"total": 10, "start": 3.17, "gamma": 1.0, "form": "hold"} | wrong)


def test_table_a1():
    assert LEAST_RATE == 1e-10
    assert FIT_AT == (0.25, 0.5, 0.75)
    np.testing.assert_allclose(GRID, 10 ** np.linspace(-4, 2, 25))
    assert (MOST_ERRORS, LARGE_ERROR, JUMP, MOST_SEARCHES) == (5, 2.5, 2, 100)
    assert (TransitionEstimate().mu, TransitionEstimate().sigma, TransitionEstimate().stale) == (-1, 1, True)
