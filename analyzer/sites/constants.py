"""What is known of a value before the model runs: is it constant, and the same number everywhere?"""

import math

import numpy as np
import onnx_ir as ir

_READ_AT_MOST = 1 << 20  # elements; a larger constant is a weight, never an activation's bound
_SHAPING = frozenset(
    {"Identity", "Cast", "CastLike", "Expand", "Reshape", "Unsqueeze", "Squeeze", "Tile", "Transpose", "Flatten"}
)


def tensor_of(value: ir.Value | None) -> ir.TensorProtocol | None:
    """The tensor behind an initializer or a Constant node; None for anything computed or fed."""
    if value is None:
        return None
    if value.const_value is not None:
        return value.const_value
    node = value.producer()
    if node is None or node.op_type != "Constant" or node.domain:
        return None
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        attribute = node.attributes.get(name)
        if attribute is not None and not attribute.is_ref():
            return attribute.value if name == "value" else ir.tensor(np.asarray(attribute.value))
    return None


def is_constant(value: ir.Value | None) -> bool:
    """Whether the value is fixed by the model: a tensor, or a reshaping of one (its scaling too, where quantized)."""
    if tensor_of(value) is not None:
        return True
    node = value.producer() if value is not None else None
    return node is not None and (
        node.op_type == "ConstantOfShape"
        or (node.op_type in _SHAPING | {"DequantizeLinear"} and is_constant(node.inputs[0]))
    )


def uniform(value: ir.Value | None) -> float | None:
    """The one number a constant value holds everywhere, through any reshaping; None if there is no such number."""
    tensor = tensor_of(value)
    if tensor is not None:
        return _uniform_tensor(tensor)
    node = value.producer() if value is not None else None
    if node is None or node.domain:
        return None
    if node.op_type in _SHAPING:
        return uniform(node.inputs[0])
    if node.op_type == "ConstantOfShape":
        fill = node.attributes.get("value")
        return 0.0 if fill is None else _uniform_tensor(fill.as_tensor())
    return None


def is_number(value: ir.Value | None, number: float) -> bool:
    """Whether the value is this number everywhere (to the six digits an exporter may have rounded it to)."""
    found = uniform(value)
    return found is not None and math.isclose(found, number, rel_tol=2e-6, abs_tol=0.0 if number else 1e-30)


def _uniform_tensor(tensor: ir.TensorProtocol) -> float | None:
    if not 0 < tensor.size <= _READ_AT_MOST or tensor.dtype == ir.DataType.STRING:
        return None
    array = tensor.numpy().reshape(-1)
    first = array[0]
    return float(first) if bool((array == first).all()) else None
