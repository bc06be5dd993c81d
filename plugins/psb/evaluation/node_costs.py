"""Cost of one operator of a rewritten model for one image: shifts, additions and random bits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ....analyzer.data import input_specs
from ....analyzer.errors import OptionError
from ....analyzer.model.loading import load
from ..encoding.binomial_table import BinomialTable
from ..graph_values import open_tapped
from ..layer import Layer

Shape = tuple[int, ...]


@dataclass(frozen=True)
class NodeCost:
    """Cost of one operator for one image.

    Args:
        name: of the node.
        kind: Conv, ConvTranspose, MatMul or Scale.
        turn: "only", or the pass it belongs to: "base", "refined".
        samples: n; with attention by weights, that of the refined ones.
        share: of the positions at which it is computed: the coverage of the mask, or 1.
        weights: number of weights.
        nonzero: number of nonzero weights; zeros cost nothing.
        refined: number of nonzero weights with n samples; with attention by weights the others take the model's base.
        products: multiplications of a nonzero weight by an activation, if computed at all positions.
        shifts: n of its weight for each product, and one right shift for each output; one more for an output whose
            weights have two numbers of samples, to align the two sums.
        adds: n for each product, and two for each output, half a step and the bias; one more as for the shifts.
        random_bits: n for each weight whose draw is random; all positions share the draw.
        weight_bits: bits of a stored weight.
    """

    name: str
    kind: str
    turn: str
    samples: int
    share: float
    weights: int
    nonzero: int
    refined: int
    products: int
    shifts: int
    adds: int
    random_bits: int
    weight_bits: int


def node_cost(
    layer: Layer,
    table: BinomialTable,
    *,
    turn: str,
    samples: int,
    base: int | None,
    share: float,
    shapes: tuple[Shape, Shape],
    weight_bits: int,
) -> NodeCost:
    """Compute the cost of one layer.

    Args:
        layer: the operator.
        table: binomial random numbers.
        turn: the pass it belongs to.
        samples: n, unless the layer has its own number.
        base: number of samples of the weights that are not refined, if any.
        share: of the positions at which it is computed.
        shapes: of its input and of its output, without the sample axis.
        weight_bits: bits of a stored weight.
    """
    shape_in, shape_out = shapes
    most = layer.samples or samples
    n = layer.samples_of_weights(samples=samples, base=base)
    nonzero = layer.weights.exponent > 0
    outputs = int(np.prod(shape_out))
    if layer.kind == "MatMul":
        positions = outputs // shape_out[-1]
    else:
        positions = int(np.prod((shape_in if layer.kind == "ConvTranspose" else shape_out)[1:]))
    products = int(np.count_nonzero(nonzero)) * positions
    drawn = int(n[nonzero].sum()) * positions
    aligned = _count_mixed_units(layer, n) * outputs // layer.bias.size
    return NodeCost(
        name=layer.name,
        kind=layer.kind,
        turn=turn,
        samples=most,
        share=share,
        weights=layer.weights.level.size,
        nonzero=int(np.count_nonzero(nonzero)),
        refined=int(np.count_nonzero(nonzero if layer.refined is None else nonzero & layer.refined)),
        products=products,
        shifts=round(share * (drawn + outputs + aligned)),
        adds=round(share * (drawn + 2 * outputs + aligned)),
        random_bits=sum(_count_random_bits(layer, table, n=int(each), among=n == each) for each in np.unique(n)),
        weight_bits=weight_bits,
    )


def _count_mixed_units(layer: Layer, n: NDArray[np.int64]) -> int:
    """Number of units whose nonzero weights have different numbers of samples."""
    nonzero = (layer.weights.exponent > 0).reshape(layer.shape)
    least = np.where(nonzero, n.reshape(layer.shape), n.max(initial=0)).min(axis=-2, initial=n.max(initial=0))
    most = np.where(nonzero, n.reshape(layer.shape), 0).max(axis=-2, initial=0)
    return int(np.count_nonzero(least < most))


def _count_random_bits(layer: Layer, table: BinomialTable, *, n: int, among: NDArray[np.bool_]) -> int:
    """Random bits of these weights: n for each whose draw is random."""
    is_random = table.is_random(samples=n)[layer.weights.level] & (layer.weights.exponent > 0)
    return n * int(np.count_nonzero(is_random & among))


def find_shapes(
    model: ir.Model, nodes: Sequence[ir.Node], size: Mapping[str, Sequence[int]]
) -> dict[ir.Node, tuple[Shape, Shape]]:
    """The shapes of input and output of each operator, without the sample axis.

    If the model does not state them, it is run once on zeros.

    Args:
        model: rewritten.
        nodes: its operators.
        size: shape of one sample, by input, where the model has symbolic dimensions.

    Raises:
        OptionError: the model has a symbolic dimension, and no size is given.
    """
    static = {node: (_static_shape(node.inputs[0]), _static_shape(node.outputs[0])) for node in nodes}
    if not size and all(None not in pair for pair in static.values()):
        return {node: (x or (), y or ()) for node, (x, y) in static.items()}
    names = [str(value.name) for node in nodes for value in (node.inputs[0], node.outputs[0]) if value is not None]
    session, run = open_tapped(load(model), names)
    feed = {}
    for spec in input_specs(session.inputs()):
        shape = [1 if axis == spec.sample_axis else d for axis, d in enumerate(spec.shape or ())]
        if spec.name in size:
            shape = [1, *size[spec.name]]
        if any(not isinstance(d, int) for d in shape):
            raise OptionError(
                f"expected a fixed size of input {spec.name!r}, got {list(spec.shape or ())}; "
                f"give the shape of one sample, such as --size {spec.name}=3,224,224"
            )
        feed[spec.name] = np.zeros([int(d) for d in shape if isinstance(d, int)], dtype=spec.dtype)
    shapes = {name: array.shape[1:] for name, array in run(feed).items()}
    pairs = {node: (node.inputs[0], node.outputs[0]) for node in nodes}
    return {node: (shapes[str(x.name)], shapes[str(y.name)]) for node, (x, y) in pairs.items() if x is not None}


def _static_shape(value: ir.Value | None) -> Shape | None:
    if value is None or value.shape is None:
        return None
    known = tuple(d for d in list(value.shape)[1:] if isinstance(d, int))
    return known if len(known) == len(value.shape) - 1 else None
