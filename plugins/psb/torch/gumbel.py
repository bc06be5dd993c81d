"""The Gumbel-max trick: a categorical sample as the argmax of perturbed log-weights (thesis, section 4.1)."""

import math

import torch
from torch import Tensor

from ....analyzer.errors import OptionError


def gumbel_max(log_weights: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """D = argmax_k (log alpha_k - log(-log U_k)), so that P(D = k) = alpha_k / sum alpha. Thesis, section 4.1.

    The random numbers do not depend on alpha, so that alpha can be trained; the argmax itself has no gradient.

    Args:
        log_weights: log alpha (..., category); -inf for a category of probability 0.
        generator: for U; default: torch's global generator.

    Returns:
        The sampled category (...), int64.

    >>> gumbel_max(torch.tensor([[0.0, -torch.inf], [-torch.inf, 3.0]])).tolist()
    [0, 1]
    """
    uniform = torch.rand(
        log_weights.shape, dtype=torch.float64, device=log_weights.device, generator=generator
    ).clamp_min(torch.finfo(torch.float64).tiny)
    return (log_weights - torch.log(-torch.log(uniform))).argmax(-1)


def gumbel_binomial(p: Tensor, samples: int, *, generator: torch.Generator | None = None) -> Tensor:
    """Sample B(n, p) by the Gumbel-max trick over its n + 1 log-probabilities, as in the authors' program.

    Its cost grows with n, unlike that of `BinomialTable.draw`, and it needs a stateful generator.

    Args:
        p: probabilities in [0, 1], any shape.
        samples: n.
        generator: as in `gumbel_max`.

    Returns:
        The number of successes, int64, in the shape of p.

    Raises:
        OptionError: n is less than 1.

    >>> gumbel_binomial(torch.tensor([0.0, 1.0]), 8).tolist()
    [0, 8]
    """
    if samples < 1:
        raise OptionError(f"expected at least one sample, got {samples}; choose a positive number of samples")
    choices = [math.lgamma(samples + 1) - math.lgamma(k + 1) - math.lgamma(samples - k + 1) for k in range(samples + 1)]
    ones = torch.arange(samples + 1, dtype=torch.float64, device=p.device)
    p = p.double()[..., None]
    log_masses = torch.tensor(choices, dtype=torch.float64, device=p.device)
    log_masses = log_masses + torch.special.xlogy(ones, p) + torch.special.xlogy(samples - ones, 1 - p)
    return gumbel_max(log_masses, generator=generator)
