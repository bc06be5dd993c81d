"""Prepare an analysis: find the sites, start onnxruntime on the instrumented model, and build the stream."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from .. import __version__
from ..data import InputSpec, fixed_batch, input_specs
from ..errors import ModelError, OptionError
from ..model.external_data import hash_files
from ..model.loading import Model
from ..options import GLOBAL_PATTERNS, Options
from ..passes.expose_values import InstrumentPass
from ..sites import Site, find_sites
from .probe_setup import PORTABLE, choose_backend, open_probe_runner
from .session import Session, describe, open_session
from .stream import MAX_SAMPLES, Stream
from .tap_accumulator import TapAccumulator, values_to_tap
from .tap_runner import TapRunner

INPUT_BYTES = 16 << 20
"""Size of the inputs that are read at once, if the user set no batch."""


@dataclass(frozen=True, eq=False)
class InstrumentedModel:
    """A model with taps, in a session.

    Args:
        model: the model without taps.
        session: runs the model with taps.
        every_site: every site, also those that cannot be analysed.
        sites: the sites to analyse.
        tapped: the session output of each tapped value, by value name.
        outputs: the outputs of the model without taps.
        specs: the model's inputs.
    """

    model: Model
    session: Session
    every_site: tuple[Site, ...]
    sites: tuple[Site, ...]
    tapped: Mapping[str, str]
    outputs: tuple[ir.Value, ...]
    specs: tuple[InputSpec, ...]


def open_model(model: Model, options: Options) -> InstrumentedModel:
    """Find the sites of a model, tap them, and start onnxruntime.

    Raises:
        ModelError: there is nothing to analyse, or onnxruntime refuses the model.
        OptionError: an option does not fit the model.
        MissingDependencyError: there is no working onnxruntime.
    """
    every_site = find_sites(model.ir)
    sites = options.select_sites([site for site in every_site if site.analysable])
    if not sites:
        raise ModelError(_explain_no_sites(model, every_site))
    outputs = tuple(model.ir.graph.outputs)
    statistics = options.select_statistics(labels=True)
    values = [value for site in sites for value in values_to_tap(site, statistics)]
    tapping = InstrumentPass(values)
    graph = model.ir.clone()
    tapping(graph)
    session = open_session(
        replace(model, ir=graph),
        provider=options.provider,
        exact=options.exact,
        threads=options.threads,
        custom_ops=options.custom_ops,
    )
    chosen = {site.name: site for site in sites}
    every_site = tuple(chosen.get(site.name, site) for site in every_site)
    return InstrumentedModel(model, session, every_site, sites, tapping.tapped, outputs, input_specs(session.inputs()))


def build_stream(opened: InstrumentedModel, options: Options, *, labels: bool) -> Stream:
    """Build the stream that runs data through the model and merges the statistics that the measures need.

    Args:
        opened: the model, from `open_model`.
        options: the options of the analysis.
        labels: whether the data has labels.

    Raises:
        OptionError: a measure needs labels and there are none, or the model has no output of the given name.
    """
    statistics = options.select_statistics(labels=labels)
    scores, notes = _find_scores(opened.outputs, options.output) if labels else (None, ())
    provenance = _build_provenance(opened, options, labels=labels, scores=scores)
    unmatched = options.unmatched_globs(opened.every_site)
    notes = (*notes, *(f"No site matches {glob!r}; `relucid sites` lists them." for glob in unmatched))
    accumulators = tuple(
        TapAccumulator(
            site,
            statistics,
            capacity=options.capacity,
            seed=options.seed,
            every_position=options.units == "position",
            squares=options.squares,
            keys=options.counts_global_patterns,
        )
        for site in opened.sites
    )
    backend = choose_backend(opened.model, options)
    open_probes = partial(
        open_probe_runner,
        opened.model,
        options,
        accumulators,
        backend=backend,
        statistics=statistics,
        specs=opened.specs,
        scores=scores,
    )
    return Stream(
        TapRunner(opened.session, accumulators, tapped=opened.tapped, specs=opened.specs, scores=scores),
        None if backend == PORTABLE else open_probes,
        sites=opened.every_site,
        specs=opened.specs,
        scores=scores,
        batch=options.batch,
        workers=options.threads or os.cpu_count() or 1,
        global_patterns=(options.capacity, options.seed) if options.counts_global_patterns else None,
        provenance=provenance,
        notes=notes,
    )


def read_at_once(specs: Sequence[InputSpec], batch: int | None) -> int:
    """Return how many samples to read at once: the model's fixed batch, the user's batch, or `INPUT_BYTES` of them."""
    fixed = fixed_batch(specs)
    if fixed is not None:
        return fixed
    if batch is not None:
        return batch
    sizes = [
        spec.dtype.itemsize * int(np.prod([d for d in spec.shape or () if isinstance(d, int)], dtype=np.int64))
        for spec in specs
        if spec.sample_axis is not None
    ]
    return int(np.clip(INPUT_BYTES // max(1, sum(sizes)), 1, MAX_SAMPLES))


def _explain_no_sites(model: Model, sites: Sequence[Site]) -> str:
    if sites:
        return f"{model.name}: none of its {len(sites)} sites can be analysed; the first: {sites[0].reason}"
    operators = sorted({node.op_type for node in model.ir.graph.all_nodes()})
    return f"{model.name} has no site: no ReLU-like function among its operators ({', '.join(operators)})"


def _find_scores(outputs: Sequence[ir.Value], output: str | None) -> tuple[str | None, tuple[str, ...]]:
    """Return the name of the output with the class scores, and notes if there is none.

    It is the output that the user named, else the only one with one row of scores per sample.
    """
    if output is not None:
        names = [str(value.name) for value in outputs]
        if output not in names:
            raise OptionError(f"expected an output of the model ({', '.join(names)}), got {output!r}; name one of them")
        return output, ()
    rows = [value for value in outputs if _is_row_of_scores(value)]
    if len(rows) == 1:
        return rows[0].name, ()
    if not rows:
        return None, ("No accuracy: no output of the model has one row of class scores per sample.",)
    both = ", ".join(str(value.name) for value in rows)
    return None, (f"No accuracy: {both} could all hold the class scores; name one with --output.",)


def _is_row_of_scores(value: ir.Value) -> bool:
    sizes = list(value.shape or ())
    many = [d for d in sizes[1:] if d != 1]
    return value.dtype in _FLOATS and len(sizes) >= 2 and len(many) == 1 and sizes[1] != 1


_FLOATS = frozenset({ir.DataType.FLOAT, ir.DataType.DOUBLE, ir.DataType.FLOAT16})


def _build_provenance(
    opened: InstrumentedModel, options: Options, *, labels: bool, scores: str | None
) -> dict[str, Any]:
    """Return everything that determines the numbers: states merge only if it is the same."""
    measures = [measure.name for measure in options.select_measures(labels=labels)]
    return {
        "relucid": __version__,
        **describe(),
        "provider": opened.session.provider,
        "optimisation": "off" if options.exact else "all",
        "model": Path(opened.model.name).name,
        "sha256": opened.model.sha256,
        "weights": hash_files(opened.model.weights),
        "measures": measures + [GLOBAL_PATTERNS] * options.counts_global_patterns,
        "sites": [site.name for site in opened.sites],
        "scores": scores,
        **options.provenance,
    }
