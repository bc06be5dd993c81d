"""An interrupted run resumes from its checkpoint: no sample is lost or counted twice."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from relucid.analyzer.analysis import analyze, observe
from relucid.analyzer.errors import DataError, StateError
from relucid.analyzer.model import load
from relucid.analyzer.options import Options
from relucid.analyzer.report import Report
from relucid.analyzer.report.evaluation import build_report
from relucid.analyzer.runtime import background_merge
from relucid.analyzer.runtime.tap_accumulator import TapAccumulator
from relucid.analyzer.state import checkpoint
from relucid.analyzer.state.analysis_state import State
from relucid.analyzer.stats import merge_all

from .. import reference
from ..interrupts import broken_off
from ..small import perceptron, samples

MEASURES = ["units", "points", "patterns", "vni", "global_patterns"]


def seen(x: np.ndarray, *, resume: State | None = None, **options: object) -> State:
    return observe(load(perceptron()), x, Options(**options), resume=resume)


def same(one: Report, other: Report) -> list[str]:
    return reference.differences(one, other)


class BrokenError(Exception):
    """What a loader dies of."""


def broken_after(x: np.ndarray, count: int, error: BaseException) -> Iterator[np.ndarray]:
    for start in range(0, count, 10):
        yield x[start : min(start + 10, count)]
    raise error


@pytest.fixture(scope="module")
def unbroken() -> Report:
    return analyze(perceptron(), samples(100), measures=MEASURES)


@pytest.mark.parametrize("error", [BrokenError(), KeyboardInterrupt()], ids=["a loader dies", "Ctrl-C"])
@pytest.mark.parametrize("batches", [(16, 16), (16, 7), (3, 64)])
def test_a_run_broken_off_goes_on_to_the_same_report(
    error: BaseException, batches: tuple[int, int], unbroken: Report, tmp_path: Path
) -> None:
    x, path = samples(100), tmp_path / "state"
    with pytest.raises(type(error)):
        observe(
            load(perceptron()),
            broken_after(x, 57, error),
            Options(measures=MEASURES, batch=batches[0]),
            keep=lambda state: state.save(path),
        )
    before = State.load(path)
    assert 0 < before.samples == before.resume_at <= 57
    after = observe(load(perceptron()), x, Options(measures=MEASURES, batch=batches[1]), resume=before)
    assert after.samples == 100
    assert same(unbroken, build_report(after)) == []


def test_a_run_broken_off_inside_a_batch_keeps_what_it_took_in_whole(
    unbroken: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One batch is read at once and run in pieces: broken off between two of them, or while one is reduced."""
    x, kept = samples(100), []
    monkeypatch.setattr(TapAccumulator, "reduce", broken_off(TapAccumulator.reduce, at=12))
    monkeypatch.setattr("relucid.analyzer.runtime.stream.TAP_BYTES", 400)
    with pytest.raises(KeyboardInterrupt):
        observe(load(perceptron()), x, Options(measures=MEASURES, portable=True), keep=kept.append)
    monkeypatch.undo()
    [before] = kept
    assert 0 < before.samples < 100
    assert before.samples == before.resume_at
    after = observe(load(perceptron()), x, Options(measures=MEASURES), resume=before)
    assert same(unbroken, build_report(after)) == []


def test_ctrl_c_while_statistics_merge_waits_until_all_have(unbroken: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal arrives in the main thread, which waits for the others there."""
    x, kept = samples(100), []
    monkeypatch.setattr(background_merge, "wait", broken_off(background_merge.wait, at=5))
    with pytest.raises(KeyboardInterrupt):
        observe(load(perceptron()), x, Options(measures=MEASURES, batch=10), keep=kept.append)
    [before] = kept
    assert before.samples == before.resume_at == 30
    after = observe(load(perceptron()), x, Options(measures=MEASURES), resume=before)
    assert same(unbroken, build_report(after)) == []


def test_going_on_with_more_data_counts_nothing_twice(unbroken: Report) -> None:
    before = seen(samples(100), measures=MEASURES, limit=40)
    assert before.resume_at == 40
    assert same(unbroken, build_report(seen(samples(100), measures=MEASURES, resume=before))) == []


def test_going_on_where_all_was_seen_changes_nothing() -> None:
    state = seen(samples(20))
    again = seen(samples(20), resume=state)
    assert (again.samples, again.resume_at) == (20, 20)
    assert same(build_report(state), build_report(again)) == []


def test_a_shard_goes_on_where_it_stopped() -> None:
    half = [seen(samples(100), shard=(i, 2), limit=31) for i in range(2)]
    done = [seen(samples(100), shard=(i, 2), resume=state) for i, state in enumerate(half)]
    assert [state.samples for state in done] == [50, 50]
    assert same(analyze(perceptron(), samples(100)), build_report(merge_all(done))) == []


def test_a_merged_state_cannot_go_on() -> None:
    merged = seen(samples(9), shard=(0, 2)).merge(seen(samples(9), shard=(1, 2)))
    with pytest.raises(StateError, match="got a merged state"):
        seen(samples(9), resume=merged)


def test_a_run_that_saw_nothing_before_it_failed_leaves_no_state() -> None:
    kept: list[State] = []
    with pytest.raises(DataError):
        observe(load(perceptron()), np.zeros((0, 6), dtype=np.float32), Options(), keep=kept.append)
    assert kept == []


def test_a_state_is_kept_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", -1.0)
    kept: list[State] = []
    counted: list[int] = []
    observe(load(perceptron()), samples(30), Options(batch=10), keep=kept.append, progress=counted.append)
    assert [state.samples for state in kept] == [10, 20, 30, 30]
    assert counted == [10, 10, 10]
