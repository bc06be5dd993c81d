"""Third-party trained models on their data: every value against an independent computation.

Preprocessing is that of the manifest. The oracle (reference.py) uses the outputs of plain onnxruntime; accuracies are
those that the manifest lists for onnxruntime.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest

from relucid.analyzer.analysis import analyze
from relucid.analyzer.errors import ModelError
from relucid.analyzer.model import load
from relucid.analyzer.sites import find_sites

from . import reference

PER_UNIT = ("unit_low", "unit_high", "unit_active")


@dataclass(frozen=True)
class Case:
    """A shared model with its data; the oracle computes `samples` of them."""

    name: str
    read: Callable[[Path], tuple[np.ndarray, np.ndarray]]
    correct: int
    samples: int
    axes: tuple[Callable[[np.ndarray], np.ndarray], ...]
    output: str | None = None
    fixed: bool = False
    slopes: tuple[str, ...] = ()


def mnist(data: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(data / "mnist_test.npz") as stored:
        return stored["images"].astype(np.float32), stored["labels"].astype(np.int64)


def mnist_rows(data: Path) -> tuple[np.ndarray, np.ndarray]:
    images, labels = mnist(data)
    return images[:, None], labels


def mnist_unit_rows(data: Path) -> tuple[np.ndarray, np.ndarray]:
    images, labels = mnist(data)
    return images[:, None] / 255, labels


def mnist_unit_last(data: Path) -> tuple[np.ndarray, np.ndarray]:
    images, labels = mnist(data)
    return images[..., None] / 255, labels


def cifar(data: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(data / "cifar10_test_lossless.npz") as stored:
        images = np.moveaxis(stored["images"], 3, 1).astype(np.float32)
        return (images / 255 - np.float32(0.5)) / np.float32(0.5), stored["labels"].astype(np.int64)


def faces(data: Path) -> tuple[np.ndarray, np.ndarray]:
    image = pytest.importorskip("PIL.Image")
    with np.load(data / "faces71_bg71_112.npz") as stored:
        small = [
            np.asarray(image.fromarray(one).resize((24, 24), image.Resampling.BILINEAR)) for one in stored["images"]
        ]
        turned = np.stack(small).astype(np.float32).transpose(0, 2, 1, 3)
        return np.ascontiguousarray((turned - 127.5) / 128), stored["labels"].astype(np.int64)


FIRST, LAST = reference.channels_first, reference.channels_last
CASES = (
    Case("mnist_cntk8", mnist_rows, 9891, 300, (FIRST, FIRST), fixed=True),
    Case("marabou_mnist5x20_leaky_relu", mnist_unit_rows, 9451, 1000, (LAST,) * 6),
    Case("marabou_cnn_max_mninst2", mnist_unit_last, 9823, 300, (FIRST, FIRST, LAST)),
    Case("winml_cifar_imageclassifier", cifar, 353, 200, (FIRST,) * 4),
    Case("mtcnn_rnet", faces, 142, 142, (FIRST, FIRST, FIRST, LAST), output="softmax_1"),
)
cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def prepare_case(
    shared_models: Path, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Case], tuple[Path, Path, np.ndarray, np.ndarray]]:
    """Function that returns the model, its data as an npz, and the same as arrays."""
    folder = tmp_path_factory.mktemp("prepared")

    def prepare(case: Case) -> tuple[Path, Path, np.ndarray, np.ndarray]:
        x, labels = case.read(shared_data)
        path = folder / f"{case.name}.npz"
        if not path.exists():
            np.savez(path, x=x, labels=labels)
        return shared_models / f"{case.name}.onnx", path, x, labels

    return prepare


@cases
def test_every_value_of_a_trained_model_equals_the_independent_one(case: Case, prepare_case: Callable) -> None:
    path, data, x, labels = prepare_case(case)
    model = onnx.load(path)
    sites = find_sites(load(path).ir)
    names = [name for site in sites for name in (site.value, site.activation)]
    run = reference.one_by_one if case.fixed else reference.outputs
    initializers = {each.name for each in model.graph.initializer}
    [fed] = [value.name for value in model.graph.input if value.name not in initializers]
    values = run(model, names, {fed: x[: case.samples]})

    report = analyze(path, data, labels="labels", limit=case.samples, output=case.output)

    assert [site.name for site in report] == [site.name for site in sites]
    pre = [axes(values[site.value]) for site, axes in zip(sites, case.axes, strict=True)]
    for site, axes, z in zip(sites, case.axes, pre, strict=True):
        result, h = report[site.name], axes(values[site.activation])
        expected = (
            reference.units(z)
            | reference.points(z)
            | reference.patterns(z)
            | reference.information(z, labels[: case.samples])
        )
        for name, value in expected.items():
            if isinstance(value, float):
                assert result[name] == pytest.approx(value, rel=1e-9, abs=1e-9), (site.name, name)
            elif name in ("unit_low", "unit_high"):
                np.testing.assert_allclose(result[name], value, rtol=1e-4, atol=1e-4)
            else:
                assert np.array_equal(result[name], value), (site.name, name)
        by_correlations, by_traces = reference.vni(h)
        assert result.vni == pytest.approx(by_traces, rel=1e-5), site.name
        assert result.vni == pytest.approx(by_correlations, rel=1e-5), site.name
        assert result.effective_units == pytest.approx(z.shape[2] * (1 - by_traces) + 1, rel=1e-5)
        assert (result.units, result.samples, result.positions) == (z.shape[2], case.samples, z.shape[1])
    assert report.first_dead == reference.first_dead(pre)
    assert report.dead_points_somewhere == sum(reference.first_dead(pre))


@cases
def test_accuracy_on_all_data_is_the_one_measured_with_onnxruntime(
    case: Case, prepare_case: Callable, manifest: dict[str, dict]
) -> None:
    path, data, _, labels = prepare_case(case)
    measured = manifest[case.name]["measured_accuracy"]
    if isinstance(measured, dict):
        assert any(round(share * len(labels)) == case.correct for share in measured.values())
    else:
        assert measured.startswith(f"{case.correct}/{len(labels)} ")
    report = analyze(path, data, labels="labels", measures=["units"], output=case.output)
    assert report.accuracy == case.correct / len(labels)
    assert report.samples == len(labels)


def test_several_possible_score_outputs_give_a_note(prepare_case: Callable) -> None:
    path, data, _, _ = prepare_case(CASES[-1])
    report = analyze(path, data, labels="labels", limit=2)
    assert "accuracy" not in report.network
    assert any("--output" in note for note in report.notes)


SITES = {
    "mnist_cntk8": 2,
    "marabou_mnist5x20_leaky_relu": 6,
    "marabou_cnn_max_mninst2": 3,
    "silero_vad_16k_op15": 5,
    "ultraface_RFB_320": 37,
    "winml_cifar_imageclassifier": 4,
    "mtcnn_rnet": 4,
}


def test_every_shared_model_is_known_here(manifest: dict[str, dict]) -> None:
    assert set(manifest) == {*SITES, "marabou_robust_model_sigmoid_linear", "qonnx_espcn_quant"}


@pytest.mark.parametrize("name", SITES)
def test_all_relus_of_a_shared_model_are_analysed(name: str, shared_models: Path, manifest: dict[str, dict]) -> None:
    data = {"silero_vad_16k_op15": "random:2:sequence=576"}.get(name, "random:2")
    report = analyze(shared_models / f"{name}.onnx", data)
    listed = manifest[name]["relu_like"]
    assert len(report.sites) == SITES[name] == sum(listed[op] for op in ("Relu", "LeakyRelu", "PRelu") if op in listed)
    assert report.not_analysable == ()
    assert all(site.samples == 2 and site.nonfinite_values == 0 for site in report)


def test_a_model_without_a_relu_is_refused_in_one_line(shared_models: Path) -> None:
    with pytest.raises(ModelError, match=r"has no site: no ReLU-like function .*Sigmoid") as refusal:
        analyze(shared_models / "marabou_robust_model_sigmoid_linear.onnx", "random:2")
    assert "\n" not in str(refusal.value)


def test_a_model_the_runtime_cannot_load_is_refused_in_one_line(shared_models: Path) -> None:
    with pytest.raises(ModelError, match=r"qonnx_espcn_quant.*brevitas") as refusal:
        analyze(shared_models / "qonnx_espcn_quant.onnx", "random:2")
    assert "\n" not in str(refusal.value)


def test_a_recurrent_speech_model_is_analysed_frame_by_frame(
    shared_models: Path, shared_data: Path, tmp_path: Path
) -> None:
    """silero: a state with sample axis 1, a shared rate, and a loader that runs the model itself."""
    loader = tmp_path / "loader.py"
    loader.write_text(
        f"""
