"""Fits of the parameters of a transition model to measured (rate, P): one for analysis, one for ActCooLR.

`nls` fits any model by least squares in P, the scale on which all measurements have similar errors. `probit_lstsq`
fits the log-normal model by linear least squares in probit space: two parameters from few points, as ActCooLR needs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ....analyzer.errors import DataError
from .transition import LOG_NORMAL, Doubles, Transition, probit

_STARTS = {LOG_NORMAL.name: (0.3, 1.0, 3.0)}
_WIDTHS = (0.5, 4.0, 32.0, 256.0, 2048.0)
_LARGEST_LOG = 40.0  # beyond exp(40) rates, widths and scales cannot be distinguished


@dataclass(frozen=True)
class Fit:
    """A fitted transition model.

    Args:
        model: the model.
        place: its first parameter, mu or s.
        shape: its second parameter, sigma or d.
        residuals: predicted minus measured P (rate,).
    """

    model: Transition
    place: float
    shape: float
    residuals: Doubles

    @property
    def error(self) -> float:
        """Mean squared residual over all rates, the reconstruction error of figures 3.12 and 3.13."""
        return float(np.mean(self.residuals**2))

    def predict(self, rates: ArrayLike) -> Doubles:
        """Return P at these rates."""
        return self.model.forward(rates, self.place, self.shape)


def nls(model: Transition, rates: ArrayLike, P: ArrayLike) -> Fit:
    """Fit place and shape by nonlinear least squares in P.

    Levenberg-Marquardt in (mu, ln sigma) or (ln s, ln d), started from several shapes; the best result is returned.

    Args:
        model: one of `transition.MODELS`.
        rates: learning rates, all above 0 (rate,).
        P: distance measured at each rate (rate,).

    Raises:
        DataError: there are fewer than two points, shapes differ, or a value is out of range.

    >>> rates = np.geomspace(1e-4, 1e2, 50)
    >>> fit = nls(LOG_NORMAL, rates, LOG_NORMAL.forward(rates, -2.0, 1.5))
    >>> round(fit.place, 6), round(fit.shape, 6), fit.error < 1e-12
    (-2.0, 1.5, True)
    """
    rates, P = _check_points(rates, P)
    log_place = model.name != LOG_NORMAL.name

    def parameters(u: Doubles) -> tuple[float, float]:
        place, shape = np.clip(u, -_LARGEST_LOG, _LARGEST_LOG)
        return float(np.exp(place) if log_place else place), float(np.exp(shape))

    def residuals(u: Doubles) -> Doubles:
        return model.forward(rates, *parameters(u)) - P

    middle = int(np.argmin(np.abs(P - P.max() / 2)))
    best: Doubles | None = None
    for shape in _STARTS.get(model.name, _WIDTHS):
        inside = np.clip(P[middle], 1e-6, 0.5 * (1 - 2**-shape) if log_place else 1 - 1e-6)
        place = float(model.partial_inverse(rates[middle], inside, shape))
        found = _levenberg_marquardt(residuals, np.array([np.log(place) if log_place else place, np.log(shape)]))
        if best is None or _cost(residuals(found)) < _cost(residuals(best)):
            best = found
    assert best is not None  # noqa: S101 - the loop runs at least once
    return Fit(model, *parameters(best), residuals(best))


def probit_lstsq(
    rates: ArrayLike, P: ArrayLike, *, sigma: float, rcond: float = 0.1, eps: float = 1e-10
) -> tuple[float, float]:
    """Fit the log-normal model by least squares: ln rate = sigma q + mu, q = sqrt 2 erfinv(2 P - 1), A.4 #4.

    A.4 truncates the singular values of the design matrix [q, 1] "at a threshold of 10", which would truncate all of
    them; here the threshold is relative. If the smaller one is below `rcond` times the larger one, only mu is fitted
    and sigma is kept; likewise if the line falls, since sigma has to be positive.

    Args:
        rates: learning rates (rate,).
        P: distance measured at each rate (rate,); those within `eps` of 0 or 1 are ignored.
        sigma: the fallback for sigma.
        rcond: smallest accepted ratio of the singular values.
        eps: distance from 0 or 1 below which P is ignored.

    Returns:
        mu and sigma.

    Raises:
        DataError: no point is left, shapes differ, or a value is out of range.

    >>> mu, sigma = probit_lstsq([0.1, 1.0, 10.0], LOG_NORMAL.forward([0.1, 1.0, 10.0], 0.5, 2.0), sigma=1.0)
    >>> round(mu, 9), round(sigma, 9)
    (0.5, 2.0)
    >>> probit_lstsq([1.0, 1.0], [0.5, 0.5], sigma=7.0)
    (0.0, 7.0)
    """
    rates, P = _check_points(rates, P, least=1)
    inside = np.abs(P - 0.5) < 0.5 - eps
    if not inside.any():
        raise DataError(
            "fitting the transition: expected a distance strictly between 0 and 1, got none; measure other rates"
        )
    q, log_rate = probit(P[inside]), np.log(rates[inside])
    design = np.stack([q, np.ones_like(q)], 1)
    U, singular, V = np.linalg.svd(design, full_matrices=False)
    if singular.size == 2 and singular[1] > rcond * singular[0]:
        slope, mu = V.T @ ((U.T @ log_rate) / singular)
        if slope > 0:
            return float(mu), float(slope)
    return float(np.mean(log_rate - sigma * q)), sigma


def sigma_growth(sigmas: Sequence[float] | Doubles, *, window: int = 5) -> Doubles:
    """Return the ratio of each sigma to the smallest one of the last `window` fits, an indicator of divergence.

    Over a training sigma falls; a rapid rise preceded the divergence of a run (section 3.2.4, figure 3.19). The thesis
    gives no threshold; a ratio of 2 within a few fits deserves attention.

    Args:
        sigmas: sigma of each fit, in the order of training (fit,).
        window: number of earlier fits to compare with.

    Returns:
        Ratios of at least 1 (fit,).

    >>> sigma_growth([2.0, 1.5, 1.0, 1.2, 3.0], window=2)
    array([1. , 1. , 1. , 1.2, 3. ])
    """
    s = np.asarray(sigmas, np.float64)
    least = [s[max(0, last - window) : last + 1].min() for last in range(s.size)]
    return np.asarray(s / np.asarray(least))


def _check_points(rates: ArrayLike, P: ArrayLike, *, least: int = 2) -> tuple[Doubles, Doubles]:
    rates, P = np.asarray(rates, np.float64), np.asarray(P, np.float64)
    if rates.shape != P.shape or rates.ndim != 1 or rates.size < least:
        raise DataError(
            f"fitting the transition: expected a distance for each of at least {least} rates, "
            f"got rates {rates.shape} and distances {P.shape}; pass arrays of one length"
        )
    if not (np.isfinite(P).all() and (rates > 0).all() and np.isfinite(rates).all()):
        raise DataError(
            "fitting the transition: expected finite distances and positive finite rates, got invalid ones; omit them"
        )
    return rates, P


def _cost(residuals: Doubles) -> float:
    return float(residuals @ residuals)


def _levenberg_marquardt(residuals: Callable[[Doubles], Doubles], u: Doubles, *, rounds: int = 200) -> Doubles:
    """Return a local minimum of the sum of squared residuals, from u, in few dimensions."""
    damping, r = 1e-3, residuals(u)
    for _ in range(rounds):
        h = 1e-6
        J = np.stack([(residuals(u + step) - residuals(u - step)) / (2 * h) for step in h * np.eye(u.size)], 1)
        A, slope = J.T @ J, J.T @ r
        candidate = u - np.linalg.solve(A + damping * np.diag(np.diag(A)) + 1e-12 * np.eye(u.size), slope)
        next_r = residuals(candidate)
        if _cost(next_r) < _cost(r):
            gain = 1 - _cost(next_r) / _cost(r)
            u, r, damping = candidate, next_r, damping / 5
            if gain < 1e-14:
                break
        else:
            damping *= 5
            if damping > 1e12:
                break
    return u
