"""Where probes come from: which can serve here, and how a model is probed once it is seen how its values lie."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..data import InputSpec
from ..errors import ModelError
from ..model.loading import Model
from ..native import PatternTable, library_path
from ..options import Options
from ..passes.expose_values import InstrumentPass
from ..passes.probe import Probe, ProbePass
from ..passes.probe_functions import FIRST_IR_VERSION, OLDEST_OPSET
from ..sites import Site
from ..stats import CoMoment, LabelledPatterns, Patterns, PreactivationCoMoment, Statistic
from .optimized_graph import OptimizedGraph, optimize_graph
from .probe_accumulator import SERVED, PairTable, ProbeAccumulator
from .probe_runner import ProbeRunner
from .session import open_session
from .tap_accumulator import TapAccumulator

Array = NDArray[Any]

NATIVE, FUNCTIONS, PORTABLE = "native", "functions", "portable"
"""How the numbers are made: by probes in native code, by probes that are functions of the model, by numpy from taps."""


def choose_backend(model: Model, options: Options) -> str:
    """How the numbers of a model can be made: by native probes on the CPU, by those that are functions elsewhere."""
    if options.portable:
        return PORTABLE
    if options.provider == "cpu":
        return NATIVE if library_path() is not None else PORTABLE
    fits = model.ir.opset_imports.get("", 0) >= OLDEST_OPSET and model.ir.ir_version >= FIRST_IR_VERSION
    return FUNCTIONS if fits else PORTABLE


@dataclass(frozen=True, eq=False)
class Layout:
    """How the values of a model lie, without the values.

    Args:
        values: shape and dtype of each, by name, as empty arrays that take no memory.
        batch: how many samples they are of, told apart rightly.
    """

    values: Mapping[str, Array]
    batch: int

    @classmethod
    def of(cls, values: Mapping[str, Array], *, batch: int) -> Self:
        """The layout of some values.

        >>> Layout.of({"z": np.ones((2, 3))}, batch=2).values["z"].shape
        (2, 3)
        """
        return cls({name: np.broadcast_to(np.empty((), z.dtype), z.shape) for name, z in values.items()}, batch)

    def weight(self, names: Iterable[str]) -> int:
        """Bytes of the values of these names for one sample, at least 1."""
        return max(1, sum(self.values[name].nbytes for name in names) // self.batch)


@dataclass(frozen=True, eq=False)
class Probing:
    """What puts probes into a model.

    Args:
        model: the model, without taps.
        way: `NATIVE` or `FUNCTIONS`.
        options: how to analyse.
        statistics: what to keep of every site.
        specs: the model's inputs.
        scores: the output that decides, if accuracy is wanted.
    """

    model: Model
    way: str
    options: Options
    statistics: Sequence[type[Statistic]]
    specs: Sequence[InputSpec]
    scores: str | None

    def open(self, collectors: Sequence[TapAccumulator], layout: Layout) -> ProbeRunner | None:
        """The model with a probe at every site that one can serve, in a session; None if none can.

        Args:
            collectors: one for each site, in order.
            layout: how their values lie.

        Raises:
            ModelError: the runtime refuses the model with probes.
        """
        probes = [
            probe
            for collector in collectors
            if (probe := self._probe(collector.site, [layout.values[v] for v in collector.values], layout.batch))
        ]
        if not probes:
            return None
        # What the runtime finds no room for, or cannot read again though it wrote it, is probed as every other model.
        with suppress(ModelError, OSError), self._optimised(collectors, probes) as optimised:
            if optimised is not None:
                return self._open(collectors, probes, optimised)
        return self._open(collectors, probes, OptimizedGraph(self.model, optimised=self.options.exact))

    def _optimised(
        self, collectors: Sequence[TapAccumulator], probes: Sequence[Probe]
    ) -> AbstractContextManager[OptimizedGraph | None]:
        """The model as the runtime has optimised it, where native probes find values in blocks there."""
        options = self.options
        if self.way != NATIVE or options.exact or options.units == "position":
            return nullcontext()
        first = {probe.site.name for probe in probes if (probe.sample_axis, probe.unit_axis) == (0, 1)}
        values = {value for each in collectors for value in each.values}
        others = {value for each in collectors if each.site.name not in first for value in each.values}
        return optimize_graph(
            self.model, values, blocks=values - others, threads=options.threads, custom_ops=options.custom_ops
        )

    def _open(
        self, collectors: Sequence[TapAccumulator], probes: Sequence[Probe], model: OptimizedGraph
    ) -> ProbeRunner:
        """The probed model in a session."""
        options, graph = self.options, model.model.ir.clone()
        probing = ProbePass(
            probes,
            seed=options.seed,
            every_position=options.units == "position",
            bodies=self.way == FUNCTIONS,
            blocked=model.blocked,
            block=model.block,
        )
        probing(graph)
        left = [collector for collector in collectors if collector.site.name not in probing.named]
        tapping = InstrumentPass(value for collector in left for value in collector.values)
        tapping(graph)
        session = open_session(
            replace(model.model, ir=graph),
            provider=options.provider,
            exact=model.optimised,
            threads=options.threads,
            custom_ops=options.custom_ops,
            native=library_path() if self.way == NATIVE else None,
        )
        numbers = {probe.site.name: self._numbers(probe.site) for probe in probes}
        return ProbeRunner(
            session,
            collectors,
            numbers=numbers,
            named=probing.named,
            tapped=tapping.tapped,
            specs=self.specs,
            scores=self.scores,
        )

    def _numbers(self, site: Site) -> ProbeAccumulator:
        options, native = self.options, library_path() is not None
        return ProbeAccumulator(
            site,
            self.statistics,
            capacity=options.capacity,
            seed=options.seed,
            table=PatternTable(options.capacity) if native and Patterns in self.statistics else None,
            pairs=PairTable(options.capacity) if native and LabelledPatterns in self.statistics else None,
        )

    def _probe(self, site: Site, values: Sequence[Array], batch: int) -> Probe | None:
        """The probe of a site, from its pre-activations and, where a statistic reads it, its activations."""
        z, every_position = values[0], self.options.units == "position"
        axes = axes_of(z, site, batch=batch)
        if axes is None or not SERVED.issuperset(self.statistics) or any(h.shape != z.shape for h in values):
            return None
        sample, unit = axes
        if z.dtype == np.float64 and np.float32(site.threshold) != site.threshold:
            return None
        units = z.size // batch if every_position else z.shape[unit]
        kept = {kind for kind in self.statistics if units <= self.options.squares or not issubclass(kind, CoMoment)}
        return Probe(
            site=site,
            sample_axis=sample,
            unit_axis=unit,
            double=z.dtype == np.float64,
            keys=any(issubclass(kind, Patterns) for kind in kept) or self.options.counts_global_patterns,
            comoment=CoMoment in kept,
            preactivation_comoment=PreactivationCoMoment in kept,
        )


def axes_of(z: Array, site: Site, *, batch: int) -> tuple[int, int] | None:
    """The axes of samples and of units, where z has one of each and numbers a probe can read; else None.

    >>> site = Site(name="", value="", kind="relu", unit_axis=-1)
    >>> axes_of(np.ones((2, 3, 4), np.float32), site, batch=2), axes_of(np.ones((6, 4), np.float32), site, batch=2)
    ((0, 2), None)
    """
    if z.ndim < 2 or not z.size or z.dtype not in (np.float16, np.float32, np.float64):
        return None
    sample = site.sample_axis if site.sample_axis < z.ndim else 0
    unit = site.unit_axis % z.ndim if -z.ndim <= site.unit_axis < z.ndim else z.ndim - 1
    return (sample, unit) if z.shape[sample] == batch and sample != unit else None
