"""ActCooLR's estimate of the transition of a network, updated by single measurements and by full fits (H, A.4).

It uses the log-normal model P = Phi((ln rate - mu) / sigma) of the share P of patterns that a step changes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import log, sqrt
from typing import Literal

from ..temperature.transition import log_normal_inverse, log_normal_place
from ..temperature.transition_fit import probit_lstsq

MeasureDistance = Callable[[float], float]
"""Maps a rate to the P of a step with this rate, at a frozen state of the network."""


# table A.1, and constants from the text around it
LEAST_RATE = 1e-10
"""eta_min, the smallest rate of a step."""

MOST_RATE = 1e10
"""The largest rate of a step; beyond it the training has diverged."""

FIT_AT = (0.25, 0.5, 0.75)
"""remeasure_init, the probabilities around which a fit measures."""

GRID = tuple(10 ** (-4 + step / 4) for step in range(25))
"""initlrs, the fallback rates of a fit."""

LARGE_ERROR = 2.5
"""error_muthresh, the change of mu that counts as a large error."""

MOST_ERRORS = 5
"""error_num, the number of large errors since the last fit that make an estimate stale."""

JUMP = 2.0
"""remeasure_jump, the factor between two rates of a search."""

MOST_SEARCHES = 100
"""max_while_loop, the largest number of rates of a search."""

EPS = 1e-10
"""P closer to 0 or 1 is not informative."""

CAUTION = 0.99
"""A factor on the target of P."""


@dataclass(frozen=True)
class TransitionEstimate:
    """The estimated parameters of the log-normal model, and their validity.

    Args:
        mu: ln rate at P = 1/2; the sign is that of (3.17) and A.4.
        sigma: width of the transition, above 0.
        errors: number of large errors since the last fit.
        stale: whether a fit is due.
    """

    mu: float = -1.0
    sigma: float = 1.0
    errors: int = 0
    stale: bool = True


def is_informative(P: float) -> bool:
    """Whether P is strictly between 0 and 1."""
    return EPS < P < 1 - EPS


def update_estimate(estimate: TransitionEstimate, rate: float, P: float) -> TransitionEstimate:
    """Update mu so that the model predicts a measured P, with the same sigma, (3.44), A.4 #6.

    A P of 0 or 1 is not informative and only makes the estimate stale. A large change of mu counts as an error; mu is
    updated all the same, until five errors since the last fit make the estimate stale ("consecutive" in table A.1,
    "more than 4 times since the last model update" in the text).

    Args:
        estimate: the estimate before the step.
        rate: learning rate of the step.
        P: share of patterns that the step changed.

    >>> update_estimate(TransitionEstimate(stale=False), 1.0, 0.5)
    TransitionEstimate(mu=0.0, sigma=1.0, errors=0, stale=False)
    >>> update_estimate(TransitionEstimate(stale=False), 1.0, 0.0).stale
    True
    """
    if not is_informative(P):
        return replace(estimate, stale=True)
    mu = float(log_normal_place(rate, P, estimate.sigma))
    errors = estimate.errors + (abs(mu - estimate.mu) > LARGE_ERROR)
    if errors >= MOST_ERRORS:
        return replace(estimate, errors=errors, stale=True)
    return replace(estimate, mu=mu, errors=errors)


def fit_estimate(estimate: TransitionEstimate, measure: MeasureDistance) -> TransitionEstimate:
    """Fit the model by measurements at several rates, at a frozen state of the network, A.4 #4.

    Measures at the rates for P of 0.25, 0.5 and 0.75 by the current estimate, then at rates further out until P is
    below and above these. If every P is 0 or 1, it measures on the grid; if fewer than three are informative, by
    bisection around P = 1/2. If the smallest rate changes all patterns, or the largest none, the estimate stays stale.

    Args:
        estimate: the current estimate.
        measure: returns P of a step with a given rate.

    >>> from relucid.plugins.torch.temperature.transition import log_normal
    >>> found = fit_estimate(TransitionEstimate(), lambda rate: float(log_normal(rate, 3.0, 2.0)))
    >>> round(found.mu, 6), round(found.sigma, 6), found.stale
    (3.0, 2.0, False)
    """
    points: dict[float, float] = {}

    def add(rate: float) -> float:
        points[rate] = measure(rate)
        return points[rate]

    def informative() -> dict[float, float]:
        return {rate: P for rate, P in points.items() if is_informative(P)}

    for P in FIT_AT:
        rate = float(log_normal_inverse(P, estimate.mu, estimate.sigma))
        add(min(max(rate, LEAST_RATE), MOST_RATE))
    if not informative():
        for rate in GRID:
            add(rate)
    if not informative():  # the outermost rates: any transition is between them
        for rate in (LEAST_RATE, MOST_RATE):
            add(rate)
    _search(points, add, "max")
    _search(points, add, "min")
    for _ in range(MOST_SEARCHES):
        if len(informative()) >= 3 or not _bisect(points, add):
            break
    if found := informative():
        mu, sigma = probit_lstsq([*found], [*found.values()], sigma=estimate.sigma, eps=EPS)
        return TransitionEstimate(mu, sigma, stale=False)
    below, above = _split_at_half(points)
    if not below or not above:
        return replace(estimate, errors=0, stale=True)
    return TransitionEstimate(log(max(below) * min(above)) / 2, estimate.sigma, stale=False)


def _search(points: dict[float, float], add: MeasureDistance, end: Literal["min", "max"]) -> None:
    """Measure at increasing or decreasing rates until P is beyond the outermost value of FIT_AT, A.4 #3.

    A.4 prints the condition that ends the loop inverted: it is the one that continues it.
    """
    upwards = end == "max"
    bound = max(FIT_AT) if upwards else min(FIT_AT)
    rate = (max if upwards else min)(points)
    for _ in range(MOST_SEARCHES):
        if (points[rate] >= bound) if upwards else (points[rate] <= bound):
            return
        rate = rate * JUMP if upwards else rate / JUMP
        if not LEAST_RATE <= rate <= MOST_RATE:
            return
        add(rate)


def _bisect(points: dict[float, float], add: MeasureDistance) -> bool:
    """Measure at the geometric mean of the rates around P = 1/2; return False if there is no such interval."""
    below, above = _split_at_half(points)
    if not below or not above:
        return False
    low = max(below)
    high = min((rate for rate in above if rate > low), default=None)
    if high is None or high / low < 1 + 1e-6:
        return False
    add(sqrt(low * high))
    return True


def _split_at_half(points: dict[float, float]) -> tuple[list[float], list[float]]:
    """The rates with P below 1/2, and those with P of at least 1/2."""
    below = [rate for rate, P in points.items() if P < 0.5]
    return below, [rate for rate, P in points.items() if P >= 0.5]
