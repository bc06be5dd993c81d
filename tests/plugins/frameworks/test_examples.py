"""The examples run unmodified."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
WRITES = {
    "plain_loop": "sites.csv",
    "with_accelerate": "sites.csv",
    "with_lightning": "lightning_logs/version_0/metrics.csv",
    "with_transformers": "checkpoint-96/relucid.pt",
}


def test_all_examples_are_short_and_tested():
    lengths = {path.stem: len(path.read_text().splitlines()) for path in EXAMPLES.glob("*.py")}
    assert lengths.keys() == WRITES.keys()
    assert max(lengths.values()) <= 40


@pytest.mark.parametrize("name", WRITES)
def test_it_runs(tmp_path, name):
    framework = name.rpartition("_")[2]
    if name != "plain_loop" and not find_spec(framework):
        pytest.skip(f"{framework} is not installed")
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    written = tmp_path / WRITES[name]
    assert written.exists()
    if written.suffix == ".csv":
        assert "entropy" in written.read_text()
