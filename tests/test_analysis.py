"""analyze: its options and their effects, labels, error messages."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

import relucid
from relucid.analyzer import demo
from relucid.analyzer.analysis import analyze
from relucid.analyzer.errors import DataError, ModelError, OptionError
from relucid.analyzer.model import load
from relucid.analyzer.sites import find_sites
from relucid.analyzer.values.estimate import Estimate

from . import reference
from .small import model, perceptron, samples


def z_of(made: onnx.ModelProto, x: np.ndarray) -> dict[str, np.ndarray]:
    """Pre-activations of a perceptron, by site, by plain onnxruntime."""
    values = reference.outputs(made, ["z1", "z2"], {"x": x})
    return {"h1": values["z1"][:, None], "h2": values["z2"][:, None]}


def test_the_face_is_the_function() -> None:
    assert relucid.analyze is analyze


@pytest.mark.parametrize("measure", ["units", "points", "patterns", "vni", "margins", "preactivation_vni"])
def test_a_measure_asked_for_alone_comes_alone_and_is_the_same(measure: str) -> None:
    whole = analyze(
        perceptron(), samples(50), measures=["units", "points", "patterns", "vni", "margins", "preactivation_vni"]
    )
    alone = analyze(perceptron(), samples(50), measures=[measure])
    for site in alone:
        assert set(site.values) < set(whole[site.name].values)
        for name, value in site.values.items():
            if "vni" in name or "effective" in name:
                assert value == pytest.approx(whole[site.name][name], rel=1e-6)
            else:
                assert np.array_equal(value, whole[site.name][name])


def test_margins_and_the_vni_of_pre_activations() -> None:
    made, x = perceptron(), samples(80)
    report = analyze(made, x, measures=["margins", "preactivation_vni"])
    for name, z in z_of(made, x).items():
        site = report[name]
        assert site.unit_upper_satisfied == pytest.approx(np.mean([z[..., j].max() >= 1 for j in range(z.shape[2])]))
        assert site.unit_lower_satisfied == pytest.approx(np.mean([z[..., j].min() <= -1 for j in range(z.shape[2])]))
        assert site.point_upper_satisfied == pytest.approx(np.mean([one.max() >= 1 for one in z]))
        assert site.point_lower_satisfied == pytest.approx(np.mean([one.min() <= -1 for one in z]))
        assert site.preactivation_vni == pytest.approx(reference.vni(z)[1], rel=1e-6)


def test_global_patterns_are_the_set_of_all_bits_side_by_side() -> None:
    made, x = perceptron(), samples(200)
    report = analyze(made, x, measures=["global_patterns"], batch=32)
    assert report.global_patterns == reference.global_patterns(list(z_of(made, x).values()))
    assert report.global_patterns < 200


def test_global_patterns_of_a_convolution_hold_every_position(shared_models: Path, shared_data: Path) -> None:
    path = shared_models / "marabou_cnn_max_mninst2.onnx"
    with np.load(shared_data / "mnist_test.npz") as stored:
        x = np.repeat(stored["images"][:40, ..., None], 2, axis=0).astype(np.float32) / 255
    names = [site.value for site in find_sites(load(path).ir)]
    values = reference.outputs(onnx.load(path), names, {"conv2d_14_input": x})
    report = analyze(path, x, measures=["global_patterns"])
    assert report.global_patterns == reference.global_patterns([values[name] for name in names]) == 40


def test_sites_by_glob_and_by_kind() -> None:
    made = model("g (float[N, 6] x) => (float[N, 6] y) { a = Relu(x) b = LeakyRelu<alpha = 0.1>(a) y = Elu(b) }")
    x = samples(9)
    assert [s.name for s in analyze(made, x)] == ["a", "b", "y"]
    assert [s.name for s in analyze(made, x, sites="[ab]")] == ["a", "b"]
    assert [s.name for s in analyze(made, x, sites=["y", "a*"])] == ["a", "y"]
    assert [s.name for s in analyze(made, x, kinds=["elu"])] == ["y"]
    assert analyze(made, x, kinds="elu", measures="units") == analyze(made, x, kinds=["elu"], measures=["units"])
    assert analyze(made, x, sites=["a", "y*", "yes"]).notes == ("No site matches 'yes'; `relucid sites` lists them.",)
    with pytest.raises(OptionError, match=r"matches a site, got 'nothing\*'; choose from a, b, y$"):
        analyze(made, x, sites="nothing*")
    with pytest.raises(OptionError, match=r"expected kinds of sites among .*, got 'sigmoid'"):
        analyze(made, x, kinds=["sigmoid"])


def test_a_name_with_brackets_names_its_site() -> None:
    made = model("g (float[N, 6] x) => (float[N, 6] y) { a = Relu(x) y = Relu(a) }")
    made.graph.node[0].name = "block[0]/act"
    assert [s.name for s in analyze(made, samples(3), sites="block[0]/act")] == ["block[0]/act"]


def test_another_unit_axis_is_counted_and_told() -> None:
    made = model("g (float[N, 3, 4] x) => (float[N, 3, 4] y) { y = Relu(x) }")
    x = samples(20, 3, 4)
    for axis, z in ((1, np.moveaxis(x, 1, 2)), (2, x), (-1, x)):
        site = analyze(made, x, unit_axis={"y": axis}).sites[0]
        assert (site.unit_axis, site.units, site.positions) == (axis, z.shape[2], z.shape[1])
        assert site.patterns == reference.patterns(z)["patterns"]
    with pytest.raises(OptionError, match="the 3 axes of site 'y', got 3"):
        analyze(made, x, unit_axis={"y": 3})
    with pytest.raises(OptionError, match="got its sample axis 0"):
        analyze(made, x, unit_axis={"y": 0})
    with pytest.raises(OptionError, match="expected the name of a site, got 'nobody'"):
        analyze(made, x, unit_axis={"nobody": 1})


def test_units_by_position() -> None:
    made = model("g (float[N, 3, 2, 2] x) => (float[N, 3, 2, 2] y) { y = Relu(x) }")
    x = samples(40, 3, 2, 2)
    x[:, 1, 0, 1] = -1
    site = analyze(made, x, units="position").sites[0]
    z = x.reshape(40, 1, 12)
    assert (site.units, site.positions, site.dead_units) == (12, 1, (5,))
    assert site.patterns == reference.patterns(z)["patterns"]
    assert site.vni == pytest.approx(reference.vni(np.maximum(z, 0))[1], rel=1e-6)


@pytest.mark.parametrize(
    ("operator", "threshold", "h"),
    [
        ("ThresholdedRelu<alpha = 0.5>(x)", 0.5, lambda z: np.where(z > 0.5, z, 0)),
        ("ThresholdedRelu(x)", 1.0, lambda z: np.where(z > 1, z, 0)),
        ("LeakyRelu<alpha = 0.25>(x)", 0.0, lambda z: np.where(z > 0, z, 0.25 * z)),
        ("Elu(x)", 0.0, lambda z: np.where(z > 0, z, np.expm1(z))),
        ("Clip(x, low, high)", 0.0, lambda z: np.clip(z, 0, 0.75)),
    ],
)
def test_where_a_unit_switches_and_what_it_makes_of_it(operator: str, threshold: float, h: object) -> None:
    made = model(
        f"g (float[N, 6] x) => (float[N, 6] y) {{ y = {operator} }}",
        low=np.array(0, dtype=np.float32),
        high=np.array(0.75, dtype=np.float32),
    )
    x = samples(60)
    x[0, 0] = threshold  # on the threshold means off
    site = analyze(made, x).sites[0]
    z = x[:, None] - np.float32(threshold)
    assert site.unit_active.tolist() == (x > threshold).sum(axis=0).tolist()
    assert site.patterns == reference.patterns(z)["patterns"]
    assert site.dead_points == reference.points(z)["dead_points"]
    assert site.vni == pytest.approx(reference.vni(h(x.astype(np.float64))[:, None])[1], rel=1e-5)


def test_estimates_beyond_capacity_are_within_three_of_their_errors_for_19_of_20_seeds(
    shared_models: Path, shared_data: Path
) -> None:
    path = shared_models / "winml_cifar_imageclassifier.onnx"
    with np.load(shared_data / "cifar10_test_lossless.npz") as stored:
        images = np.moveaxis(stored["images"][:60], 3, 1).astype(np.float32)
    x = (images / 255 - np.float32(0.5)) / np.float32(0.5)
    z = reference.outputs(onnx.load(path), ["53"], {"modelInput": x})["53"]
    exact = reference.patterns(reference.channels_first(z))
    assert exact["patterns"] > 5000
    misses = dict.fromkeys(("patterns", "entropy", "relative_entropy", "top_pattern"), 0)
    for seed in range(20):
        site = analyze(path, x, sites="Relu_6", measures=["patterns"], capacity=1000, seed=seed).sites[0]
        assert isinstance(site.patterns, Estimate)
        assert isinstance(site.entropy, Estimate)
        for name in misses:
            error = site[name].error if isinstance(site[name], Estimate) else 1e-12
            misses[name] += abs(float(site[name]) - exact[name]) > 3 * error
    assert max(misses.values()) <= 1, misses


def test_labels_from_everywhere_mean_the_same(tmp_path: Path) -> None:
    made, x = perceptron(), samples(40)
    scores = reference.outputs(made, ["y"], {"x": x})["y"]
    labels = np.random.default_rng(3).integers(0, 4, 40)
    correct = float((scores.argmax(axis=1) == labels).mean())
    np.savez(tmp_path / "both.npz", x=x, labels=labels)
    np.save(tmp_path / "labels.npy", labels)
    for data, given in (
        (x, labels),
        (x, labels.tolist()),
        (x, tmp_path / "labels.npy"),
        (tmp_path / "both.npz", "labels"),
        ({"x": x, "classes": labels}, "classes"),
    ):
        report = analyze(made, data, labels=given, batch=16)
        assert report.accuracy == correct
        for name, z in z_of(made, x).items():
            for measure, value in reference.information(z, labels).items():
                assert report[name][measure] == pytest.approx(value, abs=1e-9), measure


def test_labels_that_come_with_the_data_are_used() -> None:
    made, x, labels = perceptron(), samples(40), np.random.default_rng(3).integers(0, 4, 40)
    pairs = analyze(made, iter([(x[:30], labels[:30]), (x[30:], labels[30:])]))
    assert reference.differences(pairs, analyze(made, x, labels=labels)) == []
    assert "accuracy" not in analyze(made, x).network


def test_labels_outside_the_classes_are_refused() -> None:
    made, x = perceptron(), samples(8)
    classes = onnxruntime.InferenceSession(made.SerializeToString()).run(None, {"x": x})[0].shape[1]
    for wrong in (np.full(8, classes), np.arange(8) - 1):
        with pytest.raises(DataError, match=f"expected labels from 0 to {classes - 1}"):
            analyze(made, x, labels=wrong)


def test_a_model_in_every_form_gives_the_same_report_and_is_not_changed(tmp_path: Path) -> None:
    made, x = perceptron(), samples(30)
    before = made.SerializeToString()
    path = tmp_path / "model.onnx"
    onnx.save(made, path)
    graph = ir.from_proto(made)
    whole = analyze(path, x)
    for form in (str(path), path.read_bytes(), made, graph):
        assert reference.differences(whole, analyze(form, x)) == []
    assert made.SerializeToString() == before
    assert ir.to_proto(graph).SerializeToString() == ir.to_proto(ir.from_proto(made)).SerializeToString()


def test_exact_turns_the_optimisations_off_and_says_so() -> None:
    fast, exact = analyze(perceptron(), samples(30)), analyze(perceptron(), samples(30), exact=True)
    assert (fast.provenance["optimisation"], exact.provenance["optimisation"]) == ("all", "off")
    assert reference.differences(fast, exact, tolerance=1e-5) == []


def test_threads_change_nothing() -> None:
    one, four = (analyze(demo.model(), demo.data(), limit=100, threads=threads) for threads in (1, 4))
    assert reference.differences(one, four) == []


@pytest.mark.parametrize("measure", ["vni", "preactivation_vni"])
def test_vni_is_left_out_where_it_would_take_too_much_memory(measure: str) -> None:
    report = analyze(perceptron(units=(7, 5)), samples(30), squares=5, measures=[measure])
    assert (report["h1"][measure], report["h1"][measure.replace("vni", "effective_units")]) == (None, None)
    assert report["h2"][measure] is not None
    assert [note for note in report.notes if "more than 5 units" in note and "h1" in note]


def test_random_data_is_the_same_for_the_same_seed() -> None:
    one, same, other = (analyze(perceptron(), "random:20", seed=seed) for seed in (1, 1, 2))
    assert reference.differences(one, same) == []
    assert reference.differences(one, other) != []


def test_a_limit_reads_no_further() -> None:
    def endless() -> Iterator[np.ndarray]:
        while True:
            yield samples(5)

    assert analyze(perceptron(), endless(), limit=12).samples == 12


def test_an_error_of_the_users_own_loader_passes_through() -> None:
    def loader() -> Iterator[np.ndarray]:
        yield samples(2)
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        analyze(perceptron(), loader())


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # torch's own
def test_a_torch_module_is_exported_and_analysed() -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(4 * 36, 8), torch.nn.ReLU()
    ).eval()
    x = samples(20, 1, 8, 8)
    report = analyze(net, x, example_inputs=(torch.zeros(2, 1, 8, 8),))
    assert [(site.name, site.units) for site in report] == [("1", 4), ("4", 8)]
    with torch.no_grad():
        first = net[0](torch.from_numpy(x))
        last = net[:4](torch.from_numpy(x)).numpy()[:, None]
    assert report["1"].patterns == reference.patterns(reference.channels_first(first.numpy()))["patterns"]
    assert report["4"].unit_active.tolist() == reference.units(last)["unit_active"].tolist()
    with pytest.raises(ModelError, match="expected example inputs"):
        analyze(net, x)
