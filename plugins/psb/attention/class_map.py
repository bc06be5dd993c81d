"""The last feature map before the average over positions, and what each position says of the classes."""

from dataclasses import dataclass
from math import prod

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ....analyzer.errors import ModelError
from ....analyzer.sites.graph_match import input_of, tensor_of
from ..rewriting.constants import constant
from ..rewriting.targets import Target, find_targets

_SHAPING = frozenset({"Cast", "Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
_ENDING = frozenset({"LogSoftmax", "Softmax"})


@dataclass(frozen=True)
class Focus:
    """Where attention looks.

    Args:
        features: name of the last feature map (sample, unit, position ...), which is averaged next.
        scores: name of its class scores (sample, position ..., class).
        axes: how many axes positions have.
    """

    features: str
    scores: str
    axes: int


def find_focus(model: ir.Model, *, classes: bool) -> Focus:
    """Find the average over all positions and put the classifier behind it in front of it as well.

    A classifier that is linear gives the same scores whether positions are averaged before or after. So each position
    has scores of its own: those of the classifier as a convolution with one tap.

    Args:
        model: in float, normalizations folded; two or three nodes are added.
        classes: whether scores are those of classes; else the features themselves.

    Raises:
        ModelError: the model does not average its last feature map, or not by a linear classifier behind it.
    """
    graph = model.graph
    pooling = next((node for node in reversed(list(graph)) if _averages_positions(node)), None)
    features = None if pooling is None else pooling.inputs[0]
    if pooling is None or features is None or features.shape is None or features.producer() is None:
        raise ModelError(
            "attention wants a model that averages its last feature map over all positions "
            "(GlobalAveragePool, ReduceMean or an AveragePool as large as the map), and this one has no such node"
        )
    axes = len(features.shape) - 2
    turned = ir.node(
        "Transpose", inputs=[features], attributes={"perm": [0, *range(2, axes + 2), 1]}, name="attention.positions"
    )
    turned.outputs[0].name = "attention.positions"
    turned.outputs[0].type = features.type
    turned.outputs[0].shape = ir.Shape([features.shape[0], *list(features.shape)[2:], features.shape[1]])
    scores = turned.outputs[0]
    nodes = [turned]
    classifier = _classifier(graph, pooling.outputs[0]) if classes else None
    if classifier is not None:
        nodes += _head(graph, scores, classifier)
        scores = nodes[-1].outputs[0]
    pooling.append(nodes)
    return Focus(str(features.name), str(scores.name), axes)


def _averages_positions(node: ir.Node) -> bool:
    """Whether the node makes one number of all positions of a unit."""
    x = node.inputs[0] if node.inputs else None
    if node.domain or x is None or x.shape is None or len(x.shape) < 3:
        return False
    if node.op_type == "GlobalAveragePool":
        return True
    if node.op_type == "ReduceMean":
        given = node.attributes.get("axes")
        tensor = tensor_of(input_of(node, 1))
        axes = given.as_ints() if given is not None else [] if tensor is None else tensor.numpy().tolist()
        return sorted(axis % len(x.shape) for axis in axes) == list(range(2, len(x.shape)))
    if node.op_type == "AveragePool":
        y = node.outputs[0].shape
        kernel = node.attributes["kernel_shape"].as_ints()
        return y is not None and prod(_size(y)) == 1 and list(kernel) == _size(x.shape)
    return False


def _size(shape: ir.Shape) -> list[int]:
    """Positions by axis; 0 where it is not known."""
    return [d if isinstance(d, int) else 0 for d in list(shape)[2:]]


def _classifier(graph: ir.Graph, pooled: ir.Value) -> Target | None:
    """The one layer between the average and the output; None where the averages are the scores."""
    targets = {target.nodes[0]: target for target in find_targets(graph)[0]}
    found: Target | None = None
    value = pooled
    while not value.is_graph_output():
        uses = list(value.uses())
        node = uses[0].node if len(uses) == 1 else None
        target = None if node is None else targets.get(node)
        if target is not None and found is None and _is_linear_head(target):
            found, value = target, target.y
        elif node is not None and not node.domain and node.op_type in _SHAPING | _ENDING:
            value = node.outputs[0]
        else:
            what = "several nodes" if node is None else f"{node.op_type} {node.name!r}"
            raise ModelError(
                f"attention wants one linear layer between the average over positions and the output, but {what} "
                "reads the averages; take score='feature_ce', which scores the features themselves"
            )
    return found


def _is_linear_head(target: Target) -> bool:
    if target.kind == "MatMul":
        return not target.transposed
    padded = any(target.geometry.get("pads", ()))
    return (
        target.kind == "Conv"
        and target.weights.shape[0] == 1
        and set(target.geometry["kernel_shape"]) == {1}
        and not padded
    )


def _head(graph: ir.Graph, x: ir.Value, classifier: Target) -> list[ir.Node]:
    """The classifier for each position: a product, and a bias where there is one."""
    name = f"{classifier.name}.map"
    inputs, units = classifier.weights.shape[-2:]
    weights = classifier.weights.reshape(inputs, units)
    bias = classifier.bias.reshape(-1)
    nodes = [ir.node("MatMul", inputs=[x, _stored(graph, f"{name}.weight", weights)], name=name)]
    if bias.any():
        nodes.append(
            ir.node("Add", inputs=[nodes[0].outputs[0], _stored(graph, f"{name}.bias", bias)], name=f"{name}.bias")
        )
    shape = None if x.shape is None else [*list(x.shape)[:-1], units]
    for node in nodes:
        node.outputs[0].name = f"{node.name}.scores"
        node.outputs[0].type, node.outputs[0].shape = x.type, None if shape is None else ir.Shape(shape)
    return nodes


def _stored(graph: ir.Graph, name: str, array: NDArray[np.float64]) -> ir.Value:
    return constant(graph, name, array.astype(np.float32))
