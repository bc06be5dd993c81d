"""Vanishing nodes (Chang, 2019): the correlation of a site's units and the effective number of units it leaves.

C is the covariance of the units over the data (an expectation in (3.3)), sigma_i^2 = C_ii their variances. The thesis
defines both for the activations x_l of any layer; in a feature map, channels are the nodes and every position counts as
a sample.
"""

import numpy as np
from numpy.typing import NDArray

from ..stats import CoMoment
from ..values.plain_data import Value

Doubles = NDArray[np.float64]


def squared_correlations(C: Doubles) -> Doubles:
    """rho_ij^2 = C_ij^2 / (sigma_i^2 sigma_j^2) (unit, unit), (3.2).

    For a constant unit (3.2) is 0 / 0: its correlation with every unit, itself included, is defined as 0.

    >>> squared_correlations(np.array([[4.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 0.0]])).tolist()
    [[1.0, 0.25, 0.0], [0.25, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """
    sigma = np.sqrt(np.diagonal(C))
    varies = sigma > 0
    rho = np.zeros_like(C)
    np.divide(C, sigma[:, None], out=rho, where=varies[:, None])
    np.divide(rho, sigma[None, :], out=rho, where=varies[None, :])
    return np.asarray(np.square(rho))


def vni_by_correlations(C: Doubles) -> float | None:
    """R_sq as the average of rho_ij^2 weighted by sigma_i^2 sigma_j^2, (3.4); None if all units are constant.

    >>> vni_by_correlations(np.eye(4))
    0.25
    """
    weights = np.multiply.outer(np.diagonal(C), np.diagonal(C))
    total = weights.sum()
    return float((squared_correlations(C) * weights).sum() / total) if total > 0 else None


def vni(C: Doubles) -> float | None:
    """R_sq = tr(C C^T) / tr(C)^2, (3.5); None if all units are constant, where it is 0 / 0.

    Ranges from 1/N (uncorrelated units of equal variance) to 1 (all units equal). Estimated from M samples it is at
    least about 1/N + 1/M.

    >>> vni(np.ones((4, 4)))
    1.0
    """
    trace = np.trace(C)
    return float(np.vdot(C, C) / trace**2) if trace > 0 else None


def effective_units(R: float, N: int) -> float:
    """N (1 - R) + 1 (section 3.3): the effective number of nodes.

    >>> effective_units(0.25, 4), effective_units(1.0, 4)
    (4.0, 1.0)
    """
    return N * (1 - R) + 1


def node_redundancy(moments: CoMoment) -> dict[str, Value]:
    """VNI and effective units of the activations; both None where every unit is constant."""
    C = moments.covariance
    R = vni(C)
    return {"vni": R, "effective_units": None if R is None else effective_units(R, moments.mean.size)}


def preactivation_redundancy(moments: CoMoment) -> dict[str, Value]:
    """VNI and effective units of the pre-activations; both None where every unit is constant."""
    return {f"preactivation_{name}": value for name, value in node_redundancy(moments).items()}
