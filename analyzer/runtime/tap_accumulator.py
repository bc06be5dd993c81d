"""One site's statistics, gathered tap by tap."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..sites import RECTIFIERS, Site
from ..stats import Block, CoMoment, MergeTree, Nonfinite, Patterns, Statistic, classify, finite_samples, pattern_keys
from ..stats.covariance import CovarianceAccumulator, Doubles, Product
from ..stats.nonfinite import NONE
from .session import onnxruntime
from .tap_axes import as_float, in_axes


@cache
def runtime_product() -> Product:
    """What gives a b^T of float64 matrices (unit, row) and (other unit, row), in the thread that calls it.

    >>> import numpy as np
    >>> runtime_product()(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]])).tolist()
    [[11.0, 17.0]]
    """
    a, b = (ir.Value(name=name, type=ir.TensorType(ir.DataType.DOUBLE), shape=ir.Shape([None, None])) for name in "ab")
    node = ir.node("Gemm", [a, b], attributes={"transB": 1}, outputs=[ir.Value(name="c", type=a.type, shape=a.shape)])
    graph = ir.Graph([a, b], node.outputs, nodes=[node], opset_imports={"": 13}, name="product")
    ort = onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    model = ir.to_proto(ir.Model(graph, ir_version=8)).SerializeToString()
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def product(a: Doubles, b: Doubles) -> Doubles:
        found: Doubles = session.run(None, {"a": a, "b": b})[0]
        return found

    return product


Array = NDArray[Any]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SiteBatchResult:
    """What one run shows of one site, before it is merged with what was seen earlier.

    Args:
        parts: its statistics, as far as they are made yet.
        finite: whether each sample has only finite pre-activations here (sample,); only these are counted.
        dead: whether each sample is a dead point here (sample,).
        linear: whether each sample is a linear point here (sample,).
        keys: of the patterns (sample, position), 0 where a sample is not finite; None if they are not wanted.
        rows: the finite samples, where co-moments are yet to be gathered from them.
    """

    parts: Mapping[type[Statistic], Statistic]
    finite: Bools
    dead: Bools
    linear: Bools
    keys: Array | None
    rows: Block | None = None


class TapAccumulator:
    """Turns the taps of one site into statistics and keeps them merged.

    Args:
        site: the site.
        statistics: which statistics to keep.
        capacity: of pattern tables.
        seed: of pattern keys.
        every_position: count every (position, unit) as a unit of its own.
        squares: most units whose co-moments are kept, since they take units^2 numbers.
        keys: whether the keys of the patterns are wanted, for global patterns.
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
        self._gathered: dict[type[CoMoment], CovarianceAccumulator] = {}
        self._of: dict[type[Statistic], Callable[[Block], Statistic]] = {
            kind: partial(kind.of, capacity=capacity, seed=seed) if issubclass(kind, Patterns) else kind.of
            for kind in statistics
        }

    @property
    def values(self) -> tuple[str, ...]:
        """The values of the graph to tap."""
        return values_to_tap(self.site, self._of)

    def arrange(self, taps: Sequence[Array], *, batch: int) -> tuple[Array, ...]:
        """The taps of `values` in our axes (sample, position, unit).

        Raises:
            DataError: the samples cannot be told apart.
        """
        return tuple(in_axes(tap, self.site, batch=batch, every_position=self._every_position) for tap in taps)

    def look(
        self,
        arranged: Sequence[Array],
        index: NDArray[np.int64],
        labels: NDArray[np.int64] | None,
        *,
        gather: bool = False,
    ) -> SiteBatchResult:
        """What one run shows of this site; nothing is kept yet.

        Samples with a NaN or an infinity are counted and left out of every other statistic.

        Args:
            arranged: what `arrange` gave; more samples than numbers where a batch was filled up.
            index: number of each sample (sample,).
            labels: class of each sample (sample,), or None.
            gather: leave co-moments to `take`, which then multiplies the rows of several runs at once.
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
        spoilt, finite = Nonfinite.of(block), finite_samples(block)
        if not finite.all():
            block = Block(
                z[finite], None if h is None else h[finite], index[finite], None if labels is None else labels[finite]
            )
        dead, linear = none, none.copy()
        parts: dict[type[Statistic], Statistic] = {Nonfinite: spoilt}
        if finite.any():
            kinds = [kind for kind in self._of if self._is_kept(kind, z.shape[2])]
            parts |= {kind: self._of[kind](block) for kind in kinds if not (gather and issubclass(kind, CoMoment))}
            dead[finite], linear[finite] = classify(block)
        rows = Block(block.z, block.h) if gather and finite.any() else None
        return SiteBatchResult(parts, finite, dead, linear, self._keys(block, finite), rows)

    def take(self, seen: SiteBatchResult) -> None:
        """Merge what one run showed with everything before it.

        Raises:
            StateError: the two do not merge: the number of units has changed.
        """
        for kind, part in seen.parts.items():
            self._trees.setdefault(kind, MergeTree()).add(part)
        if seen.rows is not None:
            self._gather(seen.rows)

    def total(self) -> dict[type[Statistic], Any]:
        """Everything taken so far, by statistic; of a site without finite samples only what is not finite."""
        gathered = {kind: kind(*rows.total()) for kind, rows in self._gathered.items()}
        return {kind: tree.total() for kind, tree in self._trees.items()} | gathered

    def _gather(self, rows: Block) -> None:
        units = rows.z.shape[2]
        for kind in self._of:
            if issubclass(kind, CoMoment) and self._is_kept(kind, units):
                if kind not in self._gathered:
                    self._gathered[kind] = CovarianceAccumulator(units, product=runtime_product())
                kind.accumulate(rows, self._gathered[kind])

    def _is_kept(self, kind: type[Statistic], units: int) -> bool:
        return units <= self._squares or not issubclass(kind, CoMoment)

    def _keys(self, block: Block, finite: Bools) -> Array | None:
        if self._seed is None:
            return None
        keys = np.zeros((len(finite), block.z.shape[1]), dtype=np.uint64)
        if finite.any():
            keys[finite] = pattern_keys(block, seed=self._seed).reshape(-1, block.z.shape[1])
        return keys


def values_to_tap(site: Site, statistics: Iterable[type[Statistic]]) -> tuple[str, ...]:
    """The pre-activation, and the activation too where a statistic reads it and it is not simply max(z, 0)."""
    if site.activation is None or site.kind in RECTIFIERS or CoMoment not in statistics:
        return (site.value,)
    return site.value, site.activation


@dataclass(frozen=True, eq=False)
class BatchResult:
    """What one run showed.

    Args:
        found: of each site, in order.
        keep: merges what was found with everything before it, site by site, in any order or beside each other.
        outputs: what the session gave out, by name.
    """

    found: Sequence[SiteBatchResult]
    keep: Sequence[Callable[[], None]]
    outputs: Mapping[str, Array]
