"""compare and compare_chain: a case by hand, two checkpoints of a trained net by numpy, batches, chains."""

import math
import weakref
from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import relucid
from relucid.analyzer.compare import compare, compare_chain
from relucid.analyzer.compare.api import MEASURES, observe_models
from relucid.analyzer.compare.site_changes import NetworkChanges
from relucid.analyzer.errors import DataError
from relucid.analyzer.model import load
from relucid.analyzer.options import Options
from relucid.analyzer.stats.merge_tree import count_bytes
from relucid.analyzer.values.estimate import Estimate

from .. import reference
from ..small import model, perceptron, samples
from .states import course, digits

X = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], dtype=np.float32)
TWO_LAYERS = """g (float[N, 2] x) => (float[N, 1] y) {
    z1 = Add(x, b1) h1 = Relu(z1) s = MatMul(h1, W2) z2 = Add(s, b2) y = Relu(z2)
}"""
W2 = np.array([[1], [-1]], dtype=np.float32)


def two_layers(*b1: float) -> onnx.ModelProto:
    return model(TWO_LAYERS, b1=np.array(b1, dtype=np.float32), W2=W2, b2=np.array([-0.5], dtype=np.float32))


def test_two_layers_by_hand() -> None:
    """h1 before: 11, 10, 01, 00 and z2 = -.5, .5, -1.5, -.5; after, with 2 added to the second unit, h1 is 11, 11, 01,
    01 and z2 = -2.5, -.5, -3.5, -1.5."""
    change = compare(two_layers(0, 0), two_layers(0, 2), X)
    one, two = change["h1"], change["y"]
    assert (one.distance, one.temperature, one.flip_share) == (0.5, 1, 0.25)
    assert (one.unit_flips.tolist(), one.unit_flip_share.tolist()) == ([0, 2], [0, 0.5])
    assert (one.jaccard, one.weighted_jaccard) == (0.5, pytest.approx(1 / 3))
    assert (one.added, one.removed, one.net_change, one.symmetric_difference) == (0, 2, -1, 0.5)
    assert (one.patterns_before, one.patterns_after, one.entropy_before, one.entropy_after) == (4, 2, 2, 1)
    assert (one.vni_before, one.vni_after) == (pytest.approx(0.5), pytest.approx(1.0625 / 1.25**2))
    assert (two.distance, two.temperature, two.unit_flips.tolist()) == (0.25, pytest.approx(-math.log2(0.75)), [1])
    assert (two.weighted_jaccard, two.jaccard, two.added, two.removed) == (pytest.approx(3 / 5), 0.5, 0, 1)
    assert (two.dead_units_before, two.dead_units_after, two.dead_unit_ratio_after) == ((), (0,), 1)
    assert (two.entropy_before, two.entropy_after) == (pytest.approx(0.8112781245), 0)
    assert (two.vni_before, two.vni_after) == (pytest.approx(1), None)
    assert change.mean_distance == 0.375
    assert change.network_temperature == pytest.approx(-math.log2(0.625))
    assert change.mean_temperature == pytest.approx((1 - math.log2(0.75)) / 2)
    assert (change.clipped_sites, change.samples) == ((), 4)


def test_where_every_pattern_changed_the_temperature_is_infinite_and_its_mean_clipped() -> None:
    change = compare(two_layers(2, 0), two_layers(-2, 0), X)
    assert change["h1"].distance == 1
    assert change["h1"].temperature is None
    assert change.clipped_sites == ("h1",)
    D = change["y"].distance
    assert change.mean_temperature == pytest.approx((math.log2(2 * 4) - math.log2(1 - D)) / 2)
    assert "inf" in str(change)
    assert "infinite ones as log2(2 patterns): h1" in str(change)


