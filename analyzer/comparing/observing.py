"""Several models run over the same data: sites matched, one walk, what each site showed in every model."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..data import open_data, rebatch
from ..model.external_data import fingerprint
from ..model.loading import Model
from ..options import MeasureName, Options
from ..runtime.preparation import Opened, open_model, read_at_once
from ..runtime.session import describe
from .contrast import Contraster, Contrasts, Pair
from .matching import match_inputs, match_sites
from .together import Member, Together

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
        made=_made(models, opened, names, options),
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
        "weights": [fingerprint(model.weights) for model in models],
        "units": options.units,
        "unit_axis": dict(options.unit_axis),
        "capacity": options.capacity,
        "seed": options.seed,
        "squares": options.squares,
    }
