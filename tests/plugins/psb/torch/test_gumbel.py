"""The Gumbel-max trick: the laws of its samples."""

import numpy as np
import pytest
import scipy.stats

pytest.importorskip("torch")
import torch

from relucid.analyzer.errors import OptionError
from relucid.plugins.psb import torch as psb_torch


def test_the_gumbel_maximum_has_the_categorical_law():
    weights = torch.tensor([0.5, 2.0, 0.0, 7.5])
    draws = psb_torch.gumbel_max(weights.log().expand(20_000, 4), generator=torch.Generator().manual_seed(0)).bincount(
        minlength=4
    )
    assert draws[2] == 0
    expected = 20_000 * weights[weights > 0] / 10
    assert scipy.stats.chisquare(draws[weights > 0], expected).pvalue > 1e-3


@pytest.mark.parametrize(("p", "samples"), [(0.3, 1), (1 / 3, 4), (0.9, 16)])
def test_gumbel_binomial_has_the_binomial_law(p, samples):
    generator = torch.Generator().manual_seed(1)
    draws = psb_torch.gumbel_binomial(torch.full((20_000,), p), samples, generator=generator)
    masses = scipy.stats.binom.pmf(np.arange(samples + 1), samples, p)
    seen = masses * 20_000 > 5
    counts = draws.bincount(minlength=samples + 1).numpy()
    found = np.append(counts[seen], counts[~seen].sum())
    expected = np.append(masses[seen], masses[~seen].sum()) * 20_000
    kept = expected > 0
    assert scipy.stats.chisquare(found[kept], expected[kept]).pvalue > 1e-3
    with pytest.raises(OptionError, match="at least one"):
        psb_torch.gumbel_binomial(torch.tensor(p), 0)
