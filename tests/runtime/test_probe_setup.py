"""The choice of the backend, and its name in the report and in `relucid doctor`."""

import numpy as np
import pytest
from click.testing import CliRunner

from relucid.analyzer import native
from relucid.analyzer.analysis import analyze
from relucid.analyzer.cli.analyze import command as analyze_command
from relucid.analyzer.cli.doctor import command as doctor
from relucid.analyzer.model import load
from relucid.analyzer.options import Options
from relucid.analyzer.runtime import probe_setup
from relucid.analyzer.runtime.probe_setup import FUNCTIONS, NATIVE, PORTABLE, choose_backend, find_axes
from relucid.analyzer.runtime.session import open_session
from relucid.analyzer.sites import Site

from ..small import model, perceptron, samples

RELU = "g (float[N, 4] x) => (float[N, 4] y) { y = Relu(x) }"


@pytest.mark.parametrize(
    ("built", "options", "opset", "ir_version", "backend"),
    [
        (True, {}, 11, 6, NATIVE),
        (False, {}, 18, 8, PORTABLE),
        (True, {"portable": True}, 18, 8, PORTABLE),
        (True, {"provider": "cuda"}, 18, 8, FUNCTIONS),
        (False, {"provider": "cuda"}, 21, 10, FUNCTIONS),
        (True, {"provider": "cuda"}, 17, 8, PORTABLE),
        (True, {"provider": "cuda"}, 18, 7, PORTABLE),
        (True, {"provider": "cuda", "portable": True}, 18, 8, PORTABLE),
    ],
)
def test_the_choice(
    monkeypatch: pytest.MonkeyPatch, built: bool, options: dict, opset: int, ir_version: int, backend: str
) -> None:
    monkeypatch.setattr(probe_setup, "library_path", lambda: "library" if built else None)
    assert choose_backend(load(model(RELU, opset=opset, ir_version=ir_version)), Options(**options)) == backend


def test_the_switch_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELUCID_NATIVE", "0")
    assert analyze(perceptron(), samples(30)).provenance["way"] == PORTABLE
    output = CliRunner().invoke(doctor).output
    assert "native       not used: RELUCID_NATIVE=0" in output


@pytest.mark.skipif(native.unavailable_reason() is not None, reason=f"no native probes: {native.unavailable_reason()}")
def test_native_probes_are_the_default_where_they_are_built() -> None:
    assert analyze(perceptron(), samples(30)).provenance["way"] == NATIVE
    assert "native       works" in CliRunner().invoke(doctor).output


def test_few_samples_need_no_second_session() -> None:
    assert analyze(perceptron(), samples(3)).provenance["way"] == PORTABLE


def test_portable_is_an_option_of_the_command(tmp_path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(perceptron().SerializeToString())
    words = [str(path), "--data", "random:30", "--portable", "--json"]
    output = CliRunner().invoke(analyze_command, words, catch_exceptions=False).stdout
    assert '"way": "portable"' in output


@pytest.mark.parametrize(
    ("shape", "dtype", "site", "axes"),
    [
        ((4, 3), "float32", {"unit_axis": 1}, (0, 1)),
        ((4, 3, 5, 5), "float16", {"unit_axis": 1}, (0, 1)),
        ((4, 5, 3), "float64", {"unit_axis": -1}, (0, 2)),
        ((5, 4, 3), "float32", {"unit_axis": 2, "sample_axis": 1}, (1, 2)),
        ((4, 3), "float32", {"unit_axis": 5}, (0, 1)),
        ((8, 3), "float32", {"unit_axis": 1}, None),
        ((4,), "float32", {"unit_axis": 0}, None),
        ((4, 3), "float32", {"unit_axis": 0}, None),
        ((4, 3), "int8", {"unit_axis": 1}, None),
        ((4, 0), "float32", {"unit_axis": 1}, None),
    ],
)
def test_the_axes_of_samples_and_units(shape: tuple, dtype: str, site: dict, axes: tuple | None) -> None:
    found = Site(name="s", value="z", kind="relu", **site)
    assert find_axes(np.zeros(shape, dtype), found, batch=4) == axes


def test_a_released_session_starts_again() -> None:
    session, x = open_session(load(model(RELU))), np.array([[-1, 2, 0, 3]], np.float32)
    before = session.runtime
    session.release()
    assert session.run(["y"], {"x": x})["y"].tolist() == [[0, 2, 0, 3]]
    assert session.runtime is not before
    assert session.provider == "CPUExecutionProvider"
