"""Write weights that are reshaped or transposed on their way as plain initializers."""

from functools import partial
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from ...analyzer.errors import translate_errors
from ...analyzer.sites.graph_match import tensor_of

_SHAPING = frozenset({"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})


class PlainWeightsPass(ir.passes.InPlacePass):
    """Compute what only reshapes, transposes or casts constants, so that a layer reads its weights as they are.

    Cases:

    1. A node of these types all of whose inputs are constant: its output becomes an initializer.
    2. It makes an output of the graph: left as it is.

    Nodes are taken in their order, so a chain of them is computed from its start. A second run changes nothing.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Compute them."""
        graph, opset, modified = model.graph, model.opset_imports[""], False
        for node in list(graph):
            if node.op_type not in _SHAPING or node.domain or node.outputs[0].is_graph_output():
                continue
            tensors = [tensor_of(value) for value in node.inputs if value is not None]
            if not tensors or any(tensor is None for tensor in tensors):
                continue
            old = node.outputs[0]
            name = str(old.name)
            array = translate_errors("compute the weights", repr(name), partial(_computed, node, opset))
            tensor = ir.tensor(array, name=name)
            new = ir.Value(name=name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(array.shape), const_value=tensor)
            old.replace_all_uses_with(new)
            graph.remove(node, safe=True)
            graph.register_initializer(new)
            modified = True
        return ir.passes.PassResult(model, modified=modified)


def _computed(node: ir.Node, opset: int) -> NDArray[Any]:
    """The output of a node with constant inputs, in a model of its own."""
    feed = {str(value.name): tensor.numpy() for value in node.inputs if value and (tensor := tensor_of(value))}
    made = str(node.outputs[0].name)
    values = {name: onnx.helper.make_empty_tensor_value_info(name) for name in (*feed, made)}
    graph = onnx.helper.make_graph([ir.to_proto(node)], "lone", [values[name] for name in feed], [values[made]])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    return np.asarray(ReferenceEvaluator(model).run([made], feed)[0])  # type: ignore[index]
