"""Folding a batch normalization changes the graph and not the function."""

import numpy as np
import onnx_ir as ir
import onnxruntime as ort
import pytest
from onnx_ir.passes.common import RemoveUnusedNodesPass, ShapeInferencePass

from relucid.analyzer.passes.fold_batchnorm import FoldBatchNormPass, affine_of

RANDOM = np.random.default_rng(0)
CHANNELS = 4


def numbers(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


NORMALIZATION = {name: numbers(CHANNELS) for name in ("gamma", "beta", "mean")} | {
    "variance": np.abs(numbers(CHANNELS)) + np.float32(0.1)
}
Nodes = list[tuple[str, list[str], dict]]


def model_of(x: tuple, nodes: Nodes, weights: dict[str, np.ndarray], outputs: list[str], opset: int = 17) -> ir.Model:
    text_type = ir.TensorType(ir.DataType.FLOAT)
    values = {"x": ir.Value(name="x", type=text_type, shape=ir.Shape(x))}
    for name, array in (weights | NORMALIZATION).items():
        tensor = ir.tensor(array, name=name)
        values[name] = ir.Value(name=name, type=ir.TensorType(tensor.dtype), shape=tensor.shape, const_value=tensor)
    made = []
    for number, (op_type, inputs, attributes) in enumerate(nodes):
        read = [*(values[i] for i in inputs)]
        if op_type == "BatchNormalization":
            read += [values[name] for name in ("gamma", "beta", "mean", "variance")]
        made.append(ir.node(op_type, inputs=read, attributes=attributes))
        made[-1].outputs[0].name = f"v{number}"
        values[f"v{number}"] = made[-1].outputs[0]
    for name in outputs:
        values[name].type = text_type
    graph = ir.Graph(
        [values["x"]],
        [values[name] for name in outputs],
        nodes=made,
        initializers=[value for value in values.values() if value.const_value is not None],
        opset_imports={"": opset},
        name="small",
    )
    return ir.Model(graph, ir_version=8)


def run(model: ir.Model, x: np.ndarray) -> list[np.ndarray]:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(ir.to_proto(model).SerializeToString(), options).run(None, {"x": x})


BN = ("BatchNormalization", ["v0"], {"epsilon": 1e-3})
FOLDED = {
    "conv": ((2, 3, 6), [("Conv", ["x", "w"], {}), BN], {"w": numbers(4, 3, 2)}),
    "conv with bias": ((2, 3, 6, 5), [("Conv", ["x", "w", "b"], {}), BN], {"w": numbers(4, 3, 3, 2), "b": numbers(4)}),
    "depthwise": ((2, 4, 6, 5), [("Conv", ["x", "w"], {"group": 4}), BN], {"w": numbers(4, 1, 3, 3)}),
    "transposed": ((2, 3, 4, 4), [("ConvTranspose", ["x", "w"], {}), BN], {"w": numbers(3, 4, 2, 2)}),
    "transposed in groups": (
        (2, 6, 4, 4),
        [("ConvTranspose", ["x", "w", "b"], {"group": 2, "strides": [2, 2]}), BN],
        {"w": numbers(6, 2, 3, 3), "b": numbers(4)},
    ),
    "gemm": (
        (3, 5),
        [("Gemm", ["x", "w", "b"], {"alpha": 2.0, "beta": 0.5}), BN],
        {"w": numbers(5, 4), "b": numbers(1, 4)},
    ),
    "gemm with transposed weights": (
        (3, 5),
        [("Gemm", ["x", "w", "b"], {"transB": 1, "beta": 0.0}), BN],
        {"w": numbers(4, 5), "b": numbers(1)},
    ),
    "matmul": ((3, 5), [("MatMul", ["x", "w"], {}), BN], {"w": numbers(5, 4)}),
    "matmul and bias": (
        (3, 5),
        [("MatMul", ["x", "w"], {}), ("Add", ["b", "v0"], {}), ("BatchNormalization", ["v1"], {})],
        {"w": numbers(5, 4), "b": numbers(1, 4)},
    ),
}


@pytest.mark.parametrize("name", FOLDED)
@pytest.mark.parametrize("relu", [False, True])
def test_a_layer_and_its_normalization_become_one_layer(name, relu):
    x_shape, nodes, weights = FOLDED[name]
    last = f"v{len(nodes) - 1}"
    nodes = [*nodes, ("Relu", [last], {})] if relu else nodes
    model = model_of(("batch", *x_shape[1:]), nodes, weights, [f"v{len(nodes) - 1}"])
    ShapeInferencePass()(model)
    x = numbers(*x_shape)
    (before,) = run(model, x)
    fold = FoldBatchNormPass()
    assert fold(model).modified
    assert not fold(model).modified, "a second run changes nothing"
    RemoveUnusedNodesPass()(model)
    assert [value.name for value in model.graph.outputs] == [f"v{len(nodes) - 1}"]
    assert "BatchNormalization" not in {node.op_type for node in model.graph}
    np.testing.assert_allclose(run(model, x)[0], before, rtol=1e-4, atol=1e-5)
    assert not any(name in model.graph.initializers for name in ("w", "gamma")), "unread initializers are removed"


def test_weights_that_others_read_are_copied():
    nodes = [("Conv", ["x", "w"], {}), ("BatchNormalization", ["v0"], {}), ("Conv", ["x", "w"], {})]
    model = model_of(("batch", 3, 6), nodes, {"w": numbers(4, 3, 2)}, ["v1", "v2"])
    x = numbers(2, 3, 6)
    before = run(model, x)
    assert FoldBatchNormPass()(model).modified
    for found, expected in zip(run(model, x), before, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert len(list(model.graph)) == 2


LEFT = {
    "alone": ((2, 4, 6), [("Relu", ["x"], {}), BN], {}, ["v1"]),
    "its input is an output": ((2, 3, 6), [("Conv", ["x", "w"], {}), BN], {"w": numbers(4, 3, 2)}, ["v0", "v1"]),
    "its input is read twice": (
        (2, 3, 6),
        [("Conv", ["x", "w"], {}), BN, ("Relu", ["v0"], {})],
        {"w": numbers(4, 3, 2)},
        ["v1", "v2"],
    ),
    "weights that are computed": ((2, 4, 6, 6), [("MatMul", ["x", "x"], {}), BN], {}, ["v1"]),
    "a product of more axes": ((2, 4, 5), [("MatMul", ["x", "w"], {}), BN], {"w": numbers(5, 5)}, ["v1"]),
    "a bias of every sample": (
        (3, 5),
        [("Gemm", ["x", "w", "b"], {}), BN],
        {"w": numbers(5, 4), "b": numbers(3, 1)},
        ["v1"],
    ),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_cannot_be_folded_stays(name):
    x_shape, nodes, weights, outputs = LEFT[name]
    model = model_of(x_shape, nodes, weights, outputs)
    ShapeInferencePass()(model)
    assert not FoldBatchNormPass()(model).modified


def test_the_affine_map_is_that_of_inference():
    model = model_of(("batch", 4, 3), [("BatchNormalization", ["x"], {"epsilon": 0.25})], {}, ["v0"])
    gain, offset = affine_of(model.graph[0])
    x = numbers(2, 4, 3)
    (y,) = run(model, x)
    np.testing.assert_allclose(x * gain[:, None] + offset[:, None], y, rtol=1e-5, atol=1e-6)


def test_a_normalization_in_training_has_no_fixed_map():
    model = model_of(("batch", 4, 3), [("BatchNormalization", ["x"], {"training_mode": 1})], {}, ["v0"])
    assert affine_of(model.graph[0]) is None
    assert affine_of(None) is None
