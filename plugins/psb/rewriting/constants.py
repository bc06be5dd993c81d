"""Constants of a graph: read one, add one."""

from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ....analyzer.sites.graph_match import tensor_of


def array_of(value: ir.Value | None) -> NDArray[Any]:
    """The array of a constant value; an empty one for any other value."""
    tensor = tensor_of(value)
    return np.zeros(0) if tensor is None else tensor.numpy()


def add_constant(graph: ir.Graph, name: str, array: Any) -> ir.Value:
    """Add an initializer; underscores are appended to a name that is taken."""
    while name in graph.initializers:
        name += "_"
    tensor = ir.tensor(np.asarray(array), name=name)
    value = ir.Value(
        name=name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(tensor.numpy().shape), const_value=tensor
    )
    graph.register_initializer(value)
    return value


def get_or_add_constant(graph: ir.Graph, name: str, array: Any) -> ir.Value:
    """Return the initializer of that name; add it if there is none."""
    return graph.initializers.get(name) or add_constant(graph, name, array)
