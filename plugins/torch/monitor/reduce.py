"""Reduce the pre-activations of one site in one forward pass to the analyzer's statistics.

On the CPU the analyzer reads the tensor's own memory; only the large products of the co-moments are computed by torch,
since numpy's thread pool would compete with torch's. On other devices torch computes the same statistics on the device,
and only a few numbers of each unit and sample, and the keys of the patterns, are copied to the host.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....analyzer.errors import DataError
from ....analyzer.runtime.tap_accumulator import SiteBatchResult, TapAccumulator
from ....analyzer.sites import RECTIFIERS, Site
from ....analyzer.stats import (
    Block,
    CoMoment,
    Nonfinite,
    Patterns,
    Points,
    PreactivationCoMoment,
    Statistic,
    UnitRanges,
    classify,
    finite_samples,
    merge_all,
)
from ....analyzer.stats.keys import WORD as KEY_BITS
from ....analyzer.stats.keys import Keys, mix64, random_words

DEVICE_CHUNK = 2**24
"""Entries that are copied to 64 bits at a time on a device: 128 MiB."""

CPU_CHUNK = 2**18
"""The same on the CPU, whose cache should hold them."""

STATISTICS: tuple[type[Statistic], ...] = (UnitRanges, Points, Patterns)
"""The statistics of a site, besides its co-moments, that the default measures need."""


def comoment_type(kind: str) -> type[CoMoment]:
    """Return the co-moment statistic of a site: of activations for max(z, 0), else of pre-activations.

    >>> comoment_type("relu").__name__, comoment_type("gelu").__name__
    ('CoMoment', 'PreactivationCoMoment')
    """
    return CoMoment if kind in RECTIFIERS else PreactivationCoMoment


def arrange(z: Tensor, site: Site, *, samples: int) -> Tensor:
    """Return pre-activations in the axes (sample, position, unit), as a view where possible.

    Args:
        z: pre-activations of any shape, whose first axis counts samples or a multiple of them.
        site: the site that reads them.
        samples: number of samples of the forward pass.

    Raises:
        DataError: the first axis is not a multiple of the samples, or is the unit axis.

    >>> z = torch.zeros(6, 5, 2, 2)
    >>> [tuple(arrange(z, Site("conv", "", "relu", 1), samples=samples).shape) for samples in (6, 3)]
    [(6, 4, 5), (3, 8, 5)]
    """
    if z.shape in {(), (samples,)}:
        return z.reshape(-1, 1, 1)
    if site.unit_axis == 0 or samples == 0 or z.shape[0] % samples:
        raise DataError(
            f"site {site.name!r}: expected values whose first axis counts the {samples} samples of the forward pass, "
            f"got shape {tuple(z.shape)}"
        )
    by_unit = z.movedim(site.unit_axis, -1)
    return by_unit.reshape(samples, by_unit[..., 0].numel() // samples, z.shape[site.unit_axis])


def reduce_site(
    z: Tensor, accumulator: TapAccumulator, index: NDArray[np.int64], *, capacity: int, squares: int
) -> SiteBatchResult:
    """Return the statistics of one site in one forward pass; they hold no reference to the tensor.

    Args:
        z: pre-activations (sample, position, unit), on any device and of any floating type.
        accumulator: of the site, without co-moments; it is not modified.
        index: number of each sample (sample,).
        capacity: maximum number of patterns counted exactly.
        squares: maximum number of units for which co-moments are computed.
    """
    z = z.detach()
    if z.dtype not in {torch.float32, torch.float64}:
        z = z.float()
    comoments = [comoment_type(accumulator.site.kind)] if z.shape[2] <= squares else []
    if z.device.type != "cpu" and z.numel():
        return reduce_on_device(z, index, (*STATISTICS, *comoments), capacity=capacity)
    result = accumulator.reduce((z.cpu().numpy(),), index, None)
    if not z.numel() or not result.finite.any():
        return result
    if not result.finite.all():
        z = z[torch.from_numpy(result.finite)]
    return replace(result, parts={**result.parts, **{kind: _COMOMENTS[kind](z) for kind in comoments}})


@torch.no_grad()
def reduce_on_device(
    z: Tensor, index: NDArray[np.int64], kinds: Collection[type[Statistic]], *, capacity: int
) -> SiteBatchResult:
    """Return what `TapAccumulator.reduce` returns, computed by torch: counts and extremes equal, sums up to rounding.

    Args:
        z: pre-activations (sample, position, unit), float32 or float64, not empty.
        index: number of each sample (sample,).
        kinds: the statistics to compute.
        capacity: maximum number of patterns counted exactly.

    >>> z = torch.tensor([[[1.0, -2.0]], [[3.0, 0.0]]])
    >>> result = reduce_on_device(z, np.arange(2), [UnitRanges], capacity=9)
    >>> result.parts[UnitRanges].active.tolist(), result.linear.tolist()
    ([2, 0], [False, False])
    """
    high, low = z.amax(1), z.amin(1)
    ends = torch.stack([low.amin(1), high.amax(1)], 1).cpu().numpy()[:, None]
    finite = finite_samples(Block(ends, index=index))
    nonfinite = Nonfinite.of(Block(ends, index=index))
    if not finite.all():
        nonfinite = replace(nonfinite, values=int((~torch.isfinite(z)).sum()))
        keep = torch.from_numpy(finite).to(z.device)
        z, high, low = z[keep], high[keep], low[keep]
    parts: dict[type[Statistic], Any] = {Nonfinite: nonfinite}
    dead, linear = np.zeros((2, len(finite)), dtype=np.bool_)
    if finite.any():
        # the extremes of a sample alone decide its class
        points = Block(ends[finite], index=index[finite])
        dead[finite], linear[finite] = classify(points)
        compute: dict[Any, Callable[[Tensor], Any]] = {
            UnitRanges: lambda z: _unit_ranges(z, high, low),
            Points: lambda _: Points.of(points),
            Patterns: lambda z: Patterns.of_keys(pattern_keys(z), units=z.shape[2], capacity=capacity),
            **_COMOMENTS,
        }
        parts |= {kind: compute[kind](z) for kind in kinds}
    return SiteBatchResult(parts, finite, dead, linear, None)


def pattern_keys(z: Tensor) -> Keys:
    """Return the keys of the analyzer's `pattern_keys` with seed 0: the sum modulo 2^64 of a word for each active unit.

    >>> keys = mix64(np.array([7], dtype=np.uint64) + random_words(0, 1))
    >>> pattern_keys(torch.ones(1, 1, 3)).tolist() == keys.tolist()
    True
    """
    units = z.shape[2]
    words = random_words(0, units) if units > KEY_BITS else np.uint64(1) << np.arange(units, dtype=np.uint64)
    signed = torch.from_numpy(words.view(np.int64)).to(z.device)
    sums = [torch.where(chunk > 0, signed, 0).sum(2).reshape(-1) for chunk in _chunks(z)]
    return mix64(torch.cat(sums).cpu().numpy().view(np.uint64) + random_words(0, 1))


def _unit_ranges(z: Tensor, high: Tensor, low: Tensor) -> UnitRanges:
    samples, positions, _ = z.shape
    each = (low.amin(0), high.amax(0), torch.count_nonzero(z > 0, dim=(0, 1)))
    return UnitRanges(samples * positions, samples, *(values.cpu().numpy() for values in each))


def _comoment(kind: type[CoMoment], h: Tensor) -> CoMoment:
    samples, positions, units = h.shape
    # relative to the first entry, so that the mean of a constant unit is exactly that constant
    mean = h[0, 0] + (h - h[0, 0]).mean((0, 1))
    h = h - mean
    if positions >= units and h.stride(1) < h.stride(2):  # the layout of convolutions: no copy is needed
        products = (h.mT @ h).sum(0)
    else:
        rows = h.reshape(-1, units)
        products = rows.T @ rows
    return kind(samples * positions, mean.cpu().numpy(), products.cpu().numpy())


_COMOMENTS: dict[type[CoMoment], Callable[[Tensor], CoMoment]] = {
    CoMoment: lambda z: merge_all(_comoment(CoMoment, part.clamp_min(0).double()) for part in _chunks(z)),
    PreactivationCoMoment: lambda z: merge_all(_comoment(PreactivationCoMoment, part.double()) for part in _chunks(z)),
}


def _chunks(z: Tensor) -> tuple[Tensor, ...]:
    entries = CPU_CHUNK if z.device.type == "cpu" else DEVICE_CHUNK
    return torch.split(z, max(1, entries // (z.shape[1] * z.shape[2])))
