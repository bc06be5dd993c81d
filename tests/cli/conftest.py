"""Fixtures: the command line in this process, and a folder with a model and data."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import helper, numpy_helper

from relucid.analyzer.cli import main


@pytest.fixture
def relucid() -> Callable[..., Result]:
    """Run the command line; returns exit code, stdout and stderr."""

    def run(*words: object) -> Result:
        return CliRunner().invoke(main, [str(word) for word in words])

    return run


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with model.onnx, a perceptron of 7 and 5 units, and data.npz, 60 samples with labels."""
    random = np.random.default_rng(0)
    weights = {"W1": (6, 7), "b1": (7,), "W2": (7, 5), "b2": (5,)}
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "W1", "b1"], ["z1"]),
            helper.make_node("Relu", ["z1"], ["h1"], name="first"),
            helper.make_node("Gemm", ["h1", "W2", "b2"], ["z2"]),
            helper.make_node("Relu", ["z2"], ["y"], name="second"),
        ],
        "g",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 6])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", 5])],
        [
            numpy_helper.from_array(random.standard_normal(shape).astype(np.float32), name)
            for name, shape in weights.items()
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(made, tmp_path / "model.onnx")
    x = random.standard_normal((60, 6)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=x, labels=random.integers(0, 5, 60))
    return tmp_path
