"""The whole flow: model, sites, instrumented graph, batches, statistics, measures, report."""

import os
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from .data import open_data, rebatch, source_identity
from .errors import OptionError, StateError
from .model.loading import Model, load
from .options import SQUARES, Kind, MeasureName, Options, Provider, Units, as_sequence
from .report.evaluation import build_report
from .report.report import Report
from .runtime.preparation import build_stream, open_model, read_at_once
from .state.analysis_state import DataShard, State
from .state.checkpoint import Checkpointer
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
    squares: int = SQUARES,
    output: str | None = None,
    state: str | os.PathLike[str] | None = None,
    resume: bool = False,
    custom_ops: str | os.PathLike[str] | None = None,
    example_inputs: Any = None,
) -> Report:
    """Read a model as a machine that takes decisions: what is dead, linear, redundant, how many patterns it knows.

    Args:
        model: path, bytes, `onnx.ModelProto`, `onnx_ir.Model`, or a `torch.nn.Module` with `example_inputs`. It is
            never changed.
        data: what to run it on: a path (.npz, .npy, .parquet, a folder of test data or images), "random:N",
            "loader.py:func", arrays, dicts of arrays, or anything that yields them.
        labels: the class of each sample: a key of the data, a path, or an array; gives accuracy and information. Data
            that comes with labels (a DataLoader of pairs, folders named by class) needs none.
        inputs: names in the data, by input of the model, where they differ.
        preprocess: for an image folder, the file that says how images become arrays.
        measures: names of measures, or one; None means the defaults (units, points, patterns, vni; with labels also
            information).
        sites: names or globs of sites; None means all.
        kinds: kinds of sites, or one, see `relucid.analyzer.sites.KINDS`; None means all.
        unit_axis: the axis that counts units, by site, where the one found is wrong.
        units: "channel", or "position" to count every (position, unit) as a unit of its own.
        batch: samples in one run; None lets relucid choose. No result depends on it.
        limit: read at most so many samples.
        shard: (i, n) reads only the samples whose number is i modulo n; the states of all n shards merge.
        provider: "cpu" or "cuda".
        exact: turn the runtime's graph optimisations off (they flip about one activation bit in ten million).
        portable: let numpy count, from the values of every site, where native probes would count inside the runtime.
            Counts are the same; co-moments, and so VNI, agree to about 1e-7.
        threads: of the runtime and of the statistics; None: all cores.
        capacity: most distinct patterns per site that are counted exactly.
        seed: of random data and pattern keys.
        squares: most units of a site for which VNI is computed (its memory grows with their square).
        output: the output that holds the class scores, where several could.
        state: a file in which what was seen is saved, for `merge`, or to go on later.
        resume: go on from that file, if it is there.
        custom_ops: a library of custom operators; none is ever loaded unless named here.
        example_inputs: arguments of a torch module's forward.

    Raises:
        RelucidError: one of its children; the message says what was wanted, what came and what to do.

    >>> import relucid
    >>> report = relucid.analyze(relucid.demo.model(), relucid.demo.data(), labels="labels", limit=100)
    >>> report.accuracy > 0.9
    True
    """
    options = Options(
        measures=as_sequence(measures),
        sites=sites,
        kinds=as_sequence(kinds),
        unit_axis=dict(unit_axis or {}),
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
        custom_ops=None if custom_ops is None else Path(custom_ops),
    )
    file = None if state is None else Path(state)
    earlier = before(file, resume=resume)
    loaded = load(model, example_inputs=example_inputs)
    found = observe(
        loaded,
        data,
        options,
        labels=labels,
        inputs=inputs,
        preprocess=preprocess,
        resume=earlier,
        keep=saver(file),
    )
    return build_report(found)


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
    """Run the model over the data and gather every statistic the measures need.

    Args:
        model: what `load` gave.
        data: as in `analyze`.
        options: how to analyse.
        labels: as in `analyze`.
        inputs: as in `analyze`.
        preprocess: as in `analyze`.
        resume: a state of the same analysis to go on from.
        progress: called with the number of samples after every run.
        keep: called with the state every minute, at the end, and when the run is broken off.

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
    part = DataShard(source_identity(data), *(options.shard or (0, 1)))
    record = Checkpointer(stream, part=part, resume=resume, progress=progress, keep=keep)
    batches = rebatch(
        feeds if first is None else chain([first], feeds),
        opened.specs,
        batch=read_at_once(opened.specs, options.batch),
        limit=options.limit,
        shard=options.shard,
    )
    with record:
        stream.run(record.unseen(batches), callback=record.seen)
    return record.finished()


def merge(*states: str | os.PathLike[str] | State) -> Report:
    """The report of all parts of the data together, from what was seen of each.

    Counts are those of one run over all of it, to the last one; floating sums agree to rounding.

    Args:
        states: files that `analyze` saved, or states, of the same analysis of disjoint parts of the data, in any order.

    Raises:
        StateError: there is none, a file cannot be read, they were made with different things, or they saw the same
            samples.

    >>> import relucid, tempfile
    >>> folder, net, data = Path(tempfile.mkdtemp()), relucid.demo.model(), relucid.demo.data()
    >>> for i in range(2):
    ...     part = relucid.analyze(net, data, shard=(i, 2), state=folder / f"{i}.state")
    >>> relucid.merge(folder / "0.state", folder / "1.state").samples
    580
    """
    return build_report(merged(*states))


def merged(*states: str | os.PathLike[str] | State) -> State:
    """The same as a state, to be saved or merged again.

    Raises:
        StateError: as in `merge`.
    """
    if not states:
        raise StateError("merge wants at least one state, got none: name the files that were saved, one for each part")
    return merge_all(state if isinstance(state, State) else State.load(Path(state)) for state in states)


def before(path: Path | None, *, resume: bool) -> State | None:
    """The state to go on from; None where there is none yet, or the run is to start anew.

    Raises:
        OptionError: it is to go on, and no file is named.
        StateError: the file is not a state, or is damaged.

    >>> before(None, resume=False) is None
    True
    """
    if resume and path is None:
        raise OptionError("resume goes on from a state: name its file with --state")
    return State.load(path) if resume and path is not None and path.exists() else None


def saver(path: Path | None) -> Callable[[State], None] | None:
    """What saves a state in the file, if one is named."""
    return None if path is None else lambda state: state.save(path)
