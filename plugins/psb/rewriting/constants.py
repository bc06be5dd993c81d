"""Constants of a graph."""

from typing import Any

import numpy as np
import onnx_ir as ir


def shared(graph: ir.Graph, name: str, array: Any) -> ir.Value:
    """The initializer of that name; a new one if there is none."""
    return graph.initializers.get(name) or constant(graph, name, array)


def constant(graph: ir.Graph, name: str, array: Any) -> ir.Value:
    """A new initializer, its name made new if it is taken."""
    while name in graph.initializers:
        name += "_"
    tensor = ir.tensor(np.asarray(array), name=name)
    value = ir.Value(
        name=name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(tensor.numpy().shape), const_value=tensor
    )
    graph.register_initializer(value)
    return value
