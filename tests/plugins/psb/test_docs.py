"""The script in docs/psb.md runs with numpy and onnxruntime only."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from relucid.plugins import psb

PAGE = Path(__file__).parents[3] / "docs" / "psb.md"


def test_the_ten_lines_run_a_file_without_relucid(build, tmp_path):
    (script,) = re.findall(r"```python\n(import numpy as np\n.*?)```", PAGE.read_text(), flags=re.DOTALL)
    lines = [line for line in script.splitlines() if line]
    assert len(lines) <= 10
    imported = [line.split()[1] for line in lines if line.startswith(("import", "from"))]
    assert imported == ["numpy", "onnxruntime"]
    random = np.random.default_rng(0)
    w = random.standard_normal((6, 4)).astype("f4")
    model = build(x=("batch", 6), weights={"w": w}, nodes=[("MatMul", ["x", "w"], {})])
    psb.save(psb.rewrite(model), tmp_path / "model.psb.onnx")
    x = random.standard_normal((3, 6)).astype("f4")
    np.save(tmp_path / "x.npy", x)
    ran = subprocess.run([sys.executable, "-I", "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True)
    rows = ran.stdout.strip().splitlines()
    assert [int(row.split()[0]) for row in rows] == [1, 4, 16, 64]
    assert rows[-1].endswith(str((x @ w).argmax(axis=1)))
