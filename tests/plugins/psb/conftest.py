"""Build small float models, and run models in stock onnxruntime."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
import pytest

Build = Callable[..., ir.Model]


@pytest.fixture(scope="session")
def build() -> Build:
    """A model of the given nodes: `build(x=shape, weights={name: array}, nodes=[(op_type, inputs, attributes)])`."""

    def built(
        *, x: tuple[Any, ...], weights: dict[str, np.ndarray], nodes: list[tuple[str, list[str], dict]], opset: int = 17
    ) -> ir.Model:
        values = {"x": ir.Value(name="x", type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape(x))}
        for name, array in weights.items():
            tensor = ir.tensor(array, name=name)
            values[name] = ir.Value(name=name, type=ir.TensorType(tensor.dtype), shape=tensor.shape, const_value=tensor)
        made = []
        for number, (op_type, inputs, attributes) in enumerate(nodes):
            node = ir.node(op_type, inputs=[values[i] for i in inputs], attributes=attributes, name=f"n{number}")
            node.outputs[0].name = f"v{number}"
            values[f"v{number}"] = node.outputs[0]
            made.append(node)
        y = made[-1].outputs[0]
        y.type = ir.TensorType(ir.DataType.FLOAT)
        graph = ir.Graph(
            [values["x"]],
            [y],
            nodes=made,
            initializers=[values[name] for name in weights],
            opset_imports={"": opset},
            name="small",
        )
        return ir.Model(graph, ir_version=8)

    return built


Run = Callable[..., np.ndarray]


@pytest.fixture(scope="session")
def start() -> Callable[..., Run]:
    """A session of stock onnxruntime, as a function from the inputs to the first output."""

    def started(model: ir.Model, *, exact: bool = False) -> Run:
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        if exact:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = ort.InferenceSession(ir.to_proto(model).SerializeToString(), options)
        return lambda x, **inputs: session.run(None, {"x": x} | {name: np.array(n) for name, n in inputs.items()})[0]

    return started


@pytest.fixture(scope="session")
def run(start: Callable[..., Run]) -> Run:
    """The first output of a model, in a new session."""
    return lambda model, x, *, exact=False, **inputs: start(model, exact=exact)(x, **inputs)
