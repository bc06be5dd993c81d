"""Transition models: the distance P of a step as a function of its learning rate (Hartmann, 2025, section 3.2.3).

Each has two parameters: one says where on the axis of rates the transition stands, the other one how it is shaped. All
functions take numbers or arrays and broadcast them; they are float64 throughout and keep their precision where P is
tiny.
"""

from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

Doubles = NDArray[np.float64]
_ROOT = sqrt(2)


class Transition(NamedTuple):
    """A model P(rate; place, shape).

    Args:
        name: of the model.
        parameters: what the thesis calls its two parameters, in their order here.
        forward: (rate, place, shape) to P.
        inverse: (P, place, shape) to the rate; infinite where no rate moves as much.
        partial_inverse: (rate, P, shape) to the place.
        printed: (place, shape) to the (mu, sigma) of the printed formula, which are what the thesis plots.
    """

    name: str
    parameters: tuple[str, str]
    forward: Callable[[ArrayLike, ArrayLike, ArrayLike], Doubles]
    inverse: Callable[[ArrayLike, ArrayLike, ArrayLike], Doubles]
    partial_inverse: Callable[[ArrayLike, ArrayLike, ArrayLike], Doubles]
    printed: Callable[[float, float], tuple[float, float]]


def log_normal(rate: ArrayLike, mu: ArrayLike, sigma: ArrayLike) -> Doubles:
    """P = 1/2 [1 + erf((ln rate - mu) / (sigma sqrt 2))], hypothesis 2, (3.17).

    mu is ln rate at P = 1/2, as in (3.17) and A.4; (3.42) to (3.44) print it with the opposite sign. The log is
    natural.

    >>> log_normal([np.exp(-1), 1.0], -1.0, 1.0).round(4)
    array([0.5   , 0.8413])
    """
    x = (_ln(rate) - np.asarray(mu)) / np.asarray(sigma)
    return np.asarray(torch.erfc(_tensor(-x / _ROOT)).numpy() / 2)


def log_normal_inverse(P: ArrayLike, mu: ArrayLike, sigma: ArrayLike) -> Doubles:
    """The rate exp(sigma sqrt 2 erfinv(2 P - 1) + mu), A.4; (3.43) has -mu. It is 0 at P = 0, infinite at P = 1.

    >>> log_normal_inverse([0.0, 0.5, 1.0], 0.0, 2.0)
    array([ 0.,  1., inf])
    """
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(np.asarray(sigma) * probit(P) + np.asarray(mu)))


def log_normal_place(rate: ArrayLike, P: ArrayLike, sigma: ArrayLike) -> Doubles:
    """The mu = ln rate - sigma sqrt 2 erfinv(2 P - 1), A.4; (3.44) has the opposite sign.

    >>> float(log_normal_place(1.0, 0.5, 3.0))
    0.0
    """
    return _ln(rate) - np.asarray(sigma) * probit(P)


def arctan(rate: ArrayLike, s: ArrayLike, d: ArrayLike) -> Doubles:
    """Theorem 1, (3.18): P = 1 - [1 - atan(s rate) / pi]^d.

    s is sigma_g / sigma_c and d the number of units. (3.41) prints d as -mu, so its mu has to be negative. A unit
    changes with probability 1/2 at most, so P stays below 1 - 2^-d. In the proof the integral of (3.23) should have the
    limits 0 and |g| rate; (3.24) and what follows are right.

    >>> arctan(1.0, 1.0, [1, 2])
    array([0.25  , 0.4375])
    """
    return _any_of(d, np.arctan(np.asarray(s) * np.asarray(rate, np.float64)) / np.pi)


def arctan_inverse(P: ArrayLike, s: ArrayLike, d: ArrayLike) -> Doubles:
    """The rate at which theorem 1 gives P.

    >>> arctan_inverse([0.4375, 0.75], 1.0, 2)
    array([ 1., inf])
    """
    return np.asarray(_tan(_each_of(d, P)) / np.asarray(s))


