"""Every backend gives the same report: native probes, probes that are ONNX functions, numpy from taps."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from relucid.analyzer import demo
from relucid.analyzer.analysis import analyze, observe
from relucid.analyzer.errors import ModelError
from relucid.analyzer.model import load
from relucid.analyzer.options import Options
from relucid.analyzer.report import Report
from relucid.analyzer.report.evaluation import build_report
from relucid.analyzer.runtime.probe_accumulator import ProbeAccumulator
from relucid.analyzer.runtime.probe_runner import ProbeRunner
from relucid.analyzer.runtime.probe_setup import PORTABLE
from relucid.analyzer.state.analysis_state import State

from .. import reference
from ..small import model, perceptron, samples

DEFAULT = ["units", "points", "patterns", "vni"]
ALL = [*DEFAULT, "preactivation_vni", "global_patterns"]
VNI = 1e-6
"""Largest difference of VNI, which is from 0 to 1: native co-moments are products of float32."""


def differences(one: Report, other: Report) -> list[str]:
    """Where two reports differ: counts exactly, ranges up to rounding: onnxruntime fuses operators differently."""
    return reference.differences(one, other, vni=VNI, extents=1e-5)


def both(made: Any, data: Any, **options: Any) -> tuple[Report, Report]:
    """The report by probes, and the one by numpy."""
    options = {"measures": ALL, **options}
    return analyze(made, data, **options), analyze(made, data, portable=True, **options)


def perceptron18() -> onnx.ModelProto:
    """The perceptron in an opset for which the functions are written."""
    made = perceptron()
    made.opset_import[0].version = 18
    return made


def test_the_demo_gives_one_report(backend: str) -> None:
    probed, tapped = both(demo.model(), demo.data())
    assert (probed.provenance["way"], tapped.provenance["way"]) == (backend, PORTABLE)
    assert probed.notes == tapped.notes == ()
    assert differences(probed, tapped) == []


@pytest.mark.parametrize("batch", [1, 7, None])
@pytest.mark.parametrize("sizes", [[70], [1, 40, 29]], ids=str)
def test_no_number_depends_on_how_the_data_is_cut(backend: str, batch: int | None, sizes: list[int]) -> None:
    x = samples(70)
    parts = np.split(x, np.cumsum(sizes)[:-1])
    found = analyze(perceptron18(), iter(parts), measures=ALL, batch=batch)
    assert found.provenance["way"] == backend
    assert differences(found, analyze(perceptron18(), x, measures=ALL, portable=True)) == []


SHAPES = {
    "convolution": (
        """g (float[N, 3, 9, 9] x) => (float[N, 5, 7, 7] y) {
            z = Conv(x, W)
            h = Relu(z)
            y = LeakyRelu<alpha = 0.1>(h)
        }""",
        (3, 9, 9),
        (5, 3, 3, 3),
    ),
    "tokens": (
        """g (float[N, 11, 6] x) => (float[N, 11, 70] y) { z = MatMul(x, W) y = Gelu(z) }""",
        (11, 6),
        (6, 70),
    ),
    "double tokens": (
        """g (double[N, 11, 6] x) => (double[N, 11, 70] y) { z = MatMul(x, W) y = Relu(z) }""",
        (11, 6),
        (6, 70),
    ),
    "double rows": ("""g (double[N, 6] x) => (double[N, 130] y) { z = MatMul(x, W) y = Relu(z) }""", (6,), (6, 130)),
    "half rows": ("""g (float16[N, 6] x) => (float16[N, 9] y) { z = MatMul(x, W) y = Relu(z) }""", (6,), (6, 9)),
}


@pytest.mark.parametrize("units", ["channel", "position"])
@pytest.mark.parametrize("name", SHAPES)
def test_layers_of_every_layout_and_type_give_one_report(backend: str, name: str, units: str) -> None:
    graph, shape, weights = SHAPES[name]
    dtype = {"double": np.float64, "half": np.float16}.get(name.split(maxsplit=1)[0], np.float32)
    made = model(graph, opset=20, W=samples(*weights, seed=3).astype(dtype))
    probed, tapped = both(made, samples(50, *shape).astype(dtype), units=units)
    assert probed.provenance["way"] == backend
    assert differences(probed, tapped) == []


@pytest.mark.parametrize("operator", ["ThresholdedRelu<alpha = 0.5>(x)", "Max(x, zero)", "Clip(x, zero, one)"])
def test_functions_of_every_kind(backend: str, operator: str) -> None:
    zero, one = np.array(0, np.float32), np.array(1, np.float32)
    made = model(f"g (float[N, 6] x) => (float[N, 6] y) {{ y = {operator} }}", opset=18, zero=zero, one=one)
    x = samples(60)
    x[0, 0] = 0.5  # on a threshold means off
    probed, tapped = both(made, x)
    assert probed.provenance["way"] == backend
    assert differences(probed, tapped) == []


def test_a_threshold_that_no_float32_holds_is_left_to_numpy(backend: str) -> None:
    made = model("g (double[N, 6] x) => (double[N, 6] y) { y = ThresholdedRelu<alpha = 0.1>(x) }", opset=18)
    probed, tapped = both(made, samples(60).astype(np.float64))
    assert differences(probed, tapped) == []


def test_a_pattern_table_that_overflows_samples_the_same_patterns(backend: str) -> None:
    made, x = perceptron18(), samples(3000)
    options = Options(measures=["patterns"], capacity=8)
    states = [observe(load(made), x, o) for o in (options, Options(measures=["patterns"], capacity=8, portable=True))]
    for site in ("h1", "h2"):
        ours, theirs = (state.statistics[site]["Patterns"] for state in states)
        assert ours.level == theirs.level > 0
        assert ours.total == theirs.total
        assert np.array_equal(ours.keys, theirs.keys)
        assert np.array_equal(ours.counts, theirs.counts)


@pytest.mark.parametrize("measures", [["units"], ["points"], ["patterns"], ["vni"], ["preactivation_vni"]], ids=str)
def test_a_measure_asked_for_alone(backend: str, measures: list[str]) -> None:
    probed, tapped = both(perceptron18(), samples(80), measures=measures)
    assert probed.provenance["way"] == backend
    assert differences(probed, tapped) == []


def test_statistics_that_no_probe_serves_are_read_from_taps(backend: str) -> None:
    x, labels = samples(80), np.arange(80) % 4
    probed, tapped = both(perceptron18(), x, measures=[*ALL, "margins", "information"], labels=labels)
    assert differences(probed, tapped) == []


def test_co_moments_are_left_out_where_they_would_take_too_much_memory(backend: str) -> None:
    probed, tapped = both(perceptron18(), samples(80), squares=5)
    assert probed.notes == tapped.notes != ()
    assert (probed["h1"].vni, probed["h2"].vni is None) == (None, False)
    assert differences(probed, tapped) == []


@pytest.mark.parametrize(("spoilt", "every"), [(np.nan, 1), (np.nan, 50), (np.inf, 50), (-np.inf, 199)])
def test_samples_that_are_not_finite_are_counted_and_left_out(backend: str, spoilt: float, every: int) -> None:
    """If no sample is finite, probes are turned off, and a note says so."""
    x = samples(200)
    x[5::every, 2] = spoilt
    probed, tapped = both(perceptron18(), x, batch=16)
    assert probed.provenance["way"] == backend
    assert [note for note in probed.notes if "probes" not in note] == list(tapped.notes)
    assert differences(probed, tapped) == []
    assert probed["h1"].nonfinite_samples == tapped["h1"].nonfinite_samples > 0


def test_a_probe_that_fails_costs_no_sample(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ModelError("a broken probe")

    expected = analyze(perceptron18(), samples(100), measures=ALL, portable=True)
    monkeypatch.setattr(ProbeRunner, "run", fails)
    found = analyze(perceptron18(), samples(100), measures=ALL, batch=8)
    assert [note for note in found.notes if "a broken probe" in note]
    assert differences(found, expected) == []


@pytest.mark.parametrize("fixed", [1, 4])
def test_a_model_fixed_to_its_batch(backend: str, fixed: int) -> None:
    bound = perceptron(batch=fixed)
    bound.opset_import[0].version = 18
    found = analyze(bound, samples(42), measures=ALL)
    assert found.provenance["way"] == backend
    assert differences(found, analyze(perceptron18(), samples(42), measures=ALL, portable=True)) == []


def test_samples_and_time_flattened_together_are_tapped_at_one_site_and_probed_at_others(backend: str) -> None:
    made = model(
        """g (float[N, 6, 3] x) => (float[M, 4] y) {
            h = Relu(x)
            r = Reshape(h, s)
            z = MatMul(r, W)
            y = Relu(z)
        }""",
        opset=18,
        W=samples(3, 4, seed=3),
        s=np.array([-1, 3]),
    )
    probed, tapped = both(made, samples(30, 6, 3))
    assert probed.provenance["way"] == backend
    assert probed["y"].positions == 6
    assert differences(probed, tapped) == []


def test_time_before_the_samples_is_detected(backend: str) -> None:
    W = np.abs(samples(3, 4, seed=3))
    turned = model(
        "g (float[N, 6, 3] x) => (y) { t = Transpose<perm = [1, 0, 2]>(x) z = MatMul(t, W) y = Relu(z) }", opset=18, W=W
    )
    probed, tapped = both(turned, samples(24, 6, 3))
    assert [report.samples for report in (probed, tapped)] == [24, 24]
    assert [each for each in differences(probed, tapped) if "unit_axis" not in each] == []


def test_sequences_of_different_lengths(backend: str) -> None:
    made = model(
        "g (float[batch, T, 3] x) => (float[batch, T, 4] y) { z = MatMul(x, W) y = Relu(z) }",
        opset=18,
        W=samples(3, 4, seed=3),
    )
    lengths = [2, 2, 5, 3, 2, 7, 7, 7, 7, 1, 4]

    def rows() -> Iterator[np.ndarray]:
        for place, length in enumerate(lengths):
            yield samples(1, length, 3, seed=place)

    for measures in (ALL, ["units", "points"]):
        probed, tapped = both(made, list(rows()), measures=measures)
        assert probed.samples == 11
        assert differences(probed, tapped) == []


def halves(made: Any, x: np.ndarray, ways: tuple[bool, bool]) -> list[State]:
    return [
        observe(load(made), part, Options(measures=ALL, portable=portable))
        for part, portable in zip(np.split(x, [120]), ways, strict=True)
    ]


@pytest.mark.parametrize("ways", [(False, False), (False, True), (True, False)])
def test_states_merge_however_they_were_made(backend: str, ways: tuple[bool, bool]) -> None:
    made, x = perceptron18(), samples(200)
    one, other = halves(made, x, ways)
    whole = analyze(made, x, measures=ALL, portable=True)
    for merged in (one.merge(other), other.merge(one)):
        report = build_report(merged)
        assert report.network["dead_points_somewhere"] == whole.network["dead_points_somewhere"]
        for site in whole:
            for name in ("unit_active", "unit_low", "unit_high", "patterns", "entropy", "dead_point_count"):
                assert np.array_equal(report[site.name][name], site[name]), name
            assert report[site.name].vni == pytest.approx(site.vni, abs=VNI)
    assert one.merge(other).provenance["way"] == (f"{backend}, {PORTABLE}" if any(ways) else backend)


@pytest.mark.parametrize("ways", [(False, True), (True, False)])
def test_a_run_resumes_with_another_backend(backend: str, ways: tuple[bool, bool], tmp_path: Path) -> None:
    made, x = perceptron18(), samples(200)
    first, then = (Options(measures=ALL, portable=portable) for portable in ways)
    before = observe(load(made), x, Options(**{**vars(first), "limit": 90}))
    before.save(tmp_path / "state")
    after = observe(load(made), x, then, resume=State.load(tmp_path / "state"))
    assert after.samples == 200
    assert differences(build_report(after), analyze(made, x, measures=ALL, portable=True)) == []


def test_blas_uses_one_thread_while_statistics_are_computed(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, waiting for BLAS threads takes a hundred times as long as the products."""
    threads, total = [], ProbeAccumulator.total

    def report(self: ProbeAccumulator) -> Any:
        threads.extend(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")
        return total(self)

    monkeypatch.setattr(ProbeAccumulator, "total", report)
    with threadpool_limits(2, user_api="blas"):
        observe(load(perceptron18()), samples(80), Options(measures=["vni"]))
    assert threads
    assert set(threads) == {1}