def by_numpy(before: list[np.ndarray], after: list[np.ndarray]) -> dict[str, object]:
    """Every number of a comparison of one site, from z and h (sample, position, unit) of both states."""
    (a, h_a), (b, h_b) = before, after
    flipped = (a > 0) != (b > 0)
    c, d = Counter(reference.signs(a)), Counter(reference.signs(b))
    often = [{key for key, times in each.items() if times > 10} for each in (c, d)]
    return {
        "distance": flipped.any(axis=2).mean(),
        "temperature": -np.log2(1 - flipped.any(axis=2).mean()),
        "flip_share": flipped.mean(),
        "unit_flips": flipped.sum(axis=(0, 1)),
        "unit_flip_share": flipped.mean(axis=(0, 1)),
        "weighted_jaccard": sum((c & d).values()) / sum((c | d).values()),
        "jaccard": len(c.keys() & d.keys()) / len(c.keys() | d.keys()),
        "frequent_jaccard": len(often[0] & often[1]) / len(often[0] | often[1]),
        "symmetric_difference": len(c.keys() ^ d.keys()) / len(c.keys() | d.keys()),
        "added": len(d.keys() - c.keys()),
        "removed": len(c.keys() - d.keys()),
        "net_change": (len(d) - len(c)) / len(d),
        "units": a.shape[2],
        "positions": a.shape[1],
        "samples": a.shape[0],
        "nonfinite_samples": 0,
        **state_by_numpy(a, h_a, "before"),
        **state_by_numpy(b, h_b, "after"),
    }


def state_by_numpy(z: np.ndarray, h: np.ndarray, when: str) -> dict[str, object]:
    patterns, dead = reference.patterns(z), reference.units(z)["dead_units"]
    return {
        f"patterns_{when}": patterns["patterns"],
        f"entropy_{when}": patterns["entropy"],
        f"relative_entropy_{when}": patterns["relative_entropy"],
        f"vni_{when}": reference.vni(h)[1],
        f"dead_units_{when}": dead,
        f"dead_unit_ratio_{when}": len(dead) / z.shape[2],  # type: ignore[arg-type]
    }


def sites_by_numpy(made: onnx.ModelProto, x: np.ndarray) -> list[list[np.ndarray]]:
    """z and h of the three sites of the digits net, by plain onnxruntime."""
    z1, z2, z3 = reference.outputs(made, ["z1", "z2", "z3"], {"image": x}).values()
    zs = [reference.channels_first(z1), reference.channels_first(z2), z3[:, None]]
    return [[z, np.maximum(z, 0)] for z in zs]


@pytest.mark.parametrize("batch", [None, 1, 7, 256])
def test_two_checkpoints_of_a_trained_net_by_numpy(batch: int | None) -> None:
    states, (x, labels) = course(rate=0.05, epochs=4), digits()
    x, labels = x[:400], labels[:400]
    scores = reference.outputs(states[-1], ["scores"], {"image": x})["scores"]
    assert (scores.argmax(axis=1) == labels).mean() > 0.7
    before, after = states[-2:]
    change = compare(before, after, x, batch=batch)
    pairs = zip(sites_by_numpy(before, x), sites_by_numpy(after, x), strict=True)
    expected = {name: by_numpy(*pair) for name, pair in zip(("h1", "h2", "h3"), pairs, strict=True)}
    assert [site.name for site in change] == list(expected)
    for site in change:
        assert set(site.values) == set(expected[site.name])
        for name, value in expected[site.name].items():
            np.testing.assert_allclose(site[name], value, rtol=1e-6, atol=1e-12, err_msg=f"{site.name}.{name}")
    D = [float(each["distance"]) for each in expected.values()]  # type: ignore[arg-type]
    assert 0.1 < change.mean_distance < 1
    assert change.mean_distance == pytest.approx(np.mean(D))
    assert change.network_temperature == pytest.approx(-np.log2(1 - np.mean(D)))
    assert change.mean_temperature == pytest.approx(np.mean(-np.log2(1 - np.array(D))))


def test_distance_grows_with_the_learning_rate_between_epochs_of_a_run() -> None:
    x = digits()[0][:500]
    for epoch in (0, 1):
        changes = [compare(*course(rate=rate, epochs=2)[epoch : epoch + 2], x) for rate in (0.001, 0.01, 0.1)]
        shares = [change.mean_distance for change in changes]
        assert shares == sorted(shares)
        assert shares[-1] > 2 * shares[0] > 0
        assert [change.network_temperature for change in changes] == pytest.approx(-np.log2(1 - np.array(shares)))


