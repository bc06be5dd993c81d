"""The other commands, and that `--help` imports nothing heavy."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import Result

from relucid.analyzer.report import Report

Run = Callable[..., Result]
COMMANDS = ("analyze", "compare", "demo", "doctor", "expose", "merge", "sites")


def fresh(code: str, folder: Path) -> str:
    """Run code in a new interpreter, outside the project."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder)
    return done.stdout.strip()


@pytest.mark.parametrize("words", ["['--help']", "['--version']"])
def test_help_loads_neither_numpy_nor_onnx(words: str, tmp_path: Path) -> None:
    code = f"""
import sys
from relucid.analyzer.cli import main
try:
    main({words})
except SystemExit as done:
    heavy = {{"numpy", "onnx", "onnx_ir", "onnxruntime", "networkx", "rich", "torch"}} & set(sys.modules)
    print("heavy:", sorted(heavy), done.code)
"""
    assert fresh(code, tmp_path).splitlines()[-1] == "heavy: [] 0"


def test_importing_relucid_loads_nothing(tmp_path: Path) -> None:
    code = "import sys, relucid; print(sorted({'numpy', 'onnx', 'onnx_ir', 'onnxruntime', 'click'} & set(sys.modules)))"
    assert fresh(code, tmp_path) == "[]"


def test_the_installed_command_is_the_module(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "relucid", "--help"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert all(command in result.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(relucid: Run, command: str) -> None:
    result = relucid(command, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Usage: ")


def test_an_unknown_command_is_a_one_line_error(relucid: Run) -> None:
    result = relucid("analyse")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "analyse" in result.stderr


def test_sites_as_a_table_and_as_json(relucid: Run, place: Path) -> None:
    table = relucid("sites", place / "model.onnx")
    assert table.exit_code == 0
    assert "2 sites, 2 analysable" in table.stdout
    rows = json.loads(relucid("sites", place / "model.onnx", "--json").stdout)
    assert [(row["name"], row["kind"], row["value"], row["unit_axis"]) for row in rows] == [
        ("first", "relu", "z1", 1),
        ("second", "relu", "z2", 1),
    ]


def test_a_long_site_name_is_printed_in_full(relucid: Run, tmp_path: Path) -> None:
    name = ".".join(f"layers_{i}" for i in range(15))
    made = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> g (float[N, 4] x) => (float[N, 4] y) { y = Relu(x) }'
    )
    made.graph.node[0].name = name
    onnx.save(made, tmp_path / "model.onnx")
    lines = relucid("sites", tmp_path / "model.onnx").stdout.splitlines()
    assert all(len(line) <= 100 for line in lines)
    first = lines[0].index("kind")
    assert name in "".join(line[:first].rstrip() for line in lines)


def test_sites_of_a_model_without_any(relucid: Run, tmp_path: Path) -> None:
    made = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> g (float[N] x) => (float[N] y) { y = Sigmoid(x) }'
    )
    onnx.save(made, tmp_path / "smooth.onnx")
    result = relucid("sites", tmp_path / "smooth.onnx")
    assert result.exit_code == 0
    assert "has no site" in result.stdout
    assert relucid("sites", tmp_path / "smooth.onnx", "--json").stdout == "[]\n"
    refused = relucid("analyze", tmp_path / "smooth.onnx", "--data", "random:3")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)


def test_expose_writes_a_model_and_names_its_outputs(relucid: Run, place: Path) -> None:
    result = relucid("expose", place / "model.onnx", place / "out.onnx", "--sites", "sec*")
    assert (result.exit_code, result.stdout) == (0, "second\tz2\n")
    session = onnxruntime.InferenceSession(place / "out.onnx", providers=["CPUExecutionProvider"])
    y, z2 = session.run(["y", "z2"], {"x": np.load(place / "data.npz")["x"]})
    np.testing.assert_array_equal(y, np.maximum(z2, 0))


@pytest.mark.parametrize(
    "words", [["expose", "missing.onnx", "out.onnx"], ["sites", "missing.onnx"], ["merge", "missing"]]
)
def test_a_missing_file_is_a_one_line_error(relucid: Run, words: list[str]) -> None:
    result = relucid(*words)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "missing" in result.stderr


def test_the_demo_shows_its_table_and_says_where_the_report_is(relucid: Run, tmp_path: Path) -> None:
    result = relucid("demo", "--out", tmp_path / "report")
    assert result.exit_code == 0, result.stderr
    report = Report.load(tmp_path / "report")
    assert report.accuracy > 0.9
    assert all(site.name in result.stdout for site in report)
    assert str(tmp_path / "report") in result.stdout.replace("\n", "")


def test_the_doctor_tries_the_providers(relucid: Run) -> None:
    result = relucid("doctor")
    assert result.exit_code == 0
    assert "cpu          works (CPUExecutionProvider)" in result.stdout
    assert onnxruntime.__version__ in result.stdout
