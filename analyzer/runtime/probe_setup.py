"""Choose how the statistics of a model are computed, and open a session on the model with probes at its sites."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

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
from .optimized_graph import block_size, optimize_graph
from .probe_accumulator import SERVED, ProbeAccumulator
from .probe_runner import ProbeRunner
from .session import open_session
from .tap_accumulator import TapAccumulator

Array = NDArray[Any]

NATIVE, FUNCTIONS, PORTABLE = "native", "functions", "portable"
"""Backends: probes in native code; probes that are ONNX functions in the model; numpy, from taps."""


def choose_backend(model: Model, options: Options) -> str:
    """Return the backend for a model: NATIVE on the CPU, FUNCTIONS on other providers, PORTABLE if neither works."""
    if options.portable:
        return PORTABLE
    if options.provider == "cpu":
        return NATIVE if library_path() is not None else PORTABLE
    fits = model.ir.opset_imports.get("", 0) >= OLDEST_OPSET and model.ir.ir_version >= FIRST_IR_VERSION
    return FUNCTIONS if fits else PORTABLE


def open_probe_runner(
    model: Model,
    options: Options,
    accumulators: Sequence[TapAccumulator],
    values: Mapping[str, Array],
    batch: int,
    *,
    backend: str,
    statistics: Sequence[type[Statistic]],
    specs: Sequence[InputSpec],
    scores: str | None,
) -> ProbeRunner | None:
    """Open a session on the model with a probe at every site that allows one; return None if no site does.

    Args:
        model: the model without taps.
        options: the options of the analysis.
        accumulators: one for each site, in order.
        values: the tapped values of one run by name, of which only shape and dtype are read.
        batch: number of samples in that run; its sample axes have been checked.
        backend: NATIVE or FUNCTIONS.
        statistics: the types of the statistics to compute at every site.
        specs: the model's inputs.
        scores: the output with the class scores, if accuracy is computed.

    Raises:
        ModelError: onnxruntime refuses the model with probes.
    """
    probes = [
        probe
        for each in accumulators
        if (probe := choose_probe(each.site, [values[name] for name in each.values], batch, options, statistics))
    ]
    if not probes:
        return None

    def open_runner(model: Model, blocked: Mapping[str, tuple[str, int]], *, exact: bool) -> ProbeRunner:
        graph = model.ir.clone()
        probing = ProbePass(
            probes,
            seed=options.seed,
            every_position=options.units == "position",
            bodies=backend == FUNCTIONS,
            blocked=blocked,
            block=block_size() if blocked else 1,
        )
        probing(graph)
        left = [each for each in accumulators if each.site.name not in probing.named]
        tapping = InstrumentPass(value for each in left for value in each.values)
        tapping(graph)
        session = open_session(
            replace(model, ir=graph),
            provider=options.provider,
            exact=exact,
            threads=options.threads,
            custom_ops=options.custom_ops,
            native=library_path() if backend == NATIVE else None,
        )
        return ProbeRunner(
            session,
            accumulators,
            probed={probe.site.name: _accumulator(probe.site, options, statistics) for probe in probes},
            outputs=probing.named,
            tapped=tapping.tapped,
            specs=specs,
            scores=scores,
            backend=backend,
        )

    if backend == NATIVE and not options.exact and options.units != "position":
        names = {name for each in accumulators for name in each.values}
        channels_first = {probe.site.name for probe in probes if (probe.sample_axis, probe.unit_axis) == (0, 1)}
        plain = {name for each in accumulators if each.site.name not in channels_first for name in each.values}
        # If onnxruntime cannot write or read the optimized graph, probes are added to the model itself.
        with (
            suppress(ModelError, OSError),
            optimize_graph(
                model, names, blocks=names - plain, threads=options.threads, custom_ops=options.custom_ops
            ) as optimized,
        ):
            if optimized is not None:
                return open_runner(*optimized, exact=True)
    return open_runner(model, {}, exact=options.exact)


def choose_probe(
    site: Site, values: Sequence[Array], batch: int, options: Options, statistics: Sequence[type[Statistic]]
) -> Probe | None:
    """Return the probe of a site, or None if its values or statistics need taps.

    Args:
        site: the site.
        values: its pre-activations in the model's axes and, where a statistic reads them, its activations.
        batch: number of samples in them.
        options: the options of the analysis.
        statistics: the types of the statistics to compute.
    """
    z, every_position = values[0], options.units == "position"
    axes = find_axes(z, site, batch=batch)
    if axes is None or not SERVED.issuperset(statistics) or any(h.shape != z.shape for h in values):
        return None
    sample, unit = axes
    if z.dtype == np.float64 and np.float32(site.threshold) != site.threshold:
        return None
    units = z.size // batch if every_position else z.shape[unit]
    kept = {kind for kind in statistics if units <= options.squares or not issubclass(kind, CoMoment)}
    return Probe(
        site=site,
        sample_axis=sample,
        unit_axis=unit,
        double=z.dtype == np.float64,
        keys=any(issubclass(kind, Patterns) for kind in kept) or options.counts_global_patterns,
        comoment=CoMoment in kept,
        preactivation_comoment=PreactivationCoMoment in kept,
    )


def find_axes(z: Array, site: Site, *, batch: int) -> tuple[int, int] | None:
    """Return the sample axis and the unit axis of pre-activations; None if a probe cannot read them.

    >>> site = Site(name="", value="", kind="relu", unit_axis=-1)
    >>> find_axes(np.ones((2, 3, 4), np.float32), site, batch=2), find_axes(np.ones((6, 4), np.float32), site, batch=2)
    ((0, 2), None)
    """
    if z.ndim < 2 or not z.size or z.dtype not in (np.float16, np.float32, np.float64):
        return None
    sample = site.sample_axis if site.sample_axis < z.ndim else 0
    unit = site.unit_axis % z.ndim if -z.ndim <= site.unit_axis < z.ndim else z.ndim - 1
    return (sample, unit) if z.shape[sample] == batch and sample != unit else None


def _accumulator(site: Site, options: Options, statistics: Sequence[type[Statistic]]) -> ProbeAccumulator:
    native = library_path() is not None
    return ProbeAccumulator(
        site,
        statistics,
        capacity=options.capacity,
        seed=options.seed,
        table=PatternTable(options.capacity) if native and Patterns in statistics else None,
        pairs=PatternTable(options.capacity) if native and LabelledPatterns in statistics else None,
    )