def test_a_model_against_itself_has_changed_in_nothing() -> None:
    itself = compare(relucid.demo.model(), relucid.demo.model(), relucid.demo.data())
    assert (itself.mean_distance, itself.network_temperature, itself.mean_temperature) == (0, 0, 0)
    for site in itself:
        assert (site.distance, site.temperature, site.flip_share, site.unit_flips.any()) == (0, 0, 0, False)
        assert (site.jaccard, site.weighted_jaccard, site.frequent_jaccard) == (1, 1, 1)
        assert (site.added, site.removed, site.net_change, site.symmetric_difference) == (0, 0, 0, 0)
        before = {name: value for name, value in site.values.items() if name.endswith("_before")}
        assert before == {name: site[name.replace("_after", "_before")] for name in before}
        assert all(site[name.replace("_before", "_after")] == value for name, value in before.items())


def test_what_it_says_of_each_state_is_what_an_analysis_says() -> None:
    made, x = perceptron(), samples(50)
    change, report = compare(made, perceptron(seed=1), x), relucid.analyze(made, x)
    for site in change:
        for name in ("patterns", "entropy", "relative_entropy", "vni", "dead_units", "dead_unit_ratio"):
            assert site[f"{name}_before"] == pytest.approx(report[site.name][name]), name


@pytest.mark.parametrize("spoilt", ["before", "after", "data"])
def test_a_sample_that_is_not_finite_in_every_state_is_in_no_number_of_the_site(spoilt: str) -> None:
    x = samples(40)
    x[[3, 30], 0] = np.nan if spoilt == "data" else 1e38
    before, after = perceptron(), perceptron(seed=1)
    for name, made in (("before", before), ("after", after)):
        large = 1e30 if name == spoilt else 1.0
        weights = numpy_helper.to_array(made.graph.initializer[0]) * np.float32(large)
        made.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, made.graph.initializer[0].name))
    change = compare(before, after, x)
    clean = compare(before, after, np.delete(x, [3, 30], axis=0))
    for site, other in zip(change, clean, strict=True):
        assert site.nonfinite_samples == 2
        assert site.samples == 38
        assert any(note.startswith(f"{site.name}: ") and "in 2 samples (first: 3)" in note for note in change.notes)
        differ = {name for name in site.values if not np.array_equal(site[name], other[name])}
        assert differ <= {"nonfinite_samples"}


def test_where_no_sample_is_finite_nothing_is_compared() -> None:
    change = compare(perceptron(), perceptron(seed=1), np.full((5, 6), np.nan, dtype=np.float32))
    assert (len(change.sites), dict(change.network)) == (0, {"samples": 5})
    assert [row[0] for row in change.not_analysable] == ["h1", "h2"]
    assert "all 5 samples" in str(change)


def test_past_the_capacity_the_overlap_is_an_estimate_and_the_distance_is_not() -> None:
    states, x = course(rate=0.05, epochs=4), digits()[0][:200]
    exact, few = (compare(states[1], states[2], x, capacity=capacity) for capacity in (2**20, 10))
    for site in few:
        assert site.distance == exact[site.name].distance
        assert site.unit_flips.tolist() == exact[site.name].unit_flips.tolist()
        assert isinstance(site.weighted_jaccard, Estimate)
        assert abs(site.weighted_jaccard.value - exact[site.name].weighted_jaccard) <= 3 * site.weighted_jaccard.error
    assert "~ marks an estimate" in str(few)


def test_options_are_those_of_an_analysis() -> None:
    x = samples(30)
    change = compare(perceptron(), perceptron(seed=1), {"data": x}, inputs={"x": "data"}, sites="h2", limit=20)
    assert [site.name for site in change] == ["h2"]
    assert (change.samples, change["h2"].samples) == (20, 20)
    assert compare(perceptron(), perceptron(seed=1), x, squares=5)["h1"].vni_before is None
    assert change.provenance["optimisation"] == "all"
    assert compare(perceptron(), perceptron(), x, exact=True).provenance["optimisation"] == "off"
    image = model("g (float[N, 2, 2, 2] x) => (float[N, 2, 2, 2] y) { y = Relu(x) }")
    assert compare(image, image, samples(3, 2, 2, 2), units="position").sites[0].units == 8
    assert compare(image, image, samples(3, 2, 2, 2), unit_axis={"y": 3}).sites[0].positions == 4


