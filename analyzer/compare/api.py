"""compare() and compare_chain(): two states of a network, or a chain of states, on the same data."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..data import open_data, rebatch
from ..errors import OptionError
from ..model.external_data import hash_files
from ..model.loading import Model, load
from ..options import MAX_COVARIANCE_UNITS, Kind, MeasureName, Options, Provider, Units
from ..runtime.preparation import InstrumentedModel, open_model, read_at_once
from ..runtime.session import describe
from ..stats.patterns import CAPACITY
from .comparison import Comparison, Course, build_comparison, build_course, list_pairs
from .matching import match_inputs, match_sites
from .runner import ModelRunner, run_models
from .site_changes import ChangeAccumulator, NetworkChanges, Pair


def compare(
    before: Any,
    after: Any,
    data: Any,
    *,
    inputs: Mapping[str, str] | None = None,
    preprocess: str | os.PathLike[str] | None = None,
    sites: str | Sequence[str] | None = None,
    kinds: Kind | Sequence[Kind] | None = None,
    unit_axis: Mapping[str, int] | None = None,
    units: Units = "channel",
    batch: int | None = None,
    limit: int | None = None,
    provider: Provider = "cpu",
    exact: bool = False,
    threads: int | None = None,
    capacity: int = CAPACITY,
    seed: int = 0,
    squares: int = MAX_COVARIANCE_UNITS,
    custom_ops: str | os.PathLike[str] | None = None,
    example_inputs: Any = None,
) -> Comparison:
    """Compare the decisions of two states of a network on the same data.

    For every site: distance D and temperature T = -log2(1 - D), flips of each unit, Jaccard similarities of the
    patterns, numbers of added and removed patterns, entropy and VNI before and after.

    Args:
        before: a model, as in `analyze`.
        after: a model with the same site names, or the same numbers of units in the same order.
        data: as in `analyze`.
        inputs: names of arrays in the data by input of the first model, where they differ.
        preprocess: as in `analyze`.
        sites: names or globs of sites; default all.
        kinds: kind or kinds of sites; default all.
        unit_axis: axis that counts units, by site; overrides the detected one.
        units: "channel" to count each coordinate of the unit axis, "position" to count each (position, unit) as a unit.
        batch: samples per run; None chooses by memory.
        limit: maximum number of samples to read.
        provider: "cpu" or "cuda".
        exact: disable the runtime's graph optimisations.
        threads: threads of the runtime and of the statistics; default all cores.
        capacity: maximum number of distinct patterns per site and state that are counted exactly.
        seed: seed of random data and of pattern keys.
        squares: maximum number of units of a site for VNI.
        custom_ops: library of custom operators to load.
        example_inputs: arguments of the forward of a torch module.

    Raises:
        RelucidError: a model, the data or an option is invalid; see its subclasses.

    >>> import relucid
    >>> change = relucid.compare(relucid.demo.model(), relucid.demo.model(), relucid.demo.data(), limit=20)
    >>> [site.distance for site in change] == [0.0] * 7
    True
    """
    options = Options.of(
        measures=MEASURES,
        sites=sites,
        kinds=kinds,
        unit_axis=unit_axis,
        units=units,
        batch=batch,
        limit=limit,
        provider=provider,
        exact=exact,
        threads=threads,
        capacity=capacity,
        seed=seed,
        squares=squares,
        custom_ops=custom_ops,
    )
    models = [load(model, example_inputs=example_inputs) for model in (before, after)]
    return build_comparison(observe_models(models, data, options, pairs=[(0, 1)], inputs=inputs, preprocess=preprocess))


def compare_chain(
    models: Sequence[Any],
    data: Any,
    *,
    inputs: Mapping[str, str] | None = None,
    preprocess: str | os.PathLike[str] | None = None,
    sites: str | Sequence[str] | None = None,
    kinds: Kind | Sequence[Kind] | None = None,
    unit_axis: Mapping[str, int] | None = None,
    units: Units = "channel",
    batch: int | None = None,
    limit: int | None = None,
    provider: Provider = "cpu",
    exact: bool = False,
    threads: int | None = None,
    capacity: int = CAPACITY,
    seed: int = 0,
    squares: int = MAX_COVARIANCE_UNITS,
    custom_ops: str | os.PathLike[str] | None = None,
    example_inputs: Any = None,
) -> Course:
    """Compare each state of a chain, such as the checkpoints of a training, with the first, last and previous one.

    All models are in memory at once, and the data is read once.

    Args:
        models: at least two models as in `analyze`, in the order of training.
        data: as in `analyze`.
        inputs: as in `compare`.
        preprocess: as in `compare`.
        sites: as in `compare`.
        kinds: as in `compare`.
        unit_axis: as in `compare`.
        units: as in `compare`.
        batch: as in `compare`.
        limit: as in `compare`.
        provider: as in `compare`.
        exact: as in `compare`.
        threads: as in `compare`.
        capacity: as in `compare`.
        seed: as in `compare`.
        squares: as in `compare`.
        custom_ops: as in `compare`.
        example_inputs: as in `compare`.

    Raises:
        RelucidError: a model, the data or an option is invalid; see its subclasses.

    >>> import relucid
    >>> course = relucid.compare_chain([relucid.demo.model()] * 3, relucid.demo.data(), limit=20)
    >>> course.mean_weighted_jaccard_to_first
    (1.0, 1.0, 1.0)
    """
    options = Options.of(
        measures=MEASURES,
        sites=sites,
        kinds=kinds,
        unit_axis=unit_axis,
        units=units,
        batch=batch,
        limit=limit,
        provider=provider,
        exact=exact,
        threads=threads,
        capacity=capacity,
        seed=seed,
        squares=squares,
        custom_ops=custom_ops,
    )
    if isinstance(models, str | bytes | os.PathLike):
        raise OptionError(f"expected a list of models, got {models!r}; use `compare` for two models")
    loaded = [load(model, example_inputs=example_inputs) for model in models]
    pairs = list_pairs(len(loaded))
    return build_course(observe_models(loaded, data, options, pairs=pairs, inputs=inputs, preprocess=preprocess))


MEASURES: tuple[MeasureName, ...] = ("units", "patterns", "vni")
"""The measures of `analyze` whose statistics a comparison needs."""


def observe_models(
    models: Sequence[Model],
    data: Any,
    options: Options,
    *,
    pairs: Sequence[Pair],
    inputs: Mapping[str, str] | None = None,
    preprocess: str | os.PathLike[str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> NetworkChanges:
    """Run all models over the data once and compute the statistics of every site and the changes between models.

    Args:
        models: the models, as returned by `load`; each must be loaded separately.
        data: as in `analyze`.
        options: options of the analysis.
        pairs: numbers of the models to compare.
        inputs: as in `compare`.
        preprocess: as in `analyze`.
        progress: called with the number of samples after every run.

    Raises:
        ModelError, DataError, OptionError, MissingDependencyError: see their docstrings.
    """
    names = distinguish_names([model.name for model in models])
    opened = [open_model(model, options) for model in models]
    specs = opened[0].specs
    matches, notes = match_sites([(name, each.sites) for name, each in zip(names, opened, strict=True)])
    runners = []
    for name, each, sites in zip(names, opened, zip(*matches, strict=True), strict=True):
        input_names, more = match_inputs((names[0], specs), (name, each.specs))
        notes = (*notes, *more)
        runners.append(ModelRunner(name, each, sites, input_names, options.units == "position"))
    accumulators = [
        ChangeAccumulator(
            sites, pairs, capacity=options.capacity, seed=options.seed, max_covariance_units=options.squares
        )
        for sites in matches
    ]
    feeds = open_data(
        data,
        specs,
        columns=inputs,
        preprocess=None if preprocess is None else Path(preprocess),
        seed=options.seed,
    )
    samples, run_notes = run_models(
        runners,
        accumulators,
        rebatch(feeds, specs, batch=read_at_once(specs, options.batch), limit=options.limit),
        specs=specs,
        run_at_once=options.batch,
        workers=options.threads or os.cpu_count() or 1,
        progress=progress,
    )
    return NetworkChanges(
        states=names,
        sites=tuple(accumulator.total() for accumulator in accumulators),
        samples=samples,
        provenance=_provenance(models, opened, names, options),
        notes=(*notes, *run_notes),
        not_analysable=tuple(
            dict.fromkeys(
                (site.name, site.kind, site.reason) for each in opened for site in each.every_site if site.reason
            )
        ),
    )


def distinguish_names(names: Sequence[str]) -> tuple[str, ...]:
    """Shorten the names of models to file names if these differ; number them if the paths are equal too.

    >>> distinguish_names(["a/x.onnx", "a/y.onnx"]), distinguish_names(["a/x.onnx", "b/x.onnx"])
    (('x.onnx', 'y.onnx'), ('a/x.onnx', 'b/x.onnx'))
    >>> distinguish_names(["x", "x"])
    ('x (1)', 'x (2)')
    """
    short = tuple(Path(name).name for name in names)
    for each in (short, tuple(names)):
        if len(set(each)) == len(names):
            return each
    return tuple(f"{name} ({number})" for number, name in enumerate(short, 1))


def _provenance(
    models: Sequence[Model], opened: Sequence[InstrumentedModel], names: Sequence[str], options: Options
) -> dict[str, Any]:
    return {
        "relucid": __version__,
        **describe(),
        "provider": opened[0].session.provider,
        "optimisation": "off" if options.exact else "all",
        "model": f"{names[0]} → {names[-1]}" + (f", {len(names)} models" if len(names) > 2 else ""),
        "models": list(names),
        "sha256": [model.sha256 for model in models],
        "weights": [hash_files(model.weights) for model in models],
        **options.provenance,
    }
