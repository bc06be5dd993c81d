"""Compare a rewritten model with its float model on the same data: errors of outputs, flipped decisions of sites."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ....analyzer.data import Batch, InputSpec, fixed_batch, input_specs, open_data, rebatch
from ....analyzer.data.batch import pad_batch
from ....analyzer.errors import ModelError, OptionError
from ....analyzer.model.loading import Model, load
from ....analyzer.sites import Site, find_sites
from ..graph_values import open_tapped
from ..rewriting.rewriter import Rewritten
from .deviation import Deviation

LIMIT = 512
"""Default of `limit`, the largest number of samples that are compared."""
_BATCH = 8


@dataclass(frozen=True)
class OutputError:
    """Error of an output.

    Args:
        name: of the output.
        rms: root of the mean squared difference.
        relative: rms over the root mean square before.
        largest: the largest absolute difference.
        agreement: share of the samples with the same argmax; None where there is a single entry.
    """

    name: str
    rms: float
    relative: float
    largest: float
    agreement: float | None


@dataclass(frozen=True)
class SiteError:
    """Error of the pre-activations of a site.

    Args:
        name: of the site.
        value: name of the value it reads.
        rms: root of the mean squared difference.
        relative: rms over the root mean square before.
        largest: the largest absolute difference.
        flipped: share of the decisions z > threshold that differ.
    """

    name: str
    value: str
    rms: float
    relative: float
    largest: float
    flipped: float


@dataclass(frozen=True)
class Verification:
    """The result of `verify`.

    Args:
        images: number of samples of the data.
        samples: n; None: the model's default.
        seed: of the draws.
        accuracy_before: accuracy of the first output of the float model; None without labels.
        accuracy_after: accuracy of the same output of the rewritten model.
        outputs: each output that both models have.
        sites: each site whose pre-activation both models have, in order.
        missing: sites that cannot be compared, since the rewritten model has no such value.
    """

    images: int
    samples: int | None
    seed: int
    accuracy_before: float | None
    accuracy_after: float | None
    outputs: tuple[OutputError, ...]
    sites: tuple[SiteError, ...]
    missing: tuple[str, ...]


def verify(
    before: Any,
    after: Any,
    data: Any,
    *,
    samples: int | None = None,
    seed: int = 0,
    base: int | None = None,
    limit: int | None = LIMIT,
    labels: str | Path | ArrayLike | None = None,
) -> Verification:
    """Run both models on the same data and compare.

    Args:
        before: the float model, as `relucid.analyze` accepts it.
        after: the result of `rewrite`, or a file, bytes or graph of it.
        data: as `relucid.analyze` accepts it.
        samples: n; None: the model's default.
        seed: of the draws.
        base: with attention, samples of the first pass; None: the model's default.
        limit: maximum number of samples to compare; None: all.
        labels: class of each sample, as `relucid.analyze` accepts them.

    Raises:
        ModelError: a model cannot be read or run, or they have no output in common.
        OptionError: the rewritten model lacks an input that is set.
        DataError: the data does not fit, or is empty.

    >>> from relucid.analyzer import demo
    >>> from relucid.plugins import psb
    >>> model = psb.rewrite(demo.model(), calibrate=demo.data())
    >>> verify(demo.model(), model.ir, demo.data(), samples=64).outputs[0].agreement > 0.95
    True
    """
    one, other = load(before), load(after.ir if isinstance(after, Rewritten) else after)
    settings = _input_arrays(other, {"samples": samples, "seed": seed, "base": base})
    common = _value_names(one) & _value_names(other)
    outputs = [str(value.name) for value in one.ir.graph.outputs if value.name in common]
    if not outputs:
        raise ModelError(f"expected an output of {one.name} in {other.name}, got none; pass the model it was made from")
    every_site = [site for site in find_sites(one.ir) if site.analysable]
    sites = [site for site in every_site if site.value in common]
    thresholds = dict.fromkeys(outputs, 0.0) | {site.value: site.threshold for site in sites}
    session, run_before = open_tapped(one, list(thresholds))
    _, run_after = open_tapped(other, list(thresholds))
    deviations = dict.fromkeys(thresholds, Deviation())
    images = 0
    correct: dict[str, int] = {}
    for batch, feed in _batches(data, input_specs(session.inputs()), limit, labels):
        count = len(batch.index)
        old, new = run_before(feed), run_after(feed | settings)
        images += count
        for name, threshold in thresholds.items():
            found = Deviation.of(_rows(old[name], count), _rows(new[name], count), threshold=threshold)
            deviations[name] = deviations[name].merge(found)
        for when, scores in (("before", old[outputs[0]]), ("after", new[outputs[0]])):
            if batch.labels is not None:
                classes = _rows(scores, count).reshape(count, -1).argmax(axis=1)
                correct[when] = correct.get(when, 0) + int((classes == batch.labels).sum())
    return Verification(
        images=images,
        samples=samples,
        seed=seed,
        accuracy_before=correct["before"] / images if correct else None,
        accuracy_after=correct["after"] / images if correct else None,
        outputs=tuple(_output_error(name, deviations[name]) for name in outputs),
        sites=tuple(_site_error(site, deviations[site.value]) for site in sites),
        missing=tuple(site.name for site in every_site if site.value not in common),
    )


def _batches(
    data: Any, specs: Sequence[InputSpec], limit: int | None, labels: Any
) -> Iterator[tuple[Batch, dict[str, NDArray[Any]]]]:
    size = fixed_batch(specs) or _BATCH
    batches = rebatch(open_data(data, specs, labels=labels), specs, batch=size, limit=limit)
    return ((batch, pad_batch(batch, specs, size if fixed_batch(specs) else len(batch.index))) for batch in batches)


def _input_arrays(model: Model, numbers: dict[str, int | None]) -> dict[str, NDArray[Any]]:
    """Arrays for the inputs that a rewritten model has in addition to those of the float model."""
    names = {value.name for value in model.ir.graph.inputs}
    for name, number in numbers.items():
        if number is not None and name not in names:
            raise OptionError(
                f"expected a rewritten model with an input {name!r}, got {model.name} without it; "
                "pass the result of psb.rewrite, for base one with attention"
            )
    return {name: np.array(number, dtype=np.int64) for name, number in numbers.items() if number is not None}


def _value_names(model: Model) -> set[str]:
    return {str(out.name) for node in model.ir.graph for out in node.outputs}


def _rows(array: NDArray[Any], count: int) -> NDArray[Any]:
    """The first `count` samples, without padding; a single row where the array has no sample axis."""
    return array[:count] if array.ndim and len(array) >= count else array.reshape(1, -1)


def _output_error(name: str, deviation: Deviation) -> OutputError:
    return OutputError(name, deviation.rms, deviation.relative, deviation.largest, deviation.agreement)


def _site_error(site: Site, deviation: Deviation) -> SiteError:
    return SiteError(site.name, site.value, deviation.rms, deviation.relative, deviation.largest, deviation.flips)
