"""compare() and compare_chain(): two states of a network, or its course over many, on the same data."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..model.loading import load
from ..options import SQUARES, Kind, Options, Provider, Units, several
from ..stats.patterns import CAPACITY
from .comparison import Comparison, compared
from .course import Course, followed, wanted_pairs
from .observing import MEASURES, observe_all


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
        kinds=several(kinds),
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
        kinds=several(kinds),
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
