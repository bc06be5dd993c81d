"""Reduce the taps of one site to statistics with numpy, and merge them over all runs.

A tap is a value inside the graph that was made an output of the session.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from math import prod
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..errors import DataError
from ..sites import RECTIFIERS, Site
from ..stats import Block, CoMoment, MergeTree, Nonfinite, Patterns, Statistic, classify, finite_samples, pattern_keys
from ..stats.block import NONE
from ..stats.covariance import CovarianceAccumulator, Doubles, Product
from .session import import_onnxruntime

Array = NDArray[Any]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SiteBatchResult:
    """The result of one run at one site, not merged yet.

    Args:
        parts: statistics of this run, by type.
        finite: whether each sample has only finite pre-activations here (sample,); the others are left out.
        dead: whether each sample is a dead point here (sample,).
        linear: whether each sample is a linear point here (sample,).
        keys: keys of the patterns (sample, position), 0 where a sample is not finite; None if no statistic reads them.
        rows: the finite samples, if `TapAccumulator.add` is to compute co-moments from them.
    """

    parts: Mapping[type[Statistic], Statistic]
    finite: Bools
    dead: Bools
    linear: Bools
    keys: Array | None
    rows: Block | None = None


@dataclass(frozen=True, eq=False)
class BatchResult:
    """The result of one run at all sites, not merged yet.

    Args:
        sites: the result at each site, in order.
        merges: for each site a function that merges its result; they may be called in any order and in parallel.
        outputs: the arrays that the session returned, by name.
    """

    sites: Sequence[SiteBatchResult]
    merges: Sequence[Callable[[], None]]
    outputs: Mapping[str, Array]


class TapAccumulator:
    """Statistics of one site, computed from its taps and merged over all runs.

    Args:
        site: the site.
        statistics: the types of the statistics to compute.
        capacity: maximum number of distinct patterns that are counted exactly.
        seed: seed of the pattern keys.
        every_position: count every (position, unit) as a unit.
        squares: maximum number of units for which co-moments, units^2 numbers, are computed.
        keys: whether to return pattern keys, for patterns of the whole network.
    """

    def __init__(
        self,
        site: Site,
        statistics: Sequence[type[Statistic]],
        *,
        capacity: int,
        seed: int,
        every_position: bool,
        squares: int,
        keys: bool,
    ) -> None:
        self.site = site
        self._every_position = every_position
        self._squares = squares
        self._seed = seed if keys else None
        self._trees: dict[type[Statistic], MergeTree[Any]] = {}
        self._covariances: dict[type[CoMoment], CovarianceAccumulator] = {}
        self._of: dict[type[Statistic], Callable[[Block], Statistic]] = {
            kind: partial(kind.of, capacity=capacity, seed=seed) if issubclass(kind, Patterns) else kind.of
            for kind in statistics
        }

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the graph's values to tap."""
        return values_to_tap(self.site, self._of)

    def arrange(self, taps: Sequence[Array], *, batch: int) -> tuple[Array, ...]:
        """View the taps of `values` as (sample, position, unit).

        Raises:
            DataError: no axis has one entry per sample.
        """
        return tuple(in_axes(tap, self.site, batch=batch, every_position=self._every_position) for tap in taps)

    def reduce(
        self,
        arranged: Sequence[Array],
        index: NDArray[np.int64],
        labels: NDArray[np.int64] | None,
        *,
        gather: bool = False,
    ) -> SiteBatchResult:
        """Compute the statistics of one run; `add` merges them.

        Samples with a NaN or an infinity are counted, and left out of every other statistic.

        Args:
            arranged: what `arrange` returned; entries after the last sample, which fill up a fixed batch, are ignored.
            index: number of each sample in the data (sample,).
            labels: class of each sample (sample,), or None.
            gather: leave the co-moments to `add`, which multiplies the rows of several runs at once.
        """
        count = len(index)
        z, *activations = (as_float(each[:count]) for each in arranged)
        none = np.zeros(count, dtype=np.bool_)
        if not z.size:
            empty = None if self._seed is None else np.zeros((count, 0), dtype=np.uint64)
            return SiteBatchResult({Nonfinite: Nonfinite(0, 0, NONE)}, ~none, none, none, empty)
        if self.site.threshold:
            z = z - z.dtype.type(self.site.threshold)
        h = activations[0] if activations else None
        block = Block(z, h, index, labels)
        nonfinite, finite = Nonfinite.of(block), finite_samples(block)
        if not finite.all():
            block = Block(
                z[finite], None if h is None else h[finite], index[finite], None if labels is None else labels[finite]
            )
        dead, linear = none, none.copy()
        parts: dict[type[Statistic], Statistic] = {Nonfinite: nonfinite}
        if finite.any():
            kinds = [kind for kind in self._of if self._is_computed(kind, z.shape[2])]
            parts |= {kind: self._of[kind](block) for kind in kinds if not (gather and issubclass(kind, CoMoment))}
            dead[finite], linear[finite] = classify(block)
        rows = Block(block.z, block.h) if gather and finite.any() else None
        return SiteBatchResult(parts, finite, dead, linear, self._keys(block, finite), rows)

    def add(self, result: SiteBatchResult) -> None:
        """Merge the result of one run.

        Raises:
            StateError: the number of units differs from that of earlier runs.
        """
        for kind, part in result.parts.items():
            self._trees.setdefault(kind, MergeTree()).add(part)
        if result.rows is None:
            return
        units = result.rows.z.shape[2]
        for kind in self._of:
            if issubclass(kind, CoMoment) and self._is_computed(kind, units):
                if kind not in self._covariances:
                    self._covariances[kind] = CovarianceAccumulator(units, product=runtime_product())
                kind.accumulate(result.rows, self._covariances[kind])

    def total(self) -> dict[type[Statistic], Any]:
        """Return every statistic over all runs added; only `Nonfinite` for a site without finite samples."""
        comoments = {kind: kind(*rows.total()) for kind, rows in self._covariances.items()}
        return {kind: tree.total() for kind, tree in self._trees.items()} | comoments

    def _is_computed(self, kind: type[Statistic], units: int) -> bool:
        return units <= self._squares or not issubclass(kind, CoMoment)

    def _keys(self, block: Block, finite: Bools) -> Array | None:
        if self._seed is None:
            return None
        keys = np.zeros((len(finite), block.z.shape[1]), dtype=np.uint64)
        if finite.any():
            keys[finite] = pattern_keys(block, seed=self._seed).reshape(-1, block.z.shape[1])
        return keys


