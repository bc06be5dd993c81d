"""`relucid compare`: two models, a chain, files, conditions, and one-line errors."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import Result
from onnx import numpy_helper

from relucid.analyzer.compare.comparison import Comparison, Course

Run = Callable[..., Result]


@pytest.fixture
def pair(place: Path) -> Path:
    """The folder with other.onnx too, the same net with other weights of its second layer."""
    made = onnx.load(place / "model.onnx")
    for tensor in made.graph.initializer:
        if tensor.name == "W2":
            weights = numpy_helper.to_array(tensor)[::-1].copy()
            tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))
    onnx.save(made, place / "other.onnx")
    return place


def test_a_table_and_nothing_else_on_stdout(relucid: Run, pair: Path) -> None:
    result = relucid("compare", pair / "model.onnx", pair / "other.onnx", "--data", pair / "data.npz")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("model.onnx → other.onnx\n60 samples")
    rows = {
        line.split()[0]: line.split()[1] for line in result.stdout.splitlines() if line.startswith(("first", "sec"))
    }
    assert rows["first"] == "0"
    assert 0 < float(rows["second"]) <= 1


def test_json_and_files_hold_the_same(relucid: Run, pair: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("compare", pair / "model.onnx", pair / "other.onnx", "--data", pair / "data.npz", "--json", "--out", out)
    result = relucid(*words)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads((out / "comparison.json").read_text())
    assert sorted(path.name for path in out.iterdir()) == ["comparison.html", "comparison.json", "units.csv"]
    change = Comparison.load(out)
    assert (change["first"].distance, change["first"].jaccard) == (0, 1)
    assert result.stderr.count("wrote ") == 3


def test_a_chain_of_checkpoints(relucid: Run, pair: Path, tmp_path: Path) -> None:
    files = [pair / name for name in ("model.onnx", "other.onnx", "model.onnx")]
    result = relucid("compare", "--chain", *files, "--data", pair / "data.npz", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    course = Course.load(tmp_path / "out")
    assert len(course.states) == 3
    assert course["second"].distance_to_first[0] == course["second"].distance_to_first[2] == 0
    assert course["second"].distance_to_first[1] > 0
    assert "similarity" in result.stdout


@pytest.mark.parametrize(
    ("condition", "code"), [("distance > 0.01", 1), ("mean_distance > 0.99", 0), ("temperature > 0 or jaccard < 1", 1)]
)
def test_a_condition_decides_the_exit_code(relucid: Run, pair: Path, condition: str, code: int) -> None:
    words = ("compare", pair / "model.onnx", pair / "other.onnx", "--data", pair / "data.npz", "--fail-if", condition)
    result = relucid(*words)
    assert result.exit_code == code
    assert ("holds for second" in result.stderr) == bool(code)


def test_a_condition_on_an_undefined_value_prints_a_note(relucid: Run, pair: Path) -> None:
    words = ("compare", pair / "model.onnx", pair / "other.onnx", "--data", pair / "data.npz", "--squares", "0")
    result = relucid(*words, "--fail-if", "vni_after > 0.5")
    assert result.exit_code == 0
    assert "cannot be true: vni_after is undefined at every site" in result.stderr
    fires = relucid(*words, "--fail-if", "vni_after > 0.5 or temperature >= 0")
    assert (fires.exit_code, "cannot be true: temperature" in fires.stderr) == (1, False)


def test_options_reach_the_runtime(relucid: Run, pair: Path) -> None:
    np.savez(pair / "named.npz", rows=np.load(pair / "data.npz")["x"])
    words = ("--data", pair / "named.npz", "--input", "x=rows", "--sites", "sec*", "--limit", "20", "--exact", "--json")
    found = json.loads(relucid("compare", pair / "model.onnx", pair / "other.onnx", *words, "--batch", "7").stdout)
    assert [site["name"] for site in found["sites"]] == ["second"]
    assert (found["network"]["samples"], found["made"]["optimisation"]) == (20, "off")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["model.onnx"], "expected two models, got 1"),
        (["model.onnx", "other.onnx", "model.onnx"], "expected two models, got 3; use --chain for more"),
        (["--chain", "model.onnx"], "at least two models to compare, got 1"),
        (["--chain", "model.onnx", "other.onnx", "--fail-if", "distance > 0.5"], "omit --chain"),
        (["model.onnx", "nowhere.onnx"], "got no such file: nowhere.onnx"),
        (["model.onnx", "data.npz"], "cannot read"),
        (["model.onnx", "other.onnx", "--fail-if", "distanse > 0.5"], "did you mean 'distance'"),
        (["model.onnx", "other.onnx", "--sites", "third"], "expected a selection that matches a site"),
        (["model.onnx", "other.onnx", "--provider", "tpu"], "expected provider to be one of"),
        (["model.onnx", "other.onnx", "--batch", "0"], "expected batch to be an integer of at least 1"),
        (["model.onnx", "other.onnx", "--out", "data.npz"], "choose another place"),
        (["model.onnx", "other.onnx", "--measures", "vni"], "No such option"),
    ],
)
def test_errors_are_one_line(
    relucid: Run, pair: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    monkeypatch.chdir(pair)
    result = relucid("compare", "--data", "data.npz", *words)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_models_that_do_not_match_list_both(relucid: Run, pair: Path) -> None:
    made = onnx.load(pair / "model.onnx")
    del made.graph.node[3], made.graph.output[0]
    made.graph.output.append(onnx.helper.make_tensor_value_info("z2", onnx.TensorProto.FLOAT, ["N", 5]))
    onnx.save(made, pair / "short.onnx")
    result = relucid("compare", pair / "model.onnx", pair / "short.onnx", "--data", pair / "data.npz")
    assert result.exit_code == 2
    assert "model.onnx has 2: first (7 units), second (5 units); short.onnx has 1: first (7 units)" in result.stderr
