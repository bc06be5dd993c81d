"""ActCooLR's rule as pure functions: target temperature, learning rate, and when to measure and fit (H, 3.3 and A.4).

A schedule calls `learning_rate` for the target of P, updates its estimate of the transition with the P measured
(`update_estimate`), and repeats the fit when it is stale (`fit_estimate`).
"""

from dataclasses import dataclass, replace
from math import inf, isfinite, log
from typing import Any, Literal, Self, get_args

from ....analyzer.errors import OptionError, RelucidError
from ....analyzer.measures.pattern_temperature import distance
from ..temperature.transition import log_normal_inverse
from .transition_estimate import CAUTION, LEAST_RATE, MOST_RATE, TransitionEstimate

Form = Literal["hold", "printed", "linear_probability"]


class Diverged(RelucidError):  # noqa: N818 - not an error of the caller, but an event
    """The training has diverged: the learning rate is above 1e10 or NaN, or the parameters are not finite.

    Args:
        message: the reason.
        history: the measurements so far, if there are any.
    """

    def __init__(self, message: str, history: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.history = history


def target_temperature(t: float, *, total: float, start: float, gamma: float = 1.0, form: Form = "hold") -> float:
    """T(t), falling from `start` at t = 0 to 0 at t = total and after.

    `printed` is start (1 - t / total)^gamma, (3.45), which cools faster with a larger gamma, in contradiction to three
    sentences of the text; `hold` is start (1 - (t / total)^gamma), which stays hot for longer. For gamma = 1 they are
    equal. With `linear_probability`, A.4 #5, the P of temperature `start` falls linearly; start may be infinite.

    Args:
        t: number of optimizer steps done.
        total: total number of optimizer steps.
        start: T_start, in bits.
        gamma: exponent of the curve.
        form: the form of the curve.

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


def target_distance(t: float, *, total: float, start: float, gamma: float = 1.0, form: Form = "hold") -> float:
    """The target P(t) = 1 - 2^-T(t) of the share of patterns that a step changes; options of `target_temperature`.

    >>> round(target_distance(0, total=10, start=3.17), 2)
    0.89
    """
    return distance(target_temperature(t, total=total, start=start, gamma=gamma, form=form))


def check_target(*, total: float, start: float, gamma: float, form: str) -> None:
    """Check the options of a target.

    Raises:
        OptionError: an option is out of range.
    """
    if form not in get_args(Form):
        raise OptionError(f"form: expected one of {', '.join(get_args(Form))}, got {form!r}")
    if not total >= 1:
        raise OptionError(f"total_steps: expected 1 or more optimizer steps, got {total!r}")
    if not start > 0 or (start == inf and form != "linear_probability"):
        raise OptionError(f"start_temperature: expected a number of bits above 0, such as 3.17, got {start!r}")
    if not (gamma > 0 and isfinite(gamma)) or (gamma != 1 and form == "linear_probability"):
        raise OptionError(f"gamma: expected a number above 0 (1 with linear_probability), got {gamma!r}")


def learning_rate(estimate: TransitionEstimate, P: float) -> float:
    """Return the rate of a step with the target P, A.4 #5: the rate for 0.99 P by the model, at least eta_min.

    Raises:
        Diverged: it is above 1e10 or not a number.

    >>> round(learning_rate(TransitionEstimate(mu=-1.0, sigma=1.0), 0.5 / 0.99), 4)  # exp(-1)
    0.3679
    """
    found = float(log_normal_inverse(CAUTION * P, estimate.mu, estimate.sigma))
    if not found <= MOST_RATE:
        raise Diverged(
            f"a step that changes {P:.3g} of the patterns would need the learning rate {found:.3g} "
            f"(mu {estimate.mu:.3g}, sigma {estimate.sigma:.3g}): the training diverges; start at a lower temperature"
        )
    return max(found, LEAST_RATE)


@dataclass(frozen=True)
class MeasureSchedule:
    """The next optimizer steps to measure and to fit before.

    A.4 measures every eighth step. Here the gap between measurements is 1, 2, 4 ... steps after a full fit, up to
    `every`: the first fit happens before there is momentum, and with momentum 0.9 the same rate soon moves parameters
    up to ten times as far; the cause of a later fit may persist. A fit while the gap is still growing does not restart
    it, so that frequent fits do not make measurements more frequent. A fit without informative measurements is repeated
    after 1, 2, 4 ... steps, up to `every`.

    Args:
        due: the first step to measure.
        gap: number of steps from that measurement to the next.
        fits: number of full fits so far.
        failed: number of fits since the last informative one.
        fit_due: the first step before which a fit is allowed.

    >>> schedule, steps = MeasureSchedule().after_fit(0, every=8), []
    >>> for step in range(32):
    ...     if step >= schedule.due:
    ...         schedule, steps = schedule.after_measurement(step, every=8), [*steps, step]
    >>> steps
    [0, 1, 3, 7, 15, 23, 31]
    """

    due: int = 0
    gap: int = 1
    fits: int = 0
    failed: int = 0
    fit_due: int = 0

    def after_measurement(self, step: int, *, every: int) -> Self:
        """The schedule after this step was measured."""
        return replace(self, due=step + self.gap, gap=min(2 * self.gap, every))

    def after_fit(self, step: int, *, every: int) -> Self:
        """The schedule after an informative fit before this step."""
        restart = self.failed or self.gap == every
        return replace(self, due=step, gap=1 if restart else self.gap, fits=self.fits + 1, failed=0)

    def after_failed_fit(self, step: int, *, every: int) -> Self:
        """The schedule after a fit before this step without informative measurements."""
        retry = step + min(2**self.failed, every)
        return replace(self, fits=self.fits + 1, failed=self.failed + 1, fit_due=retry)
