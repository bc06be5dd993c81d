"""With labels too, every backend gives the same report and state."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relucid.analyzer import demo
from relucid.analyzer.analysis import analyze, observe
from relucid.analyzer.model import load
from relucid.analyzer.native import unavailable_reason
from relucid.analyzer.options import Options
from relucid.analyzer.report import Report
from relucid.analyzer.report.evaluation import build_report
from relucid.analyzer.runtime.probe_setup import PORTABLE
from relucid.analyzer.runtime.stream import PROOF
from relucid.analyzer.state.analysis_state import State
from relucid.analyzer.stats import LabelledPatterns

from .. import reference
from ..small import model, perceptron, samples
from .test_backends import SHAPES, perceptron18

MEASURES = ["units", "points", "patterns", "vni", "information", "global_patterns"]
MEASURED = ("label_entropy", "joint_entropy", "conditional_entropy", "mutual_information")


def classes(count: int, *, seed: int = 5) -> np.ndarray:
    """Four classes, not equally frequent."""
    return np.random.default_rng(seed).choice(4, count, p=[0.5, 0.3, 0.15, 0.05]).astype(np.int64)


def both(made: Any, data: Any, labels: Any, **options: Any) -> tuple[Report, Report]:
    """The report by probes, and the one by numpy."""
    options = {"measures": MEASURES, "labels": labels, **options}
    return analyze(made, data, **options), analyze(made, data, portable=True, **options)


def pairs_of(state: State) -> dict[str, LabelledPatterns]:
    return {name: kinds["LabelledPatterns"] for name, kinds in state.statistics.items()}


def assert_same_pairs(one: State, other: State) -> None:
    """Everything but which frequent pairs are tracked past the capacity, which the order of merging decides."""
    ours, theirs = pairs_of(one), pairs_of(other)
    assert ours.keys() == theirs.keys() != set()
    for name in ours:
        a, b = ours[name], theirs[name]
        assert (a.units, a.seed, a.capacity, a.total, a.level) == (b.units, b.seed, b.capacity, b.total, b.level)
        for field in ("keys", "counts", "classes", "class_counts"):
            assert getattr(a, field).dtype == getattr(b, field).dtype
            assert np.array_equal(getattr(a, field), getattr(b, field)), (name, field)


def seen(made: Any, x: np.ndarray, labels: np.ndarray, **options: Any) -> State:
    return observe(load(made), x, Options(measures=["information"], **options), labels=labels)


def test_the_demo_with_its_labels(backend: str) -> None:
    probed, tapped = (analyze(demo.model(), demo.data(), labels="labels", portable=each) for each in (False, True))
    assert (probed.provenance["way"], tapped.provenance["way"]) == (backend, PORTABLE)
    assert reference.differences(probed, tapped) == []
    assert all(name in site.values for site in probed for name in MEASURED)


def test_information_is_that_of_a_counter(backend: str) -> None:
    """The oracle: plain onnxruntime's values, counted pair by pair."""
    made, x, labels = perceptron18(), samples(400), classes(400)
    z = reference.outputs(made, ["z1", "z2"], {"x": x})
    found = analyze(made, x, labels=labels)
    assert found.provenance["way"] == backend
    for site, name in (("h1", "z1"), ("h2", "z2")):
        expected = reference.information(z[name][:, np.newaxis, :], labels)
        for each in MEASURED:
            assert found[site][each] == pytest.approx(expected[each], abs=1e-9), (site, each)


