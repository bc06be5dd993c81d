"""`relucid analyze`: stdout is the result, stderr one line at most, exit codes that a script can trust."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from relucid.analyzer.analysis import analyze
from relucid.analyzer.report import Report

Run = Callable[..., Result]


def one_line(result: Result) -> str:
    """The one line on stderr of an error."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith("\n")
    assert "Traceback" not in result.stderr
    return result.stderr


def test_the_table_is_the_result(relucid: Run, place: Path) -> None:
    result = relucid("analyze", place / "model.onnx", "--data", place / "data.npz", "--labels", "labels")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "first" in result.stdout
    assert "second" in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 100


def test_options_reach_the_analysis(relucid: Run, place: Path) -> None:
    model, data = place / "model.onnx", place / "data.npz"
    result = relucid(
        "analyze", model, "--data", data, "--labels", "labels", "--measures", "units,patterns,global_patterns",
        "--sites", "fir*", "--kinds", "relu", "--limit", 40, "--batch", 7, "--capacity", 500, "--squares", 3,
        "--seed", 5, "--exact", "--threads", 1, "--output", "y", "--unit-axis", "first=1", "--units", "position",
        "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    expected = analyze(
        model, data, labels="labels", measures=["units", "patterns", "global_patterns"], sites="fir*", kinds=["relu"],
        limit=40, batch=7, capacity=500, squares=3, seed=5, exact=True, threads=1, output="y", unit_axis={"first": 1},
        units="position",
    )  # fmt: skip
    assert result.stdout == expected.to_json()


def test_json_on_stdout_is_the_file(relucid: Run, place: Path) -> None:
    out = place / "out"
    result = relucid("analyze", place / "model.onnx", "--data", place / "data.npz", "--json", "--out", out)
    assert result.exit_code == 0
    assert result.stdout == (out / "report.json").read_text()
    assert json.loads(result.stdout)["schema"] == "relucid.report"
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "report.json", "units.csv"]
    assert Report.load(out) == analyze(place / "model.onnx", place / "data.npz")
    assert len((out / "units.csv").read_text().splitlines()) == 1 + 7 + 5


@pytest.mark.parametrize(
    ("condition", "code"),
    [("dead_unit_count >= 0", 1), ("dead_units > 0.99", 0), ("patterns > 2 and vni < 1", 1), ("accuracy < 0.001", 0)],
)
def test_fail_if_decides_the_exit_code(relucid: Run, place: Path, condition: str, code: int) -> None:
    result = relucid(
        "analyze", place / "model.onnx", "--data", place / "data.npz", "--labels", "labels", "--fail-if", condition
    )
    assert result.exit_code == code, result.output
    if code:
        assert result.stderr == f"relucid: {condition} holds for first, second\n"


def test_a_condition_on_an_undefined_value_prints_a_note(relucid: Run, place: Path) -> None:
    result = relucid(
        "analyze", place / "model.onnx", "--data", place / "data.npz", "--squares", 0, "--fail-if", "vni > 0.5"
    )
    assert result.exit_code == 0
    assert "cannot be true: vni" in result.stderr


