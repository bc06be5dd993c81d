"""Transition models: the distance P of a step as a function of its learning rate (Hartmann, 2025, section 3.2.3).

Each model has two parameters: a place, the location of the transition on the axis of rates, and a shape. All functions
take numbers or arrays, broadcast them, compute in float64, and keep their relative precision for tiny P.
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
        name: name of the model.
        parameters: names of place and shape in the thesis.
        forward: maps (rate, place, shape) to P.
        inverse: maps (P, place, shape) to the rate; infinite if no rate reaches P.
        partial_inverse: maps (rate, P, shape) to the place.
        printed: maps (place, shape) to the (mu, sigma) of the printed formula, which the thesis plots.
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
    """The rate exp(sigma sqrt 2 erfinv(2 P - 1) + mu), A.4; (3.43) has -mu. It is 0 at P = 0 and infinite at P = 1.

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
    return _any_changes(d, np.arctan(np.asarray(s) * np.asarray(rate, np.float64)) / np.pi)


def arctan_inverse(P: ArrayLike, s: ArrayLike, d: ArrayLike) -> Doubles:
    """The rate at which theorem 1 predicts P.

    >>> arctan_inverse([0.4375, 0.75], 1.0, 2)
    array([ 1., inf])
    """
    return np.asarray(_tan(_one_changes(d, P)) / np.asarray(s))


def arctan_place(rate: ArrayLike, P: ArrayLike, d: ArrayLike) -> Doubles:
    """The s for which theorem 1 predicts P at this rate.

    >>> round(float(arctan_place(2.0, 0.4375, 2)), 12)
    0.5
    """
    return _tan(_one_changes(d, P)) / np.asarray(rate, np.float64)


def half_erf(rate: ArrayLike, s: ArrayLike, d: ArrayLike) -> Doubles:
    """P = 1 - [1 - 1/2 erf(s rate / sqrt 2)]^d, (3.40): theorem 1 with fixed instead of normal gradients.

    (3.40) writes sigma for s and mu for d.

    >>> half_erf([0.0, 1e9], 1.0, 3)
    array([0.   , 0.875])
    """
    x = np.asarray(s) * np.asarray(rate, np.float64)
    return _any_changes(d, torch.erf(_tensor(x / _ROOT)).numpy() / 2)


def half_erf_inverse(P: ArrayLike, s: ArrayLike, d: ArrayLike) -> Doubles:
    """The rate at which (3.40) predicts P.

    >>> half_erf_inverse([0.0, 0.875], 1.0, 3)
    array([ 0., inf])
    """
    return np.asarray(_half_probit(_one_changes(d, P)) / np.asarray(s))


def half_erf_place(rate: ArrayLike, P: ArrayLike, d: ArrayLike) -> Doubles:
    """The s for which (3.40) predicts P at this rate.

    >>> round(float(half_erf_place(2.0, half_erf(2.0, 0.7, 5), 5)), 12)
    0.7
    """
    return np.asarray(_half_probit(_one_changes(d, P)) / np.asarray(rate, np.float64))


def probit(P: ArrayLike) -> Doubles:
    """The standard normal quantile sqrt 2 erfinv(2 P - 1), precise also where 2 P - 1 would round to -1.

    >>> probit([0.0, 0.5, 0.8413447460685429]).round(9)
    array([-inf,   0.,   1.])
    """
    return np.asarray(torch.special.ndtri(_tensor(P)).numpy())


def _half_probit(p: Doubles) -> Doubles:
    """The x for which the standard normal distribution has the mass p between 0 and x."""
    return np.asarray(_ROOT * torch.erfinv(_tensor(2 * p)).numpy())


def _tensor(x: ArrayLike) -> torch.Tensor:
    return torch.from_numpy(np.array(x, np.float64))


def _ln(rate: ArrayLike) -> Doubles:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.asarray(rate, np.float64)))


def _any_changes(d: ArrayLike, p: Doubles) -> Doubles:
    """1 - (1 - p)^d, the probability that at least one of d units changes."""
    return np.asarray(-np.expm1(np.asarray(d) * np.log1p(-p)))


def _one_changes(d: ArrayLike, P: ArrayLike) -> Doubles:
    """The inverse of `_any_changes`, at most 1/2, the largest probability that one unit changes."""
    with np.errstate(divide="ignore"):
        p = -np.expm1(np.log1p(-np.asarray(P, np.float64)) / np.asarray(d))
    # 1/2 up to rounding counts as 1/2
    return np.where(p > 0.5 - 1e-15, 0.5, p)


def _tan(p: Doubles) -> Doubles:
    """tan(pi p), infinite at p = 1/2."""
    with np.errstate(over="ignore"):
        return np.where(p >= 0.5, np.inf, np.tan(np.pi * np.minimum(p, 0.5)))


def _mu_sigma(place: float, shape: float) -> tuple[float, float]:
    return place, shape


def _d_as_mu(s: float, d: float) -> tuple[float, float]:
    return d, s


def _minus_d_as_mu(s: float, d: float) -> tuple[float, float]:
    return -d, s


LOG_NORMAL = Transition("log-normal", ("mu", "sigma"), log_normal, log_normal_inverse, log_normal_place, _mu_sigma)
ARCTAN = Transition("arctan", ("s", "d"), arctan, arctan_inverse, arctan_place, _minus_d_as_mu)
HALF_ERF = Transition("half-erf", ("s", "d"), half_erf, half_erf_inverse, half_erf_place, _d_as_mu)

MODELS: tuple[Transition, ...] = (HALF_ERF, ARCTAN, LOG_NORMAL)
"""The models in the order of (3.40) to (3.42) and figure 3.14."""