def test_native_pairs_are_counted_by_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Except those of the first runs, whose taps are used to check the sample axes."""
    if unavailable_reason() is not None:
        pytest.skip(f"no native probes: {unavailable_reason()}")
    by_numpy, of_pairs = [], LabelledPatterns.of_pairs

    def of(keys: np.ndarray, *args: Any, **options: Any) -> LabelledPatterns:
        by_numpy.append(keys.size)
        return of_pairs(keys, *args, **options)

    monkeypatch.setattr(LabelledPatterns, "of_pairs", of)
    state = seen(perceptron18(), samples(500), classes(500))
    assert {pairs.total for pairs in pairs_of(state).values()} == {500}
    assert sum(by_numpy) == len(pairs_of(state)) * PROOF


@pytest.mark.parametrize("units", ["channel", "position"])
@pytest.mark.parametrize("name", SHAPES)
def test_layers_of_every_layout_and_type(backend: str, name: str, units: str) -> None:
    graph, shape, weights = SHAPES[name]
    dtype = {"double": np.float64, "half": np.float16}.get(name.split(maxsplit=1)[0], np.float32)
    made = model(graph, opset=20, W=samples(*weights, seed=3).astype(dtype))
    x, labels = samples(50, *shape).astype(dtype), classes(50)
    one, other = (seen(made, x, labels, units=units, portable=portable) for portable in (False, True))
    assert (one.provenance["way"], other.provenance["way"]) == (backend, PORTABLE)
    assert_same_pairs(one, other)
    assert reference.differences(build_report(one), build_report(other)) == []


@pytest.mark.parametrize("operator", ["ThresholdedRelu<alpha = 0.5>(x)", "Max(x, zero)", "Clip(x, zero, one)"])
def test_functions_of_every_kind(backend: str, operator: str) -> None:
    zero, one = np.array(0, np.float32), np.array(1, np.float32)
    made = model(f"g (float[N, 6] x) => (float[N, 6] y) {{ y = {operator} }}", opset=18, zero=zero, one=one)
    probed, tapped = both(made, samples(60), classes(60))
    assert probed.provenance["way"] == backend
    assert reference.differences(probed, tapped) == []


@pytest.mark.parametrize("batch", [1, 7, None])
@pytest.mark.parametrize("sizes", [[70], [1, 40, 29]], ids=str)
def test_no_number_depends_on_how_the_data_is_cut(backend: str, batch: int | None, sizes: list[int]) -> None:
    x, labels, cuts = samples(70), classes(70), np.cumsum(sizes)[:-1]
    parts = zip(np.split(x, cuts), np.split(labels, cuts), strict=True)
    found = analyze(perceptron18(), parts, measures=MEASURES, batch=batch)
    expected = analyze(perceptron18(), x, labels=labels, measures=MEASURES, portable=True)
    assert found.provenance["way"] == backend
    assert "accuracy" in found.network
    assert reference.differences(found, expected) == []


@pytest.mark.parametrize("capacity", [1, 8, 60])
def test_a_table_that_overflows_samples_the_same_pairs(backend: str, capacity: int) -> None:
    made, x, labels = perceptron18(), samples(3000), classes(3000)
    one, other = (seen(made, x, labels, capacity=capacity, portable=portable) for portable in (False, True))
    assert one.provenance["way"] == backend
    assert max(pairs.level for pairs in pairs_of(one).values()) > 0
    assert_same_pairs(one, other)


def test_what_is_told_of_frequent_pairs_holds(backend: str) -> None:
    """The true count of each pair, from a table with room for all, is in [count, count + missed]."""
    made, x, labels = perceptron18(), samples(3000), classes(3000)
    small, large = (pairs_of(seen(made, x, labels, capacity=capacity)) for capacity in (16, 10_000))
    for name, pairs in small.items():
        assert pairs.level > large[name].level == 0
        counts, missed = pairs.bounds(large[name].keys)
        assert (counts <= large[name].counts).all()
        assert (large[name].counts <= counts + missed).all()


def test_a_table_that_overflows_in_the_middle_of_a_sequence_of_positions(backend: str) -> None:
    graph, shape, weights = SHAPES["convolution"]
    made = model(graph, opset=18, W=samples(*weights, seed=3))
    x, labels = samples(300, *shape), classes(300)
    one, other = (seen(made, x, labels, capacity=32, portable=portable) for portable in (False, True))
    assert min(pairs.level for pairs in pairs_of(one).values()) > 0
    assert_same_pairs(one, other)


@pytest.mark.parametrize("capacity", [8, 2**20])
@pytest.mark.parametrize("ways", [(False, False), (False, True), (True, False)])
def test_shards_merge_however_they_were_made(backend: str, ways: tuple[bool, bool], capacity: int) -> None:
    made, x, labels = perceptron18(), samples(2000), classes(2000)
    parts = [
        seen(made, x, labels, portable=portable, capacity=capacity, shard=(place, 2))
        for place, portable in enumerate(ways)
    ]
    whole = seen(made, x, labels, portable=True, capacity=capacity)
    for merged in (parts[0].merge(parts[1]), parts[1].merge(parts[0])):
        assert_same_pairs(merged, whole)
    if capacity > 2000:
        report, expected = build_report(parts[0].merge(parts[1])), build_report(whole)
        for site in expected:
            for name in MEASURED:
                assert report[site.name][name] == pytest.approx(site[name], abs=1e-9), name


@pytest.mark.parametrize("ways", [(False, True), (True, False)])
def test_a_run_goes_on_in_another_way(backend: str, ways: tuple[bool, bool], tmp_path: Path) -> None:
    made, x, labels = perceptron18(), samples(200), classes(200)
    seen(made, x, labels, portable=ways[0], limit=90).save(tmp_path / "state")
    options = Options(measures=["information"], portable=ways[1])
    after = observe(load(made), x, options, labels=labels, resume=State.load(tmp_path / "state"))
    assert after.samples == 200
    assert_same_pairs(after, seen(made, x, labels, portable=True))


@pytest.mark.parametrize("spoilt", [np.nan, -np.inf])
def test_pairs_of_samples_that_are_not_finite_are_left_out(backend: str, spoilt: float) -> None:
    x, labels = samples(200), classes(200)
    x[5::50, 2] = spoilt
    probed, tapped = both(perceptron18(), x, labels, batch=16)
    assert probed.provenance["way"] == backend
    assert probed["h1"].nonfinite_samples == tapped["h1"].nonfinite_samples > 0
    assert reference.differences(probed, tapped) == []


@pytest.mark.parametrize("fixed", [1, 4])
def test_a_model_fixed_to_its_batch(backend: str, fixed: int) -> None:
    bound = perceptron(batch=fixed)
    bound.opset_import[0].version = 18
    labels = classes(42)
    found = analyze(bound, samples(42), labels=labels, measures=MEASURES)
    assert found.provenance["way"] == backend
    expected = analyze(perceptron18(), samples(42), labels=labels, measures=MEASURES, portable=True)
    assert reference.differences(found, expected) == []


def test_samples_and_time_flattened_together_keep_their_taps_beside_probes(backend: str) -> None:
    made = model(
        """g (float[N, 6, 3] x) => (sum) {
            h = Relu(x)
            r = Reshape(h, s)
            z = MatMul(r, W)
            y = Relu(z)
            sum = ReduceSum(y)
        }""",
        opset=18,
        W=samples(3, 4, seed=3),
        s=np.array([-1, 3]),
    )
    x, labels = samples(30, 6, 3), classes(30)
    options = {"measures": ["patterns", "information"], "sites": ["h", "y"]}
    one, other = (
        observe(load(made), x, Options(**options, portable=portable), labels=labels) for portable in (False, True)
    )
    assert one.provenance["way"] == backend
    assert_same_pairs(one, other)


def test_sequences_of_different_lengths(backend: str) -> None:
    made = model(
        "g (float[batch, T, 3] x) => (float[batch, T, 4] y) { z = MatMul(x, W) y = Relu(z) }",
        opset=18,
        W=samples(3, 4, seed=3),
    )
    lengths = [2, 2, 5, 3, 2, 7, 7, 7, 7, 1, 4]

    def rows() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for place, length in enumerate(lengths):
            yield samples(1, length, 3, seed=place), np.array([place % 3])

    probed, tapped = (analyze(made, list(rows()), measures=MEASURES, portable=portable) for portable in (False, True))
    assert probed.samples == 11
    assert probed["y"].label_entropy == tapped["y"].label_entropy > 0
    assert reference.differences(probed, tapped) == []


@pytest.mark.parametrize("labels", [[-3, 2**40], [-(2**63), 2**63 - 1]], ids=["signed", "extreme"])
def test_classes_are_any_integers(backend: str, labels: list[int]) -> None:
    """Of a model without scores; classes that are no places among scores have no accuracy."""
    graph = "g (float[N, 6] x) => (float[N] y) { h = Relu(x) y = ReduceSum<keepdims = 0>(h, units) }"
    made = model(graph, opset=18, units=np.array([1]))
    x, given = samples(90), np.resize(np.array(labels, np.int64), 90)
    one, other = (seen(made, x, given, portable=portable) for portable in (False, True))
    assert one.provenance["way"] == backend
    assert_same_pairs(one, other)
    assert all(pairs.classes.tolist() == sorted(labels) for pairs in pairs_of(one).values())
