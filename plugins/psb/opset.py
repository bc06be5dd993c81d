"""Raise the opset of a model that is older than what our operators are written in."""

import onnx_ir as ir
from onnx import version_converter

from ...analyzer.errors import translate_errors
from .operators import FIRST_IR_VERSION, OLDEST_OPSET

_SMALL = 1024  # bytes


def raise_opset(model: ir.Model, name: str) -> ir.Model:
    """The same model in opset 12 if it is older, else the model itself.

    Functions of a model share its opset, and before 12 the operators lack types that ours need. Weights do not take
    part: they are handed over as inputs and put back, so that none is copied or read. Small constants do, and are read:
    the meaning of an operator may depend on them.

    Raises:
        ModelError: onnx has no conversion for an operator of the model.
    """
    if model.opset_imports[""] >= OLDEST_OPSET:
        return model
    bare = model.clone()
    bare.ir_version = max(bare.ir_version, FIRST_IR_VERSION)  # in the oldest files every initializer is an input
    weights = {}
    for key, value in list(bare.graph.initializers.items()):
        if value.const_value is not None and value.const_value.nbytes > _SMALL:
            weights[key] = value.const_value
            del bare.graph.initializers[key]
            value.const_value = None
            bare.graph.inputs.append(value)
        elif value.const_value is not None:
            value.const_value = ir.tensor(value.const_value.numpy(), name=key)
    proto = translate_errors(
        "raise the opset of", name, lambda: version_converter.convert_version(ir.to_proto(bare), OLDEST_OPSET)
    )
    raised = ir.from_proto(proto)
    inputs = list(raised.graph.inputs)
    raised.graph.inputs.clear()
    for value in inputs:
        if value.name in weights:
            value.const_value = weights[value.name]
            raised.graph.register_initializer(value)
        else:
            raised.graph.inputs.append(value)
    return raised