def values_to_tap(site: Site, statistics: Iterable[type[Statistic]]) -> tuple[str, ...]:
    """Return the pre-activation, and the activation where a statistic reads it and it is not max(z, 0)."""
    if site.activation is None or site.kind in RECTIFIERS or CoMoment not in statistics:
        return (site.value,)
    return site.value, site.activation


def in_axes(tap: Array, site: Site, *, batch: int, every_position: bool = False) -> Array:
    """View a tap as (sample, position, unit).

    1. The site's sample axis has as many entries as the batch: it is the sample axis, the unit axis the last, all
       others are positions.
    2. One sample was run: all axes but the unit axis are positions of that sample.
    3. The first axis is a multiple of the batch (sample and another axis were flattened together): it is split.
    4. The only axis is as long as the batch: each sample has one unit.

    Args:
        tap: the array that the session returned, in the model's axes.
        site: where it was tapped.
        batch: number of samples in the run.
        every_position: count every coordinate of a sample as a unit, in the order of the tap's axes.

    Raises:
        DataError: no axis of this tap has one entry per sample.
    """
    if tap.shape == (batch,) or (tap.ndim == 0 and batch == 1):
        return tap.reshape(batch, 1, 1)
    axis = site.sample_axis if site.sample_axis < tap.ndim else 0
    unit = site.unit_axis % tap.ndim if -tap.ndim <= site.unit_axis < tap.ndim else tap.ndim - 1
    if tap.ndim > 1 and tap.shape[axis] == batch and axis != unit:
        arranged = np.moveaxis(tap, axis, 0) if axis else tap
        unit += unit < axis
    elif batch == 1:
        arranged, unit = tap[np.newaxis], unit + 1
    elif tap.ndim > 1 and unit != 0 and tap.shape[0] % batch == 0:
        arranged, unit = tap.reshape(batch, tap.shape[0] // batch, *tap.shape[1:]), unit + 1
    else:
        raise DataError(
            f"site {site.name!r}: expected an axis with one entry for each of the {batch} samples of a batch, "
            f"got values of shape {tap.shape}; run with a batch of 1"
        )
    before, units, after = prod(arranged.shape[1:unit]), arranged.shape[unit], prod(arranged.shape[unit + 1 :])
    if every_position:
        return arranged.reshape(batch, 1, before * units * after)
    return arranged.reshape(batch, before, units, after).transpose(0, 1, 3, 2).reshape(batch, before * after, units)


def as_float(tap: Array) -> Array:
    """Return the values in float32 or float64: half precision and integers are converted to a wider type."""
    if tap.dtype in (np.float32, np.float64):
        return tap
    return tap.astype(np.float32 if tap.dtype.kind == "f" or tap.dtype.itemsize < 4 else np.float64)


@cache
def runtime_product() -> Product:
    """Return a function that computes a b^T of float64 (unit, row) and (other unit, row) in the calling thread.

    >>> import numpy as np
    >>> runtime_product()(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]])).tolist()
    [[11.0, 17.0]]
    """
    a, b = (ir.Value(name=name, type=ir.TensorType(ir.DataType.DOUBLE), shape=ir.Shape([None, None])) for name in "ab")
    node = ir.node("Gemm", [a, b], attributes={"transB": 1}, outputs=[ir.Value(name="c", type=a.type, shape=a.shape)])
    graph = ir.Graph([a, b], node.outputs, nodes=[node], opset_imports={"": 13}, name="product")
    ort = import_onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    model = ir.to_proto(ir.Model(graph, ir_version=8)).SerializeToString()
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def product(a: Doubles, b: Doubles) -> Doubles:
        found: Doubles = session.run(None, {"a": a, "b": b})[0]
        return found

    return product
