"""compare() and compare_chain(): two states of a network, or its course over many, on the same data."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..data import open_data, rebatch
from ..errors import OptionError
from ..model.external_data import hash_files
from ..model.loading import Model, load
from ..options import SQUARES, Kind, MeasureName, Options, Provider, Units, as_sequence
from ..runtime.preparation import Opened, open_model, read_at_once
from ..runtime.session import describe
from ..stats.patterns import CAPACITY
from .comparison import Comparison, Course, compared, followed, wanted_pairs
from .matching import match_inputs, match_sites
from .runner import Member, Together
from .site_changes import Contraster, Contrasts, Pair


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
    squares: int = SQUARES,
    custom_ops: str | os.PathLike[str] | None = None,
    example_inputs: Any = None,
) -> Comparison:
    """How much of what a network decides has changed between two of its states, on the same data.

    Of every site: distance D and temperature T = -log2(1 - D), how often each unit flipped, Jaccard similarities of
    the patterns, how many came and went, entropy and VNI before and after.

    Args:
        before: a model, given as for `analyze`.
        after: another, whose sites have the same names, or the same numbers of units in the same order.
        data: as in `analyze`.
        inputs: names in the data, by input of the first model, where they differ.
        preprocess: as in `analyze`, and so the rest.
        sites: names or globs of sites; None means all.
        kinds: kinds of sites; None means all.
        unit_axis: the axis that counts units, by site, where the one found is wrong.
        units: "channel", or "position" to count every (position, unit) as a unit of its own.
        batch: samples in one run; None lets relucid choose.
        limit: read at most so many samples.
        provider: "cpu" or "cuda".
        exact: turn the runtime's graph optimisations off.
        threads: of the runtime and of the statistics; None: all cores.
        capacity: most distinct patterns per site and state that are counted exactly.
        seed: of random data and pattern keys.
        squares: most units of a site for which VNI is computed.
        custom_ops: a library of custom operators.
        example_inputs: arguments of a torch module's forward.

    Raises:
        RelucidError: one of its children; the message says what was wanted, what came and what to do.

    >>> import relucid
    >>> change = relucid.compare(relucid.demo.model(), relucid.demo.model(), relucid.demo.data(), limit=20)
    >>> [site.distance for site in change] == [0.0] * 7
    True
    """
    options = Options(
        measures=MEASURES,
        sites=sites,
        kinds=as_sequence(kinds),
        unit_axis=dict(unit_axis or {}),
        units=units,
        batch=batch,
        limit=limit,
        provider=provider,
        exact=exact,
        threads=threads,
        capacity=capacity,
        seed=seed,
        squares=squares,
        custom_ops=None if custom_ops is None else Path(custom_ops),
    )
    models = [load(model, example_inputs=example_inputs) for model in (before, after)]
    return compared(observe_all(models, data, options, pairs=[(0, 1)], inputs=inputs, preprocess=preprocess))


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
    squares: int = SQUARES,
    custom_ops: str | os.PathLike[str] | None = None,
    example_inputs: Any = None,
) -> Course:
    """The course of a network over several checkpoints: each compared with the first, the last and the one before.

    All models stand in memory at once, so that the data is walked once.

    Args:
        models: at least two, in the order of training, each given as for `analyze`.
        data: as in `analyze`.
        inputs: as in `compare`, and so the rest.
        preprocess: as in `analyze`.
        sites: names or globs of sites; None means all.
        kinds: kinds of sites; None means all.
        unit_axis: the axis that counts units, by site, where the one found is wrong.
        units: "channel", or "position".
        batch: samples in one run; None lets relucid choose.
        limit: read at most so many samples.
        provider: "cpu" or "cuda".
        exact: turn the runtime's graph optimisations off.
        threads: of the runtime and of the statistics; None: all cores.
        capacity: most distinct patterns per site and state that are counted exactly.
        seed: of random data and pattern keys.
        squares: most units of a site for which VNI is computed.
        custom_ops: a library of custom operators.
        example_inputs: arguments of a torch module's forward.

    Raises:
        RelucidError: one of its children; the message says what was wanted, what came and what to do.

    >>> import relucid
    >>> course = relucid.compare_chain([relucid.demo.model()] * 3, relucid.demo.data(), limit=20)
    >>> course.mean_weighted_jaccard_to_first
    (1.0, 1.0, 1.0)
    """
    options = Options(
        measures=MEASURES,
        sites=sites,
        kinds=as_sequence(kinds),
        unit_axis=dict(unit_axis or {}),
        units=units,
        batch=batch,
        limit=limit,
        provider=provider,
        exact=exact,
        threads=threads,
        capacity=capacity,
        seed=seed,
        squares=squares,
        custom_ops=None if custom_ops is None else Path(custom_ops),
    )
    if isinstance(models, str | bytes | os.PathLike):
        raise OptionError(f"a chain wants a list of models, came {models!r}")
    loaded = [load(model, example_inputs=example_inputs) for model in models]
    pairs = wanted_pairs(len(loaded))
    return followed(observe_all(loaded, data, options, pairs=pairs, inputs=inputs, preprocess=preprocess))


MEASURES: tuple[MeasureName, ...] = ("units", "patterns", "vni")
"""The measures of `analyze` whose statistics a comparison reads."""


def observe_all(
    models: Sequence[Model],
    data: Any,
    options: Options,
    *,
    pairs: Sequence[Pair],
    inputs: Mapping[str, str] | None = None,
    preprocess: str | os.PathLike[str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Contrasts:
    """Run all models over the data once and gather what every site shows in each, and what changes between them.

    Args:
        models: what `load` gave, each loaded by itself.
        data: as in `analyze`.
        options: how to analyse; `batch`, `limit` and all others mean the same.
        pairs: numbers of the models to compare with each other.
        inputs: as in `compare`.
        preprocess: as in `analyze`.
        progress: called with the number of samples after every run.

    Raises:
        ModelError, DataError, OptionError, MissingDependencyError: see their docstrings.
    """
    names = called([model.name for model in models])
    opened = [open_model(model, options) for model in models]
    specs = opened[0].specs
    matches, notes = match_sites([(name, each.sites) for name, each in zip(names, opened, strict=True)])
    members = []
    for number, (name, each) in enumerate(zip(names, opened, strict=True)):
        fed, more = match_inputs((names[0], specs), (name, each.specs))
        notes = (*notes, *more)
        members.append(Member(name, each, tuple(m.sites[number] for m in matches), fed, options.units == "position"))
    together = Together(
        members,
        [
            Contraster(match, pairs, capacity=options.capacity, seed=options.seed, squares=options.squares)
            for match in matches
        ],
        specs=specs,
        run_at_once=options.batch,
        workers=options.threads or os.cpu_count() or 1,
    )
    feeds = open_data(
        data,
        specs,
        columns=inputs,
        preprocess=None if preprocess is None else Path(preprocess),
        seed=options.seed,
    )
    batches = rebatch(feeds, specs, batch=read_at_once(specs, options.batch), limit=options.limit)
    together.follow(batches, progress=progress)
    return Contrasts(
        states=names,
        sites=together.total(),
        samples=together.samples,
        provenance=_made(models, opened, names, options),
        notes=(*notes, *together.notes),
        not_analysable=tuple(
            dict.fromkeys(
                (site.name, site.kind, site.reason) for each in opened for site in each.every_site if site.reason
            )
        ),
    )


def called(names: Sequence[str]) -> tuple[str, ...]:
    """What to call models: their files' names, or whole paths, or with numbers, whatever tells them apart.

    >>> called(["a/x.onnx", "a/y.onnx"]), called(["a/x.onnx", "b/x.onnx"]), called(["x", "x"])
    (('x.onnx', 'y.onnx'), ('a/x.onnx', 'b/x.onnx'), ('x (1)', 'x (2)'))
    """
    short = tuple(Path(name).name for name in names)
    for each in (short, tuple(names)):
        if len(set(each)) == len(names):
            return each
    return tuple(f"{name} ({number})" for number, name in enumerate(short, 1))


def _made(models: Sequence[Model], opened: Sequence[Opened], names: Sequence[str], options: Options) -> dict[str, Any]:
    from ... import __version__  # noqa: PLC0415 - the face imports this room lazily, and this room the face's version

    return {
        "relucid": __version__,
        **describe(),
        "provider": opened[0].session.provider,
        "optimisation": "off" if options.exact else "all",
        "model": f"{names[0]} → {names[-1]}" + (f", {len(names)} models" if len(names) > 2 else ""),
        "models": list(names),
        "sha256": [model.sha256 for model in models],
        "weights": [hash_files(model.weights) for model in models],
        "units": options.units,
        "unit_axis": dict(options.unit_axis),
        "capacity": options.capacity,
        "seed": options.seed,
        "squares": options.squares,
    }
