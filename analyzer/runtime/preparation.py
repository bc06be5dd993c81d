"""Everything that has to stand before the first batch: sites, instrumented session, collectors."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from ..data import InputSpec, fixed_batch, input_specs
from ..errors import ModelError, OptionError
from ..model.external_data import hash_files
from ..model.loading import Model
from ..options import GLOBAL, Options
from ..passes.expose_values import InstrumentPass
from ..sites import Site, find_sites
from ..stats import Points, Statistic, UnitRanges
from .probe_setup import PORTABLE, Probing, choose_backend
from .session import Session, describe, open_session
from .stream import MOST, Stream
from .tap_accumulator import TapAccumulator, values_to_tap
from .tap_runner import TapRunner

INPUT_BYTES = 16 << 20
"""What the inputs read at once should take together, where the user set no batch."""


@dataclass(frozen=True, eq=False)
class Opened:
    """An instrumented model in a session.

    Args:
        model: the model as it was.
        session: what runs it, its sites tapped.
        every_site: every site, those that cannot be analysed too.
        sites: those to analyse.
        tapped: the name under which the session gives out each value.
        outputs: what the model itself gives out.
        specs: what it wants to be fed.
    """

    model: Model
    session: Session
    every_site: tuple[Site, ...]
    sites: tuple[Site, ...]
    tapped: Mapping[str, str]
    outputs: tuple[ir.Value, ...]
    specs: tuple[InputSpec, ...]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A model ready to be run over data.

    Args:
        sites: every site, those that cannot be analysed too.
        specs: what the model wants to be fed.
        stream: what runs batches.
        provenance: what a state made with it carries.
        notes: sentences a reader must know.
    """

    sites: tuple[Site, ...]
    specs: tuple[InputSpec, ...]
    stream: Stream
    provenance: Mapping[str, Any]
    notes: tuple[str, ...]


def open_model(model: Model, options: Options) -> Opened:
    """Find the sites, tap them, and start the runtime.

    Raises:
        ModelError: there is nothing to analyse, or the runtime refuses the model.
        OptionError: an option does not fit the model.
        MissingDependencyError: there is no working onnxruntime.
    """
    every_site = find_sites(model.ir)
    sites = options.chosen_sites([site for site in every_site if site.analysable])
    if not sites:
        raise ModelError(_nothing_in(model, every_site))
    outputs = tuple(model.ir.graph.outputs)
    statistics = _statistics(options, labels=True)
    tapping = InstrumentPass(value for site in sites for value in values_to_tap(site, statistics))
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
    return Opened(model, session, every_site, sites, tapping.tapped, outputs, input_specs(session.inputs()))


def prepare(opened: Opened, options: Options, *, labels: bool) -> Prepared:
    """Everything that keeps account of what the session gives out.

    Raises:
        OptionError: a measure needs labels and there are none, or an output is named that is not there.
    """
    measures = options.chosen_measures(labels=labels)
    statistics = tuple(_statistics(options, labels=labels))
    collectors = tuple(
        TapAccumulator(
            site,
            statistics,
            capacity=options.capacity,
            seed=options.seed,
            every_position=options.units == "position",
            squares=options.squares,
            keys=options.wants_global_patterns,
        )
        for site in opened.sites
    )
    scores, notes = _scores(opened.outputs, options.output) if labels else (None, ())
    missed = options.unmatched(opened.every_site)
    notes = (*notes, *(f"No site matches {glob!r}; `relucid sites` lists them." for glob in missed))
    way = choose_backend(opened.model, options)
    stream = Stream(
        TapRunner(opened.session, collectors, tapped=opened.tapped, specs=opened.specs, scores=scores),
        None if way == PORTABLE else Probing(opened.model, way, options, statistics, opened.specs, scores),
        specs=opened.specs,
        scores=scores,
        run_at_once=options.batch,
        workers=options.threads or os.cpu_count() or 1,
        global_patterns=(options.capacity, options.seed) if options.wants_global_patterns else None,
    )
    names = [measure.name for measure in measures] + [GLOBAL] * options.wants_global_patterns
    made = _made(opened, options, measures=names, scores=scores)
    return Prepared(opened.every_site, opened.specs, stream, made, notes)


def _statistics(options: Options, *, labels: bool) -> dict[type[Statistic], None]:
    """What the measures read, each once; every report has the extents and the points."""
    measures = options.chosen_measures(labels=labels)
    return {UnitRanges: None, Points: None} | dict.fromkeys(kind for measure in measures for kind in measure.needs)


def read_at_once(specs: Sequence[InputSpec], batch: int | None) -> int:
    """How many samples to read together: what the user set, what the model is fixed to, or a few megabytes."""
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
    return int(np.clip(INPUT_BYTES // max(1, sum(sizes)), 1, MOST))


def _nothing_in(model: Model, sites: Sequence[Site]) -> str:
    if sites:
        return f"{model.name}: none of its {len(sites)} sites can be analysed; the first: {sites[0].reason}"
    operators = sorted({node.op_type for node in model.ir.graph.all_nodes()})
    return f"{model.name} has no site: no ReLU-like function among its operators ({', '.join(operators)})"


def _scores(outputs: Sequence[ir.Value], output: str | None) -> tuple[str | None, tuple[str, ...]]:
    """The output whose largest entry is the decision: the one named, else the only one with one row per sample."""
    if output is not None:
        if output not in {value.name for value in outputs}:
            names = ", ".join(str(value.name) for value in outputs)
            raise OptionError(f"the model has no output {output!r}; it has {names}")
        return output, ()
    rows = [value for value in outputs if _is_row_of_scores(value)]
    if len(rows) == 1:
        return rows[0].name, ()
    if not rows:
        return None, ("No accuracy: no output of the model has one row of class scores per sample.",)
    names = ", ".join(str(value.name) for value in rows)
    return None, (f"No accuracy: {names} could all hold the class scores; name one with --output.",)


def _is_row_of_scores(value: ir.Value) -> bool:
    sizes = list(value.shape or ())
    many = [d for d in sizes[1:] if d != 1]
    return value.dtype in _FLOATS and len(sizes) >= 2 and len(many) == 1 and sizes[1] != 1


_FLOATS = frozenset({ir.DataType.FLOAT, ir.DataType.DOUBLE, ir.DataType.FLOAT16})


def _made(opened: Opened, options: Options, *, measures: list[str], scores: str | None) -> dict[str, Any]:
    """What decides about the numbers: states made differently do not merge."""
    from ... import __version__  # noqa: PLC0415 - the face imports this room lazily, and this room the face's version

    return {
        "relucid": __version__,
        **describe(),
        "provider": opened.session.provider,
        "optimisation": "off" if options.exact else "all",
        "model": Path(opened.model.name).name,
        "sha256": opened.model.sha256,
        "weights": hash_files(opened.model.weights),
        "measures": measures,
        "sites": [site.name for site in opened.sites],
        "scores": scores,
        "units": options.units,
        "unit_axis": dict(options.unit_axis),
        "capacity": options.capacity,
        "seed": options.seed,
        "squares": options.squares,
    }