import numpy as np
import onnxruntime

def frames():
    audio = np.load({str(shared_data / "silero_test_wav_16k.npz")!r})["audio"][:16000 * 2].astype(np.float32) / 32768
    session = onnxruntime.InferenceSession({str(shared_models / "silero_vad_16k_op15.onnx")!r})
    state, context, rate = np.zeros((2, 1, 128), np.float32), np.zeros((1, 64), np.float32), np.array(16000)
    for start in range(0, len(audio) - 511, 512):
        x = np.concatenate([context, audio[None, start:start + 512]], axis=1)
        yield {{"input": x, "state": state, "sr": rate}}
        _, state = session.run(None, {{"input": x, "state": state, "sr": rate}})
        context = x[:, -64:]
"""
    )
    path = shared_models / "silero_vad_16k_op15.onnx"
    sites = find_sites(load(path).ir)
    namespace: dict = {}
    exec(loader.read_text(), namespace)  # the oracle computes the same frames, one at a time
    model = onnx.load(path)
    names = [site.value for site in sites]
    runs = [reference.outputs(model, names, frame) for _, frame in zip(range(12), namespace["frames"](), strict=False)]

    whole = analyze(path, f"{loader}:frames", limit=12)

    assert whole.samples == 12
    assert whole["/model/encoder/0/activation/Relu"].positions == runs[0][names[0]].shape[2]
    for site in sites[:4]:
        z = np.concatenate([FIRST(run[site.value]) for run in runs])
        expected = reference.units(z) | reference.points(z) | reference.patterns(z)
        for name in ("dead_units", "linear_units", "dead_points", "linear_points", "patterns"):
            assert whole[site.name][name] == expected[name], (site.name, name)


LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def _light() -> list[str]:
    return sorted(path.stem for path in LIGHT.glob("light_*.onnx"))


@pytest.mark.parametrize("name", _light())
def test_every_relu_of_the_models_inside_onnx_is_listed(name: str) -> None:
    path = LIGHT / f"{name}.onnx"
    model = onnx.load(path)
    assert len(find_sites(load(path).ir)) == sum(node.op_type == "Relu" for node in model.graph.node)


@pytest.mark.parametrize("name", _light())
def test_every_relu_of_the_models_inside_onnx_is_analysed(name: str) -> None:
    path = LIGHT / f"{name}.onnx"
    report = analyze(path, "random:2", measures=["units", "points", "patterns"])
    assert len(report.sites) == sum(node.op_type == "Relu" for node in onnx.load(path).graph.node)
