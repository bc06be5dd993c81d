"""Sessions: the requested provider starts or is refused; a missing or doubled onnxruntime is reported in one line."""

import gc
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from relucid.analyzer.errors import MissingDependencyError, ModelError, OptionError
from relucid.analyzer.model import load
from relucid.analyzer.runtime import session as room
from relucid.analyzer.runtime.session import open_session

RELU = "g (float[N, 4] x) => (float[N, 4] y) { y = Relu(x) }"


@pytest.fixture
def relu(text_model):
    return load(text_model(RELU))


def with_wheels(monkeypatch, **installed: str) -> None:
    def version(name: str) -> str:
        if name.replace("-", "_") in installed:
            return installed[name.replace("-", "_")]
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)


def test_two_wheels_are_refused(monkeypatch, relu):
    with_wheels(monkeypatch, onnxruntime="1.31.1", onnxruntime_gpu="1.30.0")
    with pytest.raises(MissingDependencyError) as error:
        open_session(relu)
    assert "got onnxruntime 1.31.1 and onnxruntime-gpu 1.30.0" in str(error.value)
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("left", ["nothing", "an empty package"])
def test_no_wheel_is_refused(monkeypatch, relu, left):
    def no_module(name: str):
        if left == "nothing":
            raise ImportError(f"No module named {name!r}")
        return SimpleNamespace()

    with_wheels(monkeypatch)
    monkeypatch.setattr(room.importlib, "import_module", no_module)
    with pytest.raises(MissingDependencyError, match=r'pip install "relucid\[cpu\]"') as error:
        open_session(relu)
    assert "\n" not in str(error.value)


def test_one_wheel_is_described():
    import onnxruntime

    assert room.describe()["onnxruntime"] == onnxruntime.__version__
    assert len(room.installed_wheels()) == 1


def test_a_provider_that_is_not_here_is_refused_in_one_line(relu, capfd):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime lists CUDA")
    with pytest.raises(OptionError, match="provider cuda") as error:
        open_session(relu, provider="cuda")
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_a_provider_that_is_listed_and_does_not_start_is_refused(relu, monkeypatch):
    """The wheel for GPUs lists CUDA on a machine without it, and falls back silently."""
    import onnxruntime

    start, passed = onnxruntime.InferenceSession, {}
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    monkeypatch.setattr(
        onnxruntime,
        "InferenceSession",
        lambda data, options, **asked: passed.update(asked) or start(data, options, providers=["CPUExecutionProvider"]),
    )
    with pytest.raises(OptionError, match="to start, got CPUExecutionProvider"):
        open_session(relu, provider="cuda")
    assert passed == {"providers": ["CUDAExecutionProvider"], "enable_fallback": 0}, "falling back prints to stdout"


def test_an_unknown_provider_is_refused(relu):
    with pytest.raises(OptionError, match="expected provider to be one of cpu, cuda, got 'tpu'"):
        open_session(relu, provider="tpu")


@pytest.mark.gpu
def test_cuda_answers(relu):
    if "onnxruntime-gpu" not in room.installed_wheels():
        pytest.skip("the onnxruntime-gpu wheel is not installed")
    session = open_session(relu, provider="cuda")
    assert session.provider == "CUDAExecutionProvider"
    assert session.run(["y"], {"x": -np.ones((2, 4), np.float32)})["y"].sum() == 0


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("threads", [None, 1, 2])
def test_a_session_runs(relu, exact, threads):
    session = open_session(relu, exact=exact, threads=threads)
    assert session.provider == "CPUExecutionProvider"
    assert np.array_equal(session.run(["y"], {"x": -np.ones((3, 4), np.float32)})["y"], np.zeros((3, 4)))


def test_outputs_of_a_run_stay_valid_after_other_runs_and_without_the_session(relu):
    """The arrays may be views of onnxruntime's memory, which must not be reused while one of them exists."""
    session, x = open_session(relu), np.ones((500, 4), np.float32)
    given = [session.run(["y"], {"x": n * x})["y"] for n in range(5)]
    session.release()
    given += [session.run(["y"], {"x": n * x})["y"] for n in range(5, 9)]
    del session
    gc.collect()
    assert all((y == n).all() for n, y in enumerate(given))


def test_inputs_have_their_declared_types_and_shapes(text_model):
    inputs = "float16[N, 4, 7] a, int64 b, float c, double[] d, bool[2, ?] e, string[N] f"
    model = load(text_model(f"g ({inputs}) => (float16[N, 4, 7] y) {{ y = Neg(a) }}"))
    model.ir.graph.inputs[2].shape = None
    assert open_session(model).inputs() == [
        ("a", np.dtype("float16"), ("N", 4, 7)),
        ("b", np.dtype("int64"), ()),
        ("c", np.dtype("float32"), None),
        ("d", np.dtype("float64"), None),
        ("e", np.dtype("bool"), (2, None)),
        ("f", np.dtype("object"), ("N",)),
    ]


def test_initializers_among_the_inputs_need_no_data(text_model):
    text = "g (float[N, 4] x, float[4] w) => (float[N, 4] y) <float[4] w = {1, 2, 3, 4}> { y = Mul(x, w) }"
    session = open_session(load(text_model(text, ir_version=3, opset=8)))
    assert [name for name, _, _ in session.inputs()] == ["x"]
    assert session.run(["y"], {"x": np.ones((1, 4), np.float32)})["y"].tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize("kind", ["bfloat16[N, 4]", "seq(float[N, 4])"])
def test_an_input_that_no_array_holds_is_refused(text_model, kind):
    session = open_session(load(text_model(f"g ({kind} x) => ({kind} y) {{ y = Identity(x) }}")))
    with pytest.raises(ModelError, match=r"expected input 'x' to be a tensor that numpy can hold, got "):
        session.inputs()


def test_what_the_runtime_refuses_to_run_is_one_line(relu):
    with pytest.raises(ModelError, match="cannot run the given ModelProto") as error:
        open_session(relu).run(["y"], {"x": np.ones((3, 5), np.float32)})
    assert "\n" not in str(error.value)


def test_a_library_of_operators_that_is_not_there(relu, tmp_path):
    with pytest.raises(ModelError, match="cannot load custom operators from") as error:
        open_session(relu, custom_ops=tmp_path / "none.so")
    assert "\n" not in str(error.value)


def test_a_library_of_operators_is_found_in_the_working_directory(relu, tmp_path, monkeypatch):
    """A bare name, which the system's loader searches only in its own folders."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "operators.so").write_bytes(b"no library")
    with pytest.raises(ModelError, match=r"cannot load custom operators from operators\.so") as error:
        open_session(relu, custom_ops=Path("operators.so"))
    assert "No such file" not in str(error.value)