def arctan_place(rate: ArrayLike, P: ArrayLike, d: ArrayLike) -> Doubles:
    """The s at which theorem 1 gives P for this rate.

    >>> round(float(arctan_place(2.0, 0.4375, 2)), 12)
    0.5
    """
    return _tan(_each_of(d, P)) / np.asarray(rate, np.float64)


def half_erf(rate: ArrayLike, s: ArrayLike, d: ArrayLike) -> Doubles:
    """P = 1 - [1 - 1/2 erf(s rate / sqrt 2)]^d, (3.40): theorem 1 with the gradients fixed instead of normal.

    (3.40) calls s sigma and d mu.

    >>> half_erf([0.0, 1e9], 1.0, 3)
    array([0.   , 0.875])
    """
    x = np.asarray(s) * np.asarray(rate, np.float64)
    return _any_of(d, torch.erf(_tensor(x / _ROOT)).numpy() / 2)


def half_erf_inverse(P: ArrayLike, s: ArrayLike, d: ArrayLike) -> Doubles:
    """The rate at which (3.40) gives P.

    >>> half_erf_inverse([0.0, 0.875], 1.0, 3)
    array([ 0., inf])
    """
    return np.asarray(_half_probit(_each_of(d, P)) / np.asarray(s))


def half_erf_place(rate: ArrayLike, P: ArrayLike, d: ArrayLike) -> Doubles:
    """The s at which (3.40) gives P for this rate.

    >>> round(float(half_erf_place(2.0, half_erf(2.0, 0.7, 5), 5)), 12)
    0.7
    """
    return np.asarray(_half_probit(_each_of(d, P)) / np.asarray(rate, np.float64))


def probit(P: ArrayLike) -> Doubles:
    """The standard normal quantile sqrt 2 erfinv(2 P - 1), exact also where 2 P - 1 would round to -1.

    >>> probit([0.0, 0.5, 0.8413447460685429]).round(9)
    array([-inf,   0.,   1.])
    """
    return np.asarray(torch.special.ndtri(_tensor(P)).numpy())


def _half_probit(p: Doubles) -> Doubles:
    """The x between 0 and which the standard normal law has a mass of p."""
    return np.asarray(_ROOT * torch.erfinv(_tensor(2 * p)).numpy())


def _tensor(x: ArrayLike) -> torch.Tensor:
    return torch.from_numpy(np.array(x, np.float64))


def _ln(rate: ArrayLike) -> Doubles:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.asarray(rate, np.float64)))


def _any_of(d: ArrayLike, p: Doubles) -> Doubles:
    """1 - (1 - p)^d: at least one of d units changes."""
    return np.asarray(-np.expm1(np.asarray(d) * np.log1p(-p)))


def _each_of(d: ArrayLike, P: ArrayLike) -> Doubles:
    """Its inverse, at most 1/2, the most that one unit can change."""
    with np.errstate(divide="ignore"):
        p = -np.expm1(np.log1p(-np.asarray(P, np.float64)) / np.asarray(d))
    # what is 1/2 but for rounding is 1/2
    return np.where(p > 0.5 - 1e-15, 0.5, p)


def _tan(p: Doubles) -> Doubles:
    """tan(pi p), infinite at p = 1/2."""
    with np.errstate(over="ignore"):
        return np.where(p >= 0.5, np.inf, np.tan(np.pi * np.minimum(p, 0.5)))


def _as_is(place: float, shape: float) -> tuple[float, float]:
    return place, shape


def _width_is_mu(s: float, d: float) -> tuple[float, float]:
    return d, s


def _width_is_minus_mu(s: float, d: float) -> tuple[float, float]:
    return -d, s


LOG_NORMAL = Transition("log-normal", ("mu", "sigma"), log_normal, log_normal_inverse, log_normal_place, _as_is)
ARCTAN = Transition("arctan", ("s", "d"), arctan, arctan_inverse, arctan_place, _width_is_minus_mu)
HALF_ERF = Transition("half-erf", ("s", "d"), half_erf, half_erf_inverse, half_erf_place, _width_is_mu)

MODELS: tuple[Transition, ...] = (HALF_ERF, ARCTAN, LOG_NORMAL)
"""In the order of (3.40) to (3.42) and figure 3.14."""
