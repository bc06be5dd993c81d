"""analyze(), observe() and merge(): from a model and data to a state, and from states to a report."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from .data import Batch, InputSpec, open_data, rebatch, source_identity
from .data.batch import slice_batch
from .errors import OptionError, StateError
from .model.loading import Model, load
from .options import MAX_COVARIANCE_UNITS, Kind, MeasureName, Options, Provider, Units
from .report.evaluation import build_report
from .report.report import Report
from .runtime.preparation import build_stream, open_model, read_at_once
from .runtime.stream import Stream
from .state import Checkpointer, DataShard, State
from .stats import merge_all
from .stats.patterns import CAPACITY


def analyze(
    model: Any,
    data: Any,
    *,
    labels: Any = None,
    inputs: Mapping[str, str] | None = None,
    preprocess: str | os.PathLike[str] | None = None,
    measures: MeasureName | Sequence[MeasureName] | None = None,
    sites: str | Sequence[str] | None = None,
    kinds: Kind | Sequence[Kind] | None = None,
    unit_axis: Mapping[str, int] | None = None,
    units: Units = "channel",
    batch: int | None = None,
    limit: int | None = None,
    shard: tuple[int, int] | None = None,
    provider: Provider = "cpu",
    exact: bool = False,
    portable: bool = False,
    threads: int | None = None,
    capacity: int = CAPACITY,
    seed: int = 0,
    squares: int = MAX_COVARIANCE_UNITS,
    output: str | None = None,
    state: str | os.PathLike[str] | None = None,
    resume: bool = False,
    custom_ops: str | os.PathLike[str] | None = None,
    example_inputs: Any = None,
) -> Report:
    """Analyse the decisions of a model on data: dead and linear units and points, patterns, redundancy.

    Args:
        model: path, bytes, `onnx.ModelProto`, `onnx_ir.Model`, or a `torch.nn.Module` with `example_inputs`; it is not
            modified.
        data: the samples: a path (.npz, .npy, .parquet, a folder of test data or images), "random:N", "loader.py:func",
            an array, a dict of arrays, or an iterable of these.
        labels: class of each sample, for accuracy and information: a key of the data, a path, or an array (sample,).
            Not needed if the data has labels (a DataLoader of pairs, folders named by class).
        inputs: names of arrays in the data by input of the model, where they differ.
        preprocess: for an image folder, the JSON file that describes how images become arrays.
        measures: name or names of measures; default units, points, patterns and vni, with labels also information.
        sites: names or globs of sites; default all.
        kinds: kind or kinds of sites, see `relucid.analyzer.sites.KINDS`; default all.
        unit_axis: axis that counts units, by site; overrides the detected one.
        units: "channel" to count each coordinate of the unit axis, "position" to count each (position, unit) as a unit.
        batch: samples per run; None chooses by memory. Results do not depend on it.
        limit: maximum number of samples to read.
        shard: (i, n) to read only the samples whose number is i modulo n; states of all n shards merge.
        provider: "cpu" or "cuda".
        exact: disable the runtime's graph optimisations (they change about one sign in ten million).
        portable: count with numpy from the values of every site instead of native probes inside the runtime. Counts are
            equal; co-moments, and therefore VNI, agree to about 1e-7.
        threads: threads of the runtime and of the statistics; default all cores.
        capacity: maximum number of distinct patterns per site that are counted exactly.
        seed: seed of random data and of pattern keys.
        squares: maximum number of units of a site for VNI, whose memory grows with their square.
        output: name of the output with the class scores, if several could be.
        state: file to which the statistics are saved, for `merge` or `resume`.
        resume: continue from that file if it exists.
        custom_ops: library of custom operators to load.
        example_inputs: arguments of the forward of a torch module.

    Raises:
        RelucidError: the model, the data or an option is invalid; see its subclasses.

    >>> import relucid
    >>> report = relucid.analyze(relucid.demo.model(), relucid.demo.data(), labels="labels", limit=100)
    >>> report.accuracy > 0.9
    True
    """
    options = Options.of(
        measures=measures,
        sites=sites,
        kinds=kinds,
        unit_axis=unit_axis,
        units=units,
        batch=batch,
        limit=limit,
        shard=shard,
        provider=provider,
        exact=exact,
        portable=portable,
        threads=threads,
        capacity=capacity,
        seed=seed,
        squares=squares,
        output=output,
        custom_ops=custom_ops,
    )
    file = None if state is None else Path(state)
    earlier = load_earlier(file, resume=resume)
    final = observe(
        load(model, example_inputs=example_inputs),
        data,
        options,
        labels=labels,
        inputs=inputs,
        preprocess=preprocess,
        resume=earlier,
        keep=save_to(file),
    )
    return build_report(final)


def observe(
    model: Model,
    data: Any,
    options: Options,
    *,
    labels: Any = None,
    inputs: Mapping[str, str] | None = None,
    preprocess: str | os.PathLike[str] | None = None,
    resume: State | None = None,
    progress: Callable[[int], None] | None = None,
    keep: Callable[[State], None] | None = None,
) -> State:
    """Run the model over the data and compute every statistic the measures need.

    Args:
        model: the model, as returned by `load`.
        data: as in `analyze`.
        options: options of the analysis.
        labels: as in `analyze`.
        inputs: as in `analyze`.
        preprocess: as in `analyze`.
        resume: a state of the same analysis to continue.
        progress: called with the number of samples after every run.
        keep: called with the state every minute, at the end, and when the run is interrupted.

    Returns:
        The state, including the samples of the resumed one.

    Raises:
        ModelError, DataError, OptionError, StateError, MissingDependencyError: see their docstrings.
    """
    opened = open_model(model, options)
    feeds = open_data(
        data,
        opened.specs,
        columns=inputs,
        labels=labels,
        preprocess=None if preprocess is None else Path(preprocess),
        seed=options.seed,
    )
    first = next(feeds, None)
    stream = build_stream(opened, options, labels=first is not None and first.labels is not None)
    shard = DataShard(source_identity(data), *(options.shard or (0, 1)))
    checkpointer = Checkpointer(partial(_snapshot, stream, shard), resume=resume, progress=progress, keep=keep)
    batches = rebatch(
        feeds if first is None else chain([first], feeds),
        opened.specs,
        batch=read_at_once(opened.specs, options.batch),
        limit=options.limit,
        shard=options.shard,
    )
    remaining = _skip_before(checkpointer.next_sample, batches, opened.specs)
    with checkpointer:
        stream.run(remaining, callback=lambda run: checkpointer.advance(run.index))
    return checkpointer.finish()


def _snapshot(stream: Stream, shard: DataShard, *, last: bool) -> State:
    """The state of a run; with `last`, the memory of the run is released."""
    return State(
        provenance={**stream.provenance, "way": stream.backend},
        sites=stream.sites,
        statistics={
            name: {kind.__name__: statistic for kind, statistic in found.items()}
            for name, found in stream.statistics(last=last).items()
        },
        network=stream.network(),
        samples=stream.samples,
        parts=(shard,),
        notes=tuple(stream.notes),
    )


def _skip_before(number: int, batches: Iterable[Batch], specs: Sequence[InputSpec]) -> Iterator[Batch]:
    """Yield the batches without the samples before this number."""
    for batch in batches:
        first = int(np.searchsorted(batch.index, number))
        if first < len(batch.index):
            yield slice_batch(batch, specs, slice(first, len(batch.index)))


def merge(*states: str | os.PathLike[str] | State) -> Report:
    """Merge states of disjoint parts of the data into one report.

    Counts equal those of one run over all of the data; floating sums agree to rounding.

    Args:
        states: files that `analyze` saved, or states, of the same analysis, in any order.

    Raises:
        StateError: no state is given, a file cannot be read, or the states differ in provenance or share samples.

    >>> import relucid, tempfile
    >>> folder, net, data = Path(tempfile.mkdtemp()), relucid.demo.model(), relucid.demo.data()
    >>> for i in range(2):
    ...     part = relucid.analyze(net, data, shard=(i, 2), state=folder / f"{i}.state")
    >>> relucid.merge(folder / "0.state", folder / "1.state").samples
    580
    """
    return build_report(merge_states(*states))


def merge_states(*states: str | os.PathLike[str] | State) -> State:
    """Merge states of disjoint parts of the data into one, which may be saved or merged again.

    Raises:
        StateError: as in `merge`.
    """
    if not states:
        raise StateError("expected at least one state to merge, got none; name the saved file of each part")
    return merge_all(state if isinstance(state, State) else State.load(Path(state)) for state in states)


def load_earlier(path: Path | None, *, resume: bool) -> State | None:
    """Load the state to resume; None if `resume` is off or the file does not exist yet.

    Raises:
        OptionError: `resume` without a file.
        StateError: the file is not a state, or is damaged.

    >>> load_earlier(None, resume=False) is None
    True
    """
    if resume and path is None:
        raise OptionError("resume: expected the file of a state, got none; name it with --state")
    return State.load(path) if resume and path is not None and path.exists() else None


def save_to(path: Path | None) -> Callable[[State], None] | None:
    """A callback that saves a state to the file; None without a file."""
    return None if path is None else lambda state: state.save(path)
