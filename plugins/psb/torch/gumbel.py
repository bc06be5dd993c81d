"""The Gumbel-max trick: a draw from a categorical law as the largest of noisy logarithms (thesis, section 4.1)."""

import math

import torch
from torch import Tensor

from ....analyzer.errors import OptionError


def gumbel_max(log_weights: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
    """D = argmax_k (log alpha_k - log(-log U_k)), so that P(D = k) = alpha_k / sum alpha. Thesis, section 4.1.

    What is random does not depend on alpha, which is what lets one train it; the argmax itself has no gradient.

    Args:
        log_weights: log alpha (..., category); -inf for what is never drawn.
        generator: draws U; torch's own by default.

    Returns:
        The category drawn (...), int64.

    >>> gumbel_max(torch.tensor([[0.0, -torch.inf], [-torch.inf, 3.0]])).tolist()
    [0, 1]
    """
    uniform = torch.rand(
        log_weights.shape, dtype=torch.float64, device=log_weights.device, generator=generator
    ).clamp_min(torch.finfo(torch.float64).tiny)
    return (log_weights - torch.log(-torch.log(uniform))).argmax(-1)


def gumbel_binomial(p: Tensor, samples: int, *, generator: torch.Generator | None = None) -> Tensor:
    """B_(n,p) by the Gumbel-max trick over its n + 1 log masses, as the authors draw it.

    Its cost grows with n, unlike that of `draws.Table`, and it needs a generator with a state.

    Args:
        p: probabilities in [0, 1], any shape.
        samples: n.
        generator: as for `gumbel_max`.

    Returns:
        How many of n samples succeed, int64, in the shape of p.

    Raises:
        OptionError: n is less than 1.

    >>> gumbel_binomial(torch.tensor([0.0, 1.0]), 8).tolist()
    [0, 8]
    """
    if samples < 1:
        raise OptionError(f"at least one sample is drawn, not {samples}")
    choices = [math.lgamma(samples + 1) - math.lgamma(k + 1) - math.lgamma(samples - k + 1) for k in range(samples + 1)]
    ones = torch.arange(samples + 1, dtype=torch.float64, device=p.device)
    p = p.double()[..., None]
    log_masses = torch.tensor(choices, dtype=torch.float64, device=p.device)
    log_masses = log_masses + torch.special.xlogy(ones, p) + torch.special.xlogy(samples - ones, 1 - p)
    return gumbel_max(log_masses, generator=generator)
