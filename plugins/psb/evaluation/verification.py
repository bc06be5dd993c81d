"""A model before and after it was rewritten, on the same data: how far it moved, and which decisions hold."""

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
from ....analyzer.passes.expose_values import InstrumentPass
from ....analyzer.runtime.session import Session, open_session
from ....analyzer.sites import Site, find_sites
from ..rewriting.rewriter import Rewritten
from .deviation import Deviation


@dataclass(frozen=True)
class OutputError:
    """How far an output moved.

    Args:
        name: of the output.
        rms: root of the mean squared difference.
        relative: that over the root mean square before.
        largest: the largest difference.
        agreement: share of the samples whose largest entry is the same; None where there is only one entry.
    """

    name: str
    rms: float
    relative: float
    largest: float
    agreement: float | None


@dataclass(frozen=True)
class SiteError:
    """How far the pre-activations of a site moved.

    Args:
        name: of the site.
        value: the value it reads.
        rms: root of the mean squared difference.
        relative: that over the root mean square before.
        largest: the largest difference.
        flipped: share of the decisions z > threshold that are others now.
    """

    name: str
    value: str
    rms: float
    relative: float
    largest: float
    flipped: float


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Args:
        images: samples of the data.
        samples: n; None: the model's default.
        seed: of the draws.
        accuracy_before: share of right decisions of the first output; None where there are no labels.
        accuracy_after: the same after.
        outputs: each output both models have.
        sites: each site whose pre-activation both have, in order.
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


LIMIT = 512
"""As many samples are compared, if nothing else is said."""
_AT_ONCE = 8


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
    """Run both models over the same data and compare.

    Args:
        before: the model in float, as `relucid.analyze` takes it.
        after: what `rewrite` made of it, or a file, bytes or graph of that.
        data: as `relucid.analyze` takes it.
        samples: n; None: the model's default.
        seed: of the draws.
        base: with attention, samples of the first pass; None: the model's default.
        limit: compare at most so many samples; None: all.
        labels: class of each sample, as `relucid.analyze` takes them.

    Raises:
        ModelError: a model cannot be read or run, or they have no output in common.
        OptionError: the rewritten model has no such input.
        DataError: the data does not fit, or is empty.

    >>> from relucid.analyzer import demo
    >>> from relucid.plugins import psb
    >>> model = psb.rewrite(demo.model(), calibrate=demo.data())
    >>> verify(demo.model(), model.ir, demo.data(), samples=64).outputs[0].agreement > 0.95
    True
    """
    one, other = load(before), load(after.ir if isinstance(after, Rewritten) else after)
    knobs = _knobs(other, {"samples": samples, "seed": seed, "base": base})
    common = _values(one) & _values(other)
    outputs = [str(value.name) for value in one.ir.graph.outputs if value.name in common]
    if not outputs:
        raise ModelError(f"{other.name} has no output of {one.name}; is it made from that model?")
    every_site = [site for site in find_sites(one.ir) if site.analysable]
    sites = [site for site in every_site if site.value in common]
    thresholds = dict.fromkeys(outputs, 0.0) | {site.value: site.threshold for site in sites}
    first, second = _Tapped(one, list(thresholds)), _Tapped(other, list(thresholds))
    seen = dict.fromkeys(thresholds, Deviation())
    images = 0
    right: dict[str, int] = {}
    for batch, feed in _batches(data, input_specs(first.session.inputs()), limit, labels):
        count = len(batch.index)
        old, new = first.run(feed), second.run(feed | knobs)
        images += count
        for name, threshold in thresholds.items():
            found = Deviation.of(_rows(old[name], count), _rows(new[name], count), threshold=threshold)
            seen[name] = seen[name].merge(found)
        for when, scores in (("before", old[outputs[0]]), ("after", new[outputs[0]])):
            if batch.labels is not None:
                decided = _rows(scores, count).reshape(count, -1).argmax(axis=1)
                right[when] = right.get(when, 0) + int((decided == batch.labels).sum())
    return Verification(
        images=images,
        samples=samples,
        seed=seed,
        accuracy_before=right["before"] / images if right else None,
        accuracy_after=right["after"] / images if right else None,
        outputs=tuple(_output(name, seen[name]) for name in outputs),
        sites=tuple(_site(site, seen[site.value]) for site in sites),
        missing=tuple(site.name for site in every_site if site.value not in common),
    )


class _Tapped:
    """A model whose values can be seen.

    Args:
        model: it is changed.
        values: names of values of its graph.
    """

    def __init__(self, model: Model, values: Sequence[str]) -> None:
        tapping = InstrumentPass(values)
        tapping(model.ir)
        self.names = tapping.tapped
        self.session: Session = open_session(model)

    def run(self, feed: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The values for one batch."""
        found = self.session.run(list(self.names.values()), feed)
        return {value: found[tap] for value, tap in self.names.items()}


def _batches(
    data: Any, specs: Sequence[InputSpec], limit: int | None, labels: Any
) -> Iterator[tuple[Batch, dict[str, NDArray[Any]]]]:
    size = fixed_batch(specs) or _AT_ONCE
    cut = rebatch(open_data(data, specs, labels=labels), specs, batch=size, limit=limit)
    return ((batch, pad_batch(batch, specs, size if fixed_batch(specs) else len(batch.index))) for batch in cut)


def _knobs(model: Model, wanted: dict[str, int | None]) -> dict[str, NDArray[Any]]:
    """The inputs a rewritten model has beside its own."""
    names = {value.name for value in model.ir.graph.inputs}
    for name, number in wanted.items():
        if number is not None and name not in names:
            raise OptionError(f"{model.name} has no input {name!r}; it is no rewritten model, or one without attention")
    return {name: np.array(number, dtype=np.int64) for name, number in wanted.items() if number is not None}


def _values(model: Model) -> set[str]:
    return {str(out.name) for node in model.ir.graph for out in node.outputs}


def _rows(array: NDArray[Any], count: int) -> NDArray[Any]:
    """The samples that are not there to fill up a batch; one row where samples cannot be told apart."""
    return array[:count] if array.ndim and len(array) >= count else array.reshape(1, -1)


def _output(name: str, seen: Deviation) -> OutputError:
    return OutputError(name, seen.rms, seen.relative, seen.largest, seen.agreement)


def _site(site: Site, seen: Deviation) -> SiteError:
    return SiteError(site.name, site.value, seen.rms, seen.relative, seen.largest, seen.flips)
