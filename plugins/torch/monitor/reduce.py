"""Reduce: the pre-activations of one site in one forward, turned at once into the analyzer's statistics.

On the CPU the analyzer reads the tensor's own memory; only the large products of the co-moments are left to torch,
whose threads would fight with those of numpy. Elsewhere torch reduces to the same statistics on the tensor's device,
and what travels are a few numbers of each unit and sample, and the patterns' keys.
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

PIECE = 2**24
"""Entries reduced at a time where a copy in 64 bits is needed: 128 MiB."""

CACHED = 2**18
"""The same on a processor, whose cache they should fit."""

STATISTICS: tuple[type[Statistic], ...] = (UnitRanges, Points, Patterns)
"""What is kept of a site beside its co-moments: all the default measures need."""


def comoments_of(kind: str) -> type[CoMoment]:
    """Of what the redundancy of a site is read: of its activations, or where these are not seen of its pre-activations.

    >>> comoments_of("relu").__name__, comoments_of("gelu").__name__
    ('CoMoment', 'PreactivationCoMoment')
    """
    return CoMoment if kind in RECTIFIERS else PreactivationCoMoment


def arranged(z: Tensor, site: Site, *, samples: int) -> Tensor:
    """A view of pre-activations as (sample, position, unit); their first axis counts samples, or a multiple of them.

    Args:
        z: pre-activations of any shape.
        site: where they were read.
        samples: how many samples the forward has.

    Raises:
        DataError: the samples cannot be told apart.

    >>> z = torch.zeros(6, 5, 2, 2)
    >>> [tuple(arranged(z, Site("conv", "", "relu", 1), samples=samples).shape) for samples in (6, 3)]
    [(6, 4, 5), (3, 8, 5)]
    """
    if z.shape in {(), (samples,)}:
        return z.reshape(-1, 1, 1)
    if site.unit_axis == 0 or samples == 0 or z.shape[0] % samples:
        raise DataError(
            f"site {site.name!r}: the {samples} samples of a forward cannot be told apart in its values of shape "
            f"{tuple(z.shape)}"
        )
    by_unit = z.movedim(site.unit_axis, -1)
    return by_unit.reshape(samples, by_unit[..., 0].numel() // samples, z.shape[site.unit_axis])


def reduced(
    z: Tensor, collector: TapAccumulator, index: NDArray[np.int64], *, capacity: int, squares: int
) -> SiteBatchResult:
    """What one forward shows of one site; nothing of the tensor is kept.

    Args:
        z: pre-activations (sample, position, unit), on any device and in any floating type.
        collector: of the site, without co-moments; it is only asked, nothing is added to it.
        index: number of each sample (sample,).
        capacity: of pattern tables.
        squares: most units whose co-moments are kept.
    """
    z = z.detach()
    if z.dtype not in {torch.float32, torch.float64}:
        z = z.float()
    comoments = [comoments_of(collector.site.kind)] if z.shape[2] <= squares else []
    if z.device.type != "cpu" and z.numel():
        return reduced_on_device(z, index, (*STATISTICS, *comoments), capacity=capacity)
    seen = collector.look((z.cpu().numpy(),), index, None)
    if not z.numel() or not seen.finite.any():
        return seen
    if not seen.finite.all():
        z = z[torch.from_numpy(seen.finite)]
    return replace(seen, parts={**seen.parts, **{kind: _COMOMENTS[kind](z) for kind in comoments}})


@torch.no_grad()
def reduced_on_device(
    z: Tensor, index: NDArray[np.int64], kinds: Collection[type[Statistic]], *, capacity: int
) -> SiteBatchResult:
    """The twin of `TapAccumulator.look` in torch: counts and extremes are equal, floating sums to rounding.

    Args:
        z: pre-activations (sample, position, unit), float32 or float64, not empty.
        index: number of each sample (sample,).
        kinds: the statistics wanted.
        capacity: of pattern tables.

    >>> seen = reduced_on_device(torch.tensor([[[1.0, -2.0]], [[3.0, 0.0]]]), np.arange(2), [UnitRanges], capacity=9)
    >>> seen.parts[UnitRanges].active.tolist(), seen.linear.tolist()
    ([2, 0], [False, False])
    """
    high, low = z.amax(1), z.amin(1)
    ends = torch.stack([low.amin(1), high.amax(1)], 1).cpu().numpy()[:, None]
    finite = finite_samples(Block(ends, index=index))
    spoilt = Nonfinite.of(Block(ends, index=index))
    if not finite.all():
        spoilt = replace(spoilt, values=int((~torch.isfinite(z)).sum()))
        keep = torch.from_numpy(finite).to(z.device)
        z, high, low = z[keep], high[keep], low[keep]
    parts: dict[type[Statistic], Any] = {Nonfinite: spoilt}
    dead, linear = np.zeros((2, len(finite)), dtype=np.bool_)
    if finite.any():
        # Of a sample its extremes decide, so a block of these alone gives its class.
        points = Block(ends[finite], index=index[finite])
        dead[finite], linear[finite] = classify(points)
        made: dict[Any, Callable[[Tensor], Any]] = {
            UnitRanges: lambda z: _extents(z, high, low),
            Points: lambda _: Points.of(points),
            Patterns: lambda z: Patterns.of_keys(pattern_keys(z), units=z.shape[2], capacity=capacity),
            **_COMOMENTS,
        }
        parts |= {kind: made[kind](z) for kind in kinds}
    return SiteBatchResult(parts, finite, dead, linear, None)


def pattern_keys(z: Tensor) -> Keys:
    """The analyzer's `pattern_keys` with seed 0: one word for each active unit, added modulo 2^64.

    >>> keys = mix64(np.array([7], dtype=np.uint64) + random_words(0, 1))
    >>> pattern_keys(torch.ones(1, 1, 3)).tolist() == keys.tolist()
    True
    """
    units = z.shape[2]
    words = random_words(0, units) if units > KEY_BITS else np.uint64(1) << np.arange(units, dtype=np.uint64)
    signed = torch.from_numpy(words.view(np.int64)).to(z.device)
    sums = [torch.where(piece > 0, signed, 0).sum(2).reshape(-1) for piece in _pieces(z)]
    return mix64(torch.cat(sums).cpu().numpy().view(np.uint64) + random_words(0, 1))


def _extents(z: Tensor, high: Tensor, low: Tensor) -> UnitRanges:
    samples, positions, _ = z.shape
    each = (low.amin(0), high.amax(0), torch.count_nonzero(z > 0, dim=(0, 1)))
    return UnitRanges(samples * positions, samples, *(values.cpu().numpy() for values in each))


def _centred(kind: type[CoMoment], h: Tensor) -> CoMoment:
    samples, positions, units = h.shape
    # Counted from the first entry, the mean of a unit that is constant is that constant.
    mean = h[0, 0] + (h - h[0, 0]).mean((0, 1))
    h = h - mean
    if positions >= units and h.stride(1) < h.stride(2):  # as convolutions make it: read as it lies
        products = (h.mT @ h).sum(0)
    else:
        rows = h.reshape(-1, units)
        products = rows.T @ rows
    return kind(samples * positions, mean.cpu().numpy(), products.cpu().numpy())


_COMOMENTS: dict[type[CoMoment], Callable[[Tensor], CoMoment]] = {
    CoMoment: lambda z: merge_all(_centred(CoMoment, piece.clamp_min(0).double()) for piece in _pieces(z)),
    PreactivationCoMoment: lambda z: merge_all(_centred(PreactivationCoMoment, piece.double()) for piece in _pieces(z)),
}


def _pieces(z: Tensor) -> tuple[Tensor, ...]:
    entries = CACHED if z.device.type == "cpu" else PIECE
    return torch.split(z, max(1, entries // (z.shape[1] * z.shape[2])))
