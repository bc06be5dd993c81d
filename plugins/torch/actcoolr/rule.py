"""Cooling: ActCooLR's rule, a pure function of what it believes of a network and of what was measured (H, A.4).

It believes the log-normal model P = Phi((ln rate - mu) / sigma) of the share P of patterns that a step changes. Whoever
uses it asks for the `rate` of a wanted P, tells what P came of it (`observed`), and where that makes a belief stale
lets it measure at rates of its own (`fitted`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf, isfinite, log, sqrt
from typing import Any, Literal, get_args

from ....analyzer.errors import OptionError, RelucidError
from ....analyzer.measures.pattern_temperature import distance
from ..temperature.transition import log_normal_inverse, log_normal_place
from ..temperature.transition_fit import probit_lstsq

Form = Literal["hold", "printed", "linear_probability"]
Measure = Callable[[float], float]
"""From a rate to the P that a step with it makes at a frozen state of the network."""


class Diverged(RelucidError):  # noqa: N818 - what has happened, said as such
    """The rule asks for a rate that no training survives: it is not a number, or above 1e10.

    Args:
        message: what was asked for.
        history: the readings until then, where there are any.
    """

    def __init__(self, message: str, history: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.history = history


@dataclass(frozen=True)
class Settings:
    """Table A.1, and what the text around it fixes.

    Args:
        least_rate: eta_min; a smaller rate becomes this one.
        most_rate: a larger one ends the training.
        fit_at: remeasure_init, the probabilities a fit measures around.
        grid: initlrs, the rates it falls back to.
        large: error_muthresh, how far mu has to jump to count as a large error.
        large_errors: error_num, how many of them since the last fit make the belief stale.
        jump: remeasure_jump, the factor between two rates of a search.
        searches: max_while_loop, the most rates of a search.
        eps: P nearer to 0 or 1 says nothing.
        caution: the factor on the P that is wished for.
    """

    least_rate: float = 1e-10
    most_rate: float = 1e10
    fit_at: tuple[float, ...] = (0.25, 0.5, 0.75)
    grid: tuple[float, ...] = tuple(10 ** (-4 + step / 4) for step in range(25))
    large: float = 2.5
    large_errors: int = 5
    jump: float = 2.0
    searches: int = 100
    eps: float = 1e-10
    caution: float = 0.99

    def tells(self, P: float) -> bool:
        """Whether a P is strictly between 0 and 1."""
        return self.eps < P < 1 - self.eps


TABLE_A1 = Settings()


@dataclass(frozen=True)
class Belief:
    """What is believed of a network.

    Args:
        mu: ln rate at which half of the patterns change; the sign is that of (3.17) and A.4.
        sigma: the width of the transition, above 0.
        errors: large errors since the last fit.
        stale: whether a fit is due.
    """

    mu: float = -1.0
    sigma: float = 1.0
    errors: int = 0
    stale: bool = True


def target_temperature(t: float, *, total: float, start: float, gamma: float = 1.0, form: Form = "hold") -> float:
    """T(t), falling from `start` at t = 0 to 0 at t = total and after.

    `printed`: start (1 - t / total)^gamma, (3.45). It cools faster with a larger gamma, while three sentences of the
    text want it to stay hot for longer; `hold`: start (1 - (t / total)^gamma) does. For gamma = 1 they are the same.
    `linear_probability`: the P that belongs to `start` falls linearly, A.4 #5, where start is infinite.

    Args:
        t: optimizer steps done.
        total: all of them.
        start: T_start, in bits.
        gamma: bends the curve.
        form: which of the three.

    >>> [target_temperature(t, total=10, start=4.0, gamma=2.0) for t in (0, 5, 10)]
    [4.0, 3.0, 0.0]
    >>> [target_temperature(t, total=10, start=4.0, gamma=2.0, form="printed") for t in (0, 5, 10)]
    [4.0, 1.0, 0.0]
    """
    done = min(t / total, 1.0)
    if form == "linear_probability":
        left = distance(start) * (1 - done)
        return inf if left == 1 else -log(1 - left) / log(2)
    left = 1 - done**gamma if form == "hold" else (1 - done) ** gamma
    return start * float(left)


def wanted(t: float, *, total: float, start: float, gamma: float = 1.0, form: Form = "hold") -> float:
    """P(t) = 1 - 2^-T(t), the distance to steer for; for the options see `target_temperature`.

    >>> round(wanted(0, total=10, start=3.17), 2)
    0.89
    """
    return distance(target_temperature(t, total=total, start=start, gamma=gamma, form=form))


def check(*, total: float, start: float, gamma: float, form: str) -> None:
    """Whether the options of a target mean something.

    Raises:
        OptionError: one does not.
    """
    if form not in get_args(Form):
        raise OptionError(f"form: wanted {', '.join(get_args(Form))}, got {form!r}")
    if not total >= 1:
        raise OptionError(f"total_steps: wanted 1 or more optimizer steps, got {total!r}")
    if not start > 0 or (start == inf and form != "linear_probability"):
        raise OptionError(f"start_temperature: wanted a number of bits above 0, such as 3.17, got {start!r}")
    if not (gamma > 0 and isfinite(gamma)) or (gamma != 1 and form == "linear_probability"):
        raise OptionError(f"gamma: wanted a number above 0 (1 with linear_probability), got {gamma!r}")


def rate(belief: Belief, P: float, *, settings: Settings = TABLE_A1) -> float:
    """The rate at which the step should change a share P of the patterns, A.4 #5: that of 0.99 P, eta_min at least.

    Raises:
        Diverged: it is above 1e10 or no number; the training diverges.

    >>> round(rate(Belief(mu=-1.0, sigma=1.0), 0.5 / 0.99), 4)  # exp(-1)
    0.3679
    """
    found = float(log_normal_inverse(settings.caution * P, belief.mu, belief.sigma))
    if not found <= settings.most_rate:
        raise Diverged(
            f"a step that changes {P:.3g} of the patterns would need the learning rate {found:.3g} "
            f"(mu {belief.mu:.3g}, sigma {belief.sigma:.3g}): the training diverges; start at a lower temperature"
        )
    return max(found, settings.least_rate)


def observed(belief: Belief, rate: float, P: float, *, settings: Settings = TABLE_A1) -> Belief:
    """The belief after a step: mu such that the model gives the P that was measured, sigma as it was, (3.44), A.4 #6.

    A P of 0 or 1 says nothing but that the belief is stale. A mu that jumps far is an error; it is taken all the same,
    until there were five since the last fit, which make the belief stale ("consecutive" in table A.1, "more than 4
    times since the last model update" in the text).

    Args:
        belief: before.
        rate: that of the step.
        P: the share of patterns that it changed.
        settings: the numbers of table A.1.

    >>> observed(Belief(stale=False), 1.0, 0.5)
    Belief(mu=0.0, sigma=1.0, errors=0, stale=False)
    >>> observed(Belief(stale=False), 1.0, 0.0).stale
    True
    """
    if not settings.tells(P):
        return replace(belief, stale=True)
    mu = float(log_normal_place(rate, P, belief.sigma))
    errors = belief.errors + (abs(mu - belief.mu) > settings.large)
    if errors >= settings.large_errors:
        return replace(belief, errors=errors, stale=True)
    return replace(belief, mu=mu, errors=errors)


def fitted(belief: Belief, measure: Measure, *, settings: Settings = TABLE_A1) -> Belief:
    """The belief after a full fit at a frozen state of the network, A.4 #4.

    Measures where P should be 0.25, 0.5 and 0.75, and from there outwards until it is below and above them; where all
    of it is 0 or 1, on the grid; where three points are still not there, in the middle of the jump from 0 to 1. If
    even the smallest rate changes everything, or the largest nothing, the belief stays and stays stale.

    Args:
        belief: before; where to begin.
        measure: P of a step with some rate.
        settings: the numbers of table A.1.

    >>> from relucid.plugins.torch.temperature.transition import log_normal
    >>> found = fitted(Belief(), lambda rate: float(log_normal(rate, 3.0, 2.0)))
    >>> round(found.mu, 6), round(found.sigma, 6), found.stale
    (3.0, 2.0, False)
    """
    points: dict[float, float] = {}

    def add(at: float) -> float:
        points[at] = measure(at)
        return points[at]

    def telling() -> dict[float, float]:
        return {at: P for at, P in points.items() if settings.tells(P)}

    for P in settings.fit_at:
        add(_within(float(log_normal_inverse(P, belief.mu, belief.sigma)), settings))
    if not telling():
        for at in settings.grid:
            add(at)
    if not telling():  # the ends of what can be: if there is a transition it lies between them
        for at in (settings.least_rate, settings.most_rate):
            add(at)
    _search(points, add, "max", settings)
    _search(points, add, "min", settings)
    for _ in range(settings.searches):
        if len(telling()) >= 3 or not _bisect(points, add):
            break
    if found := telling():
        mu, sigma = probit_lstsq([*found], [*found.values()], sigma=belief.sigma, eps=settings.eps)
        return Belief(mu, sigma, stale=False)
    below = [at for at, P in points.items() if P < 0.5]
    above = [at for at, P in points.items() if P >= 0.5]
    if not below or not above:
        return replace(belief, errors=0, stale=True)
    return Belief(log(max(below) * min(above)) / 2, belief.sigma, stale=False)


def _within(at: float, settings: Settings) -> float:
    return min(max(at, settings.least_rate), settings.most_rate)


def _search(points: dict[float, float], add: Measure, where: Literal["min", "max"], settings: Settings) -> None:
    """Measure at rates further and further out until P is beyond the outermost one of `fit_at`, A.4 #3.

    The condition that ends the loop is printed the wrong way round: it is the one to go on.
    """
    outwards = where == "max"
    bound = max(settings.fit_at) if outwards else min(settings.fit_at)
    at = (max if outwards else min)(points)
    for _ in range(settings.searches):
        if (points[at] >= bound) if outwards else (points[at] <= bound):
            return
        at = at * settings.jump if outwards else at / settings.jump
        if not settings.least_rate <= at <= settings.most_rate:
            return
        add(at)


def _bisect(points: dict[float, float], add: Measure) -> bool:
    """Measure in the middle, on the scale of the logarithm, of where P passes 1/2; False if there is no such place."""
    below = [at for at, P in points.items() if P < 0.5]
    above = [at for at, P in points.items() if P >= 0.5]
    if not below or not above:
        return False
    low = max(below)
    high = min((at for at in above if at > low), default=None)
    if high is None or high / low < 1 + 1e-6:
        return False
    add(sqrt(low * high))
    return True
