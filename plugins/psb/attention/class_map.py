"""Class scores of each position of the last feature map, the one that is averaged over its positions."""

from math import prod

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ....analyzer.errors import ModelError
from ....analyzer.sites.graph_match import input_of, tensor_of
from ..rewriting.constants import add_constant
from ..rewriting.targets import Target, find_targets

ClassMap = tuple[str, str, int]
"""Name of the feature map, name of the scores of its positions, and number of axes of positions."""

_TAIL_RESHAPING = frozenset({"Cast", "Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
_NORMALIZING = frozenset({"LogSoftmax", "Softmax"})


def add_class_map(model: ir.Model, *, classes: bool) -> ClassMap:
    """Find the average over all positions, and add the scores of each position of its input.

    A linear classifier gives the same scores whether it is applied before or after the average. Applied before, as a
    convolution with one tap, it gives the scores of each position.

    Args:
        model: in float, normalizations folded; one to three nodes are added.
        classes: whether the scores are those of the classes; otherwise they are the features themselves.

    Returns:
        The name of the last feature map (sample, unit, position ...), the name of its scores (sample, position ...,
        class), and the number of axes of positions.

    Raises:
        ModelError: the model does not average its last feature map, or no linear classifier follows.
    """
    graph = model.graph
    pooling = next((node for node in reversed(list(graph)) if _averages_positions(node)), None)
    features = None if pooling is None else pooling.inputs[0]
    if pooling is None or features is None or features.shape is None or features.producer() is None:
        raise ModelError(
            "attention: expected a model that averages its last feature map over all positions "
            "(GlobalAveragePool, ReduceMean or an AveragePool as large as the map), got one without such a node; "
            "use attention='channels' or 'neuron'"
        )
    axes = len(features.shape) - 2
    transpose = ir.node(
        "Transpose", inputs=[features], attributes={"perm": [0, *range(2, axes + 2), 1]}, name="attention.positions"
    )
    scores = transpose.outputs[0]
    scores.name = "attention.positions"
    scores.type = features.type
    scores.shape = ir.Shape([features.shape[0], *list(features.shape)[2:], features.shape[1]])
    nodes = [transpose]
    classifier = _find_classifier(graph, pooling.outputs[0]) if classes else None
    if classifier is not None:
        nodes += _position_classifier(graph, scores, classifier)
        scores = nodes[-1].outputs[0]
    pooling.append(nodes)
    return str(features.name), str(scores.name), axes


def _averages_positions(node: ir.Node) -> bool:
    """Whether the node averages each unit over all its positions."""
    x = node.inputs[0] if node.inputs else None
    if node.domain or x is None or x.shape is None or len(x.shape) < 3:
        return False
    if node.op_type == "GlobalAveragePool":
        return True
    if node.op_type == "ReduceMean":
        attribute = node.attributes.get("axes")
        tensor = tensor_of(input_of(node, 1))
        axes = attribute.as_ints() if attribute is not None else [] if tensor is None else tensor.numpy().tolist()
        return sorted(axis % len(x.shape) for axis in axes) == list(range(2, len(x.shape)))
    if node.op_type == "AveragePool":
        y = node.outputs[0].shape
        kernel = node.attributes["kernel_shape"].as_ints()
        return y is not None and prod(_positions(y)) == 1 and list(kernel) == _positions(x.shape)
    return False


def _positions(shape: ir.Shape) -> list[int]:
    """Number of positions by axis; 0 where it is unknown."""
    return [d if isinstance(d, int) else 0 for d in list(shape)[2:]]


def _find_classifier(graph: ir.Graph, pooled: ir.Value) -> Target | None:
    """The only layer between the average and the output; None where the averages are the scores."""
    targets = {target.nodes[0]: target for target in find_targets(graph)[0]}
    found: Target | None = None
    value = pooled
    while not value.is_graph_output():
        uses = list(value.uses())
        node = uses[0].node if len(uses) == 1 else None
        target = None if node is None else targets.get(node)
        if target is not None and found is None and _is_linear(target):
            found, value = target, target.y
        elif node is not None and not node.domain and node.op_type in _TAIL_RESHAPING | _NORMALIZING:
            value = node.outputs[0]
        else:
            what = "several nodes read" if node is None else f"{node.op_type} {node.name!r} reads"
            raise ModelError(
                "attention: expected one linear layer between the average over positions and the output, but "
                f"{what} the averages; use score='feature_ce', which scores the features themselves"
            )
    return found


def _is_linear(target: Target) -> bool:
    """Whether the layer maps the units of a position linearly, without looking at others."""
    if target.kind == "MatMul":
        return not target.transposed
    padded = any(target.geometry.get("pads", ()))
    return (
        target.kind == "Conv"
        and target.weights.shape[0] == 1
        and set(target.geometry["kernel_shape"]) == {1}
        and not padded
    )


def _position_classifier(graph: ir.Graph, x: ir.Value, classifier: Target) -> list[ir.Node]:
    """The classifier at each position: a product, and an addition if there is a bias."""
    name = f"{classifier.name}.map"
    inputs, units = classifier.weights.shape[-2:]
    weights = classifier.weights.reshape(inputs, units)
    bias = classifier.bias.reshape(-1)
    nodes = [ir.node("MatMul", inputs=[x, _add_float32(graph, f"{name}.weight", weights)], name=name)]
    if bias.any():
        operands = [nodes[0].outputs[0], _add_float32(graph, f"{name}.bias", bias)]
        nodes.append(ir.node("Add", inputs=operands, name=f"{name}.bias"))
    shape = None if x.shape is None else [*list(x.shape)[:-1], units]
    for node in nodes:
        node.outputs[0].name = f"{node.name}.scores"
        node.outputs[0].type, node.outputs[0].shape = x.type, None if shape is None else ir.Shape(shape)
    return nodes


def _add_float32(graph: ir.Graph, name: str, array: NDArray[np.float64]) -> ir.Value:
    return add_constant(graph, name, array.astype(np.float32))