@pytest.mark.parametrize("condition", ["dead_units >", "nonsense > 1", "__import__('os')", "dead_units > 20"])
def test_an_invalid_condition_is_rejected_before_the_run(relucid: Run, place: Path, condition: str) -> None:
    one_line(relucid("analyze", "no such model", "--data", "no such data", "--fail-if", condition))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["missing.onnx", "--data", "data.npz"], "got no such file: missing.onnx"),
        (["model.onnx", "--data", "missing.npz"], "as data, got 'missing.npz'"),
        (["data.npz", "--data", "data.npz"], "cannot read data.npz"),
        (["model.onnx", "--data", "model.onnx"], "expected an .npz, .npy or .parquet file"),
        (
            ["model.onnx", "--data", "bytes.npz"],
            "expected float32 (N, 6) for input 'x', got uint8 (5, 6); scale the pixels",
        ),
        (["model.onnx", "--data", "wide.npz"], "expected float32 (N, 6) for input 'x', got float32 (5, 7)"),
        (["model.onnx", "--data", "names.npz"], "expected array 'x' for input 'x', got 'a', 'b'"),
        (["model.onnx", "--data", "empty.npz"], "expected at least one sample, got none"),
        (["model.onnx", "--data", "pickled.npz"], "object"),
        (["model.onnx", "--data", "data.npz", "--labels", "nothing"], "expected array 'nothing' for the labels"),
        (["model.onnx", "--data", "data.npz", "--measures", "everything"], "global_patterns, got 'everything'"),
        (
            ["model.onnx", "--data", "data.npz", "--sites", "nothing"],
            "a selection that matches a site, got 'nothing'; choose from first, second",
        ),
        (["model.onnx", "--data", "data.npz", "--provider", "tpu"], "expected provider to be one of cpu, cuda"),
        (
            ["model.onnx", "--data", "data.npz", "--sites", "first", "--kinds", "elu"],
            "'first' of the kinds elu; choose",
        ),
        (["model.onnx", "--data", "data.npz", "--batch", "0"], "expected batch to be an integer of at least 1"),
        (["model.onnx", "--data", "random:3", "--seed", "-1"], "seed to be an integer of at least 0, got -1"),
        (["model.onnx", "--data", "data.npz", "--batch", "many"], "'many' is not a valid integer"),
        (["model.onnx", "--data", "data.npz", "--shard", "3"], "expected I/N"),
        (["model.onnx", "--data", "data.npz", "--shard", "3/3"], "0 <= I < N"),
        (["model.onnx", "--data", "data.npz", "--unit-axis", "first"], "expected NAME=VALUE"),
        (["model.onnx", "--data", "data.npz", "--unit-axis", "first=one"], "with an integer"),
        (
            ["model.onnx", "--data", "data.npz", "--input", "image=x"],
            "expected an input of the model ('x'), got 'image'",
        ),
        (["model.onnx", "--data", "data.npz", "--resume"], "name it with --state"),
        (["model.onnx", "--data", "data.npz", "--colour"], "No such option"),
        (["model.onnx"], "Missing option '--data'"),
        (
            ["model.onnx", "--data", "data.npz", "--state", "none/s"],
            "cannot write to none: No such file or directory; ch",
        ),
        (["model.onnx", "--data", "loader.py:none"], "expected the name of a function in loader.py, got 'none'"),
        (["model.onnx", "--data", "loader.py:broken"], "ZeroDivisionError: mine, in two lines"),
        (
            ["model.onnx", "--data", "data.npz", "--state", "model.onnx", "--resume"],
            "expected a state, got another or a damaged file",
        ),
    ],
)
def test_errors_are_one_line(
    relucid: Run, place: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], says: str
) -> None:
    np.savez(place / "bytes.npz", x=np.zeros((5, 6), dtype=np.uint8))
    np.savez(place / "wide.npz", x=np.zeros((5, 7), dtype=np.float32))
    np.savez(place / "names.npz", a=np.zeros((5, 6)), b=np.zeros((5, 6)))
    np.savez(place / "empty.npz", x=np.zeros((0, 6), dtype=np.float32))
    np.savez(place / "pickled.npz", x=np.array([{}, {}]))
    (place / "loader.py").write_text("def broken():\n    raise ZeroDivisionError('mine,\\nin two lines')\n")
    monkeypatch.chdir(place)
    assert says in one_line(relucid("analyze", *words))


def test_debug_shows_the_traceback(place: Path) -> None:
    words = [sys.executable, "-m", "relucid", "--debug", "analyze", str(place / "missing.onnx"), "--data", "random:1"]
    result = subprocess.run(words, capture_output=True, text=True, check=False, cwd=place)
    assert result.returncode == 2
    assert "Traceback" in result.stderr
    assert "ModelError: expected an ONNX model, got no such file" in result.stderr


def test_shards_merged_by_the_command_are_the_whole(relucid: Run, place: Path) -> None:
    analysis = ("analyze", place / "model.onnx", "--data", place / "data.npz", "--labels", "labels")
    for i in range(3):
        result = relucid(*analysis, "--shard", f"{i}/3", "--state", place / f"{i}.state")
        assert result.exit_code == 0, result.stderr
    whole = json.loads(relucid(*analysis, "--json").stdout)
    for order in ("012", "210", "120"):
        merged = relucid("merge", *(place / f"{i}.state" for i in order), "--json", "--out", place / "out")
        assert merged.exit_code == 0
        assert merged.stdout == (place / "out" / "report.json").read_text()
        assert _alike(json.loads(merged.stdout), whole)