def test_units_switch_at_their_own_threshold() -> None:
    above = "g (float[N, 6] x) => (float[N, 6] y) {{ y = ThresholdedRelu<alpha = {}>(x) }}"
    x = samples(50)
    change = compare(model(above.format(0.5)), model(above.format(1.0)), x)
    assert change["y"].flip_share == pytest.approx(((x > 0.5) != (x > 1)).mean())


def test_a_chain_is_its_pairs() -> None:
    states, x = course(rate=0.05, epochs=4), digits()[0][:300]
    whole = compare_chain(states, x)
    last = len(states) - 1
    assert whole.states == tuple(whole.provenance["models"])
    for number, state in enumerate(states):
        plan = {"first": (states[0], state), "last": (state, states[last])}
        plan |= {"previous": (states[number - 1], state)} if number else {}
        for other, pair in plan.items():
            change = compare(*pair, x)
            for site in whole:
                for name in ("distance", "temperature", "weighted_jaccard", "jaccard", "frequent_jaccard"):
                    assert site[f"{name}_to_{other}"][number] == change[site.name][name]
            for name in ("mean_distance", "network_temperature", "mean_temperature"):
                assert whole.network[f"{name}_to_{other}"][number] == pytest.approx(change.network[name])
            similar = np.mean([site.weighted_jaccard for site in change])
            assert whole.network[f"mean_weighted_jaccard_to_{other}"][number] == pytest.approx(similar)
        for site in whole:
            for name in ("patterns", "entropy", "relative_entropy", "vni", "dead_unit_ratio"):
                assert site[name][number] == change[site.name][f"{name}_{'after' if number else 'before'}"]
    assert whole.mean_weighted_jaccard_to_previous[0] is None
    assert whole.mean_weighted_jaccard_to_first[0] == whole.mean_weighted_jaccard_to_last[last] == 1


def test_memory_does_not_grow_with_the_data() -> None:
    """Batches are freed, and the statistics have the same size after little and after much data."""
    alive = []

    def data(parts: int):
        for number in range(parts):
            part = samples(64, seed=number % 4)
            alive.append(weakref.ref(part))
            yield part
            assert sum(each() is not None for each in alive[:-1]) <= 2

    few, many = (
        observe([perceptron(), perceptron(seed=1)], data(parts), Options(measures=MEASURES), pairs=[(0, 1)])
        for parts in (4, 100)
    )
    for one, other in zip(few.sites, many.sites, strict=True):
        sizes = [[count_bytes(part) for part in each.states[0].values()] for each in (one, other)]
        assert sizes[0] == sizes[1]
        assert count_bytes(one.changes[0, 1]) == count_bytes(other.changes[0, 1])
        assert other.changes[0, 1].count == 25 * one.changes[0, 1].count == 6400


def test_progress_counts_every_sample_once() -> None:
    steps: list[int] = []
    models = [perceptron(), perceptron(seed=1)]
    observe(models, samples(30), Options(measures=MEASURES, batch=8), pairs=[(0, 1)], progress=steps.append)
    assert steps == [8, 8, 8, 6]


def observe(models: list[onnx.ModelProto], *args: object, **options: object) -> NetworkChanges:
    return observe_models([load(each) for each in models], *args, **options)


def test_data_is_walked_once() -> None:
    walked = []

    def data():
        for part in np.array_split(samples(30), 3):
            walked.append(len(part))
            yield part

    change = compare(perceptron(), perceptron(seed=1), data())
    assert (walked, change.samples) == ([10, 10, 10], 30)
    with pytest.raises(DataError, match="expected at least one sample"):
        compare(perceptron(), perceptron(), iter([]))
