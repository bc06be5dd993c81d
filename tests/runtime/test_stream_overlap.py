"""A run is merged while the next one computes, and the result does not depend on how slow merging is."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from relucid.analyzer.analysis import analyze, observe
from relucid.analyzer.model import load
from relucid.analyzer.options import Options
from relucid.analyzer.report import Report
from relucid.analyzer.report.evaluation import build_report
from relucid.analyzer.runtime.probe_accumulator import ProbeAccumulator
from relucid.analyzer.runtime.session import Session
from relucid.analyzer.runtime.tap_accumulator import TapAccumulator
from relucid.analyzer.state import checkpoint
from relucid.analyzer.state.analysis_state import State

from .. import reference
from ..interrupts import broken_off
from ..small import samples
from .test_backends import VNI, perceptron18

MEASURES = ["units", "points", "patterns", "vni", "global_patterns", "information"]
COUNT, BATCH = 60, 10


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Delay the merge of a run at every site, so that the next run and the data are ahead of it."""
    for kind in (ProbeAccumulator, TapAccumulator):

        def add(self: Any, *given: Any, then: Any = kind.add) -> None:
            time.sleep(0.02)
            then(self, *given)

        monkeypatch.setattr(kind, "add", add)


def labels() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 4, COUNT)


@pytest.fixture(scope="module")
def expected() -> Report:
    return analyze(perceptron18(), samples(COUNT), labels=labels(), measures=MEASURES, portable=True)


def differences(one: Report, other: Report) -> list[str]:
    return reference.differences(one, other, vni=VNI, extents=1e-5)


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("batch", [None, BATCH, 4])
@pytest.mark.parametrize("portable", [True, False])
def test_memory_of_samples_and_labels_may_be_reused(
    backend: str, batch: int | None, portable: bool, expected: Report
) -> None:
    def reused() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        x, y = np.empty((BATCH, 6), np.float32), np.empty(BATCH, np.int64)
        for start in range(0, COUNT, BATCH):
            x[:], y[:] = samples(COUNT)[start : start + BATCH], labels()[start : start + BATCH]
            yield x, y
            x[:], y[:] = np.nan, 3

    found = analyze(perceptron18(), reused(), measures=MEASURES, batch=batch, portable=portable)
    assert differences(found, expected) == []


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("spoilt", [1, 9])
def test_runs_whose_probes_fail_are_run_again_in_their_turn(backend: str, spoilt: int) -> None:
    x = samples(COUNT)
    x[5::spoilt, 2] = np.nan
    found, other = (
        analyze(perceptron18(), x, labels=labels(), measures=MEASURES, batch=4, portable=each) for each in (False, True)
    )
    assert found["h1"].nonfinite_samples == other["h1"].nonfinite_samples > 0
    assert differences(found, other) == []


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("call", [2, 4, 5, 7])
def test_ctrl_c_while_the_next_run_runs_leaves_no_half_run(
    backend: str, call: int, expected: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[State] = []
    given = {"labels": labels(), "keep": kept.append}
    with monkeypatch.context() as patch:
        patch.setattr(Session, "run", broken_off(Session.run, at=call))
        with pytest.raises(KeyboardInterrupt):
            observe(load(perceptron18()), samples(COUNT), Options(measures=MEASURES, batch=BATCH), **given)
    before: State | None = kept[0] if kept else None
    # The first call runs the batch, the second its first sample as a check; the third runs it again with probes.
    whole = max(0, call - 3) * BATCH
    assert (before.samples if before else 0) == (before.resume_at if before else 0) == whole
    if before is not None:
        assert {its["UnitRanges"].samples for its in before.statistics.values()} == {whole}
        assert before.network["PointTraces"].samples == whole
    options = Options(measures=MEASURES)
    after = observe(load(perceptron18()), samples(COUNT), options, labels=labels(), resume=before)
    assert differences(build_report(after), expected) == []


@pytest.mark.usefixtures("slow")
def test_a_state_in_between_holds_whole_runs(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", -1.0)
    kept_counts: list[tuple[int, set[int]]] = []

    def keep(state: State) -> None:
        counts = {its["UnitRanges"].samples for its in state.statistics.values()}
        counts |= {its["Patterns"].total for its in state.statistics.values()}
        kept_counts.append((state.samples, counts | {state.network["PointTraces"].samples}))

    observe(load(perceptron18()), samples(COUNT), Options(measures=["patterns"], batch=BATCH), keep=keep)
    assert kept_counts == [(n, {n}) for n in (*range(BATCH, COUNT + 1, BATCH), COUNT)]