def _alike(one: object, other: object) -> bool:
    """Whether two reports are equal, floats to six digits: unit ranges and VNI depend on the runtime's rounding."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)
    return one == other


def test_a_merged_state_merges_again_but_does_not_go_on(relucid: Run, place: Path) -> None:
    analysis = ("analyze", place / "model.onnx", "--data", place / "data.npz")
    for i in range(3):
        relucid(*analysis, "--shard", f"{i}/3", "--state", place / f"{i}.state")
    pair = place / "pair.state"
    assert relucid("merge", place / "0.state", place / "2.state", "--state", pair).exit_code == 0
    merged = relucid("merge", pair, place / "1.state", "--json")
    whole = relucid(*analysis, "--json")
    assert _alike(json.loads(merged.stdout), json.loads(whole.stdout))
    assert "got a merged state" in one_line(relucid(*analysis, "--state", pair, "--resume"))


def test_states_made_differently_are_refused_with_both_values(relucid: Run, place: Path) -> None:
    analysis = ("analyze", place / "model.onnx", "--data", place / "data.npz")
    relucid(*analysis, "--state", place / "a")
    relucid(*analysis, "--state", place / "b", "--capacity", 9)
    assert "capacity 1048576 and 9" in one_line(relucid("merge", place / "a", place / "b"))
    assert "capacity 9 and 1048576" in one_line(relucid(*analysis, "--state", place / "b", "--resume"))
    (place / "b").write_bytes((place / "a").read_bytes()[:100])
    assert "got another or a damaged file" in one_line(relucid("merge", place / "a", place / "b"))


def test_an_interrupted_run_can_be_resumed(relucid: Run, place: Path) -> None:
    (place / "loader.py").write_text(
        f"""
import numpy as np
from pathlib import Path

def rows():
    x = np.load({str(place / "data.npz")!r})["x"]
    yield {{"x": x[:33]}}
    if not Path({str(place / "mended")!r}).exists():
        raise OSError("the disk is gone")
    yield {{"x": x[33:]}}
"""
    )
    analysis = ("analyze", place / "model.onnx", "--data", f"{place / 'loader.py'}:rows")
    broken = relucid(*analysis, "--state", place / "state", "--batch", 10)
    assert "OSError: the disk is gone" in one_line(broken)
    (place / "mended").touch()
    resumed = relucid(*analysis, "--state", place / "state", "--resume", "--json")
    assert resumed.exit_code == 0, resumed.stderr
    assert _alike(json.loads(resumed.stdout), json.loads(relucid(*analysis, "--json").stdout))


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as on POSIX")
def test_ctrl_c_saves_the_state(relucid: Run, place: Path) -> None:
    (place / "loader.py").write_text(
        f"""
import numpy as np, time
from pathlib import Path

def rows():
    x = np.load({str(place / "data.npz")!r})["x"]
    for part in np.split(x, 6):
        yield {{"x": part}}
        waits = Path({str(place / "waits")!r})
        if (part == x[20:30]).all() and not waits.exists():
            waits.touch()
            time.sleep(60)
"""
    )
    # Started in the background of a script, this process ignores Ctrl-C, and so would every child of it.
    start = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    start += "runpy.run_module('relucid', run_name='__main__', alter_sys=True)"
    words = [sys.executable, "-c", start, "analyze", str(place / "model.onnx"), "--batch", "10"]
    words += ["--data", f"{place / 'loader.py'}:rows", "--state", str(place / "state")]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=place)
    try:
        for _ in range(600):
            if (place / "waits").exists():
                break
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        _, stderr = running.communicate(timeout=30)
    finally:
        running.kill()
        running.communicate()
    assert (running.returncode, stderr) == (130, "relucid: interrupted\n")
    again = ("analyze", place / "model.onnx", "--data", f"{place / 'loader.py'}:rows")
    resumed = relucid(*again, "--state", place / "state", "--resume", "--json")
    whole = relucid("analyze", place / "model.onnx", "--data", place / "data.npz", "--json")
    assert resumed.exit_code == 0, resumed.stderr
    assert _alike(json.loads(resumed.stdout), json.loads(whole.stdout))
