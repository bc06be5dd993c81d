"""Recognisers of switches inside larger operators, as optimizers and quantizers write them."""

import math

import onnx_ir as ir

from .definition import Switch
from .graph_match import input_of, made_by, number_of, uniform

_AFFINE = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization"})
_LOWEST = {ir.DataType.UINT8: 0, ir.DataType.INT8: -128, ir.DataType.UINT16: 0, ir.DataType.INT16: -32768}
_OUTPUT_ZERO_POINT = {"QLinearConv": 7, "QLinearMatMul": 7, "QLinearAdd": 7, "QGemm": 8}
_NAMED_IN_AN_ATTRIBUTE = {
    "relu": "relu",
    "leakyrelu": "leaky_relu",
    "clip": "clip",
    "hardsigmoid": "hard_sigmoid",
    "thresholdedrelu": "thresholded_relu",
    "elu": "elu",
    "softplus": "softplus",
}


def quantized(node: ir.Node) -> Switch | None:
    """A quantization that clamps negative numbers to 0, since its zero point is the lowest code of its type."""
    if node.op_type == "QuantizeLinear" and _quantizes_from_0(node) and _can_be_negative(input_of(node, 0)):
        return Switch(node, "quantize", input_of(node, 0))
    if node.op_type in _OUTPUT_ZERO_POINT and _clamps(input_of(node, _OUTPUT_ZERO_POINT[node.op_type])):
        return Switch(node, "quantize", None, reason=f"a zero point clamps the values inside {node.op_type}")
    if node.op_type == "QLinearLeakyRelu":
        return Switch(node, "leaky_relu", input_of(node, 0), threshold=uniform(input_of(node, 2)) or 0.0)
    return None


def named_activation(node: ir.Node) -> Switch | None:
    """A fused operator or a recurrent cell that names its activation in an attribute."""
    names = [name.lower() for name in _strings(node, "activation", "activations")]
    kinds = [_NAMED_IN_AN_ATTRIBUTE[name] for name in names if name in _NAMED_IN_AN_ATTRIBUTE]
    if not kinds or (kinds[0] == "clip" and _lower_bound(node) != 0):
        return None
    reason = f"{node.op_type} applies the activation inside; its pre-activation is not a value of the graph"
    return Switch(node, kinds[0], None, reason=reason)


def runtime_gelu(node: ir.Node) -> Switch | None:
    """The GELU operators of onnxruntime; those that add a bias have no pre-activation in the graph."""
    if node.domain != "com.microsoft" or node.op_type not in {"Gelu", "QuickGelu", "FastGelu", "BiasGelu"}:
        return None
    kind = "gelu"
    if node.op_type == "QuickGelu":
        kind = "silu" if number_of(node, "alpha", 1.702) == 1 else "quick_gelu"
    if input_of(node, 1) is None:
        return Switch(node, kind, input_of(node, 0))
    return Switch(node, kind, None, reason=f"{node.op_type} adds its bias inside; the sum is not a value of the graph")


def _quantizes_from_0(node: ir.Node) -> bool:
    """Whether the lowest code of a QuantizeLinear means 0; without a zero point its codes are uint8 from 0."""
    if input_of(node, 2) is not None:
        return _clamps(input_of(node, 2))
    return number_of(node, "output_dtype", 0) in (0, ir.DataType.UINT8, ir.DataType.UINT16)


def _lower_bound(node: ir.Node) -> float:
    """The lower bound of the Clip inside a fused operator."""
    bounds = node.attributes.get("activation_params")
    return bounds.as_floats()[0] if bounds is not None else -math.inf


def _clamps(zero_point: ir.Value | None) -> bool:
    """Whether the zero point is the lowest code of its type, so that no negative number has a code."""
    if zero_point is None or zero_point.dtype not in _LOWEST:
        return False
    return uniform(zero_point) == _LOWEST[zero_point.dtype]


def _can_be_negative(value: ir.Value | None) -> bool:
    """Whether a value, or one of the two summands of a residual addition, can be below 0."""
    addition = made_by(value, "Add")
    return any(_reaches_below_0(summand) for summand in (addition.inputs if addition is not None else [value]))


def _reaches_below_0(value: ir.Value | None) -> bool:
    """Whether the value is the output of an affine operator, or decoded from a type with codes for negative numbers."""
    decoder = made_by(value, "DequantizeLinear")
    if decoder is None:
        return made_by(value, *_AFFINE) is not None
    codes, zero_point = input_of(decoder, 0), input_of(decoder, 2)
    if zero_point is not None:
        return not _clamps(zero_point)
    return codes is not None and codes.dtype in {ir.DataType.INT8, ir.DataType.INT16}


def _strings(node: ir.Node, *names: str) -> list[str]:
    found: list[str] = []
    for attribute in (node.attributes.get(name) for name in names):
        if attribute is not None and attribute.type == ir.AttributeType.STRING:
            found.append(attribute.as_string())
        elif attribute is not None and attribute.type == ir.AttributeType.STRINGS:
            found.extend(attribute.as_strings())
    return found
