"""What one operator of a rewritten model costs for one image: its shifts, additions and random bits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ....analyzer.data import input_specs
from ....analyzer.errors import OptionError
from ....analyzer.model.loading import load
from ....analyzer.passes.expose_values import InstrumentPass
from ....analyzer.runtime.session import open_session
from ..encoding.binomial_table import Table
from ..layer import Layer

Shape = tuple[int, ...]


def shapes_of(
    model: ir.Model, nodes: Sequence[ir.Node], size: Mapping[str, Sequence[int]]
) -> dict[ir.Node, tuple[Shape, Shape]]:
    """The shapes of input and output of each operator, without their first axis, the sample.

    Args:
        model: rewritten.
        nodes: its operators.
        size: shape of one sample, by input, where the model leaves it open.

    Raises:
        OptionError: it is open and not given.
    """
    stated = {node: (_stated(node.inputs[0]), _stated(node.outputs[0])) for node in nodes}
    if not size and all(None not in pair for pair in stated.values()):
        return {node: (x or (), y or ()) for node, (x, y) in stated.items()}
    loaded = load(model)
    names = [str(value.name) for node in nodes for value in (node.inputs[0], node.outputs[0]) if value is not None]
    tapping = InstrumentPass(names)
    tapping(loaded.ir)
    session = open_session(replace(loaded, ir=loaded.ir))
    feed = {}
    for spec in input_specs(session.inputs()):
        shape = [1 if axis == spec.sample_axis else d for axis, d in enumerate(spec.shape or ())]
        if spec.name in size:
            shape = [1, *size[spec.name]]
        if any(not isinstance(d, int) for d in shape):
            raise OptionError(
                f"the model leaves the size of {spec.name!r} open, it wants {spec.description}; "
                f"give the shape of one sample, such as --size {spec.name}=3,224,224"
            )
        feed[spec.name] = np.zeros([int(d) for d in shape if isinstance(d, int)], dtype=spec.dtype)
    found = session.run(list(tapping.tapped.values()), feed)
    shapes = {name: found[tap].shape[1:] for name, tap in tapping.tapped.items()}
    named = {node: (node.inputs[0], node.outputs[0]) for node in nodes}
    return {node: (shapes[str(x.name)], shapes[str(y.name)]) for node, (x, y) in named.items() if x is not None}


def _stated(value: ir.Value | None) -> Shape | None:
    if value is None or value.shape is None:
        return None
    known = tuple(d for d in list(value.shape)[1:] if isinstance(d, int))
    return known if len(known) == len(value.shape) - 1 else None


@dataclass(frozen=True)
class NodeCost:
    """What one operator costs for one image.

    Args:
        name: of the node.
        kind: Conv, ConvTranspose, MatMul or Scale.
        turn: "only", or which of two passes: "base", "refined".
        samples: n it takes; with attention by weights, that of the refined ones.
        share: of the positions at which it is computed: the coverage of the mask, or 1.
        weights: how many it has.
        nonzero: those that are not 0; the others cost nothing.
        refined: those of them that take n samples; with attention by weights the others take the model's base.
        products: multiplications of a weight that is not 0 by an activation, where it is computed everywhere.
        shifts: n of its weight for each product, and one to the right for each output; one more for an output whose
            weights have two numbers of samples, between the steps of their sums.
        adds: n for each product, and two for each output: half a step, and the bias; one more as for the shifts.
        random_bits: n for each weight that leaves anything to chance; all positions share the draw.
        weight_bits: bits a stored weight takes.
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
    table: Table,
    *,
    turn: str,
    samples: int,
    base: int | None,
    share: float,
    shapes: tuple[Shape, Shape],
    weight_bits: int,
) -> NodeCost:
    """The cost of one layer.

    Args:
        layer: what it stores.
        table: of the binomial numbers.
        turn: which pass it is of.
        samples: n, unless the layer has its own.
        base: that of the weights that are not refined, if there are any.
        share: of the positions.
        shapes: of what it reads and of what it makes, for one image.
        weight_bits: that a stored weight takes.
    """
    read, made = shapes
    most = layer.samples or samples
    n = layer.samples_of_weights(samples=samples, base=base)
    nonzero = layer.weights.exponent > 0
    outputs = int(np.prod(made))
    if layer.kind == "MatMul":
        places = outputs // made[-1]
    else:
        places = int(np.prod((read if layer.kind == "ConvTranspose" else made)[1:]))
    products = int(np.count_nonzero(nonzero)) * places
    drawn = int(n[nonzero].sum()) * places
    joined = _units_of_two_steps(layer, n) * outputs // layer.bias.size
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
        shifts=round(share * (drawn + outputs + joined)),
        adds=round(share * (drawn + 2 * outputs + joined)),
        random_bits=sum(_random_bits(layer, table, n=int(each), of=n == each) for each in np.unique(n)),
        weight_bits=weight_bits,
    )


def _units_of_two_steps(layer: Layer, n: NDArray[np.int64]) -> int:
    """Units with weights that are not 0 of more than one number of samples, whose sums count in different steps."""
    held = (layer.weights.exponent > 0).reshape(layer.shape)
    least = np.where(held, n.reshape(layer.shape), n.max(initial=0)).min(axis=-2, initial=n.max(initial=0))
    most = np.where(held, n.reshape(layer.shape), 0).max(axis=-2, initial=0)
    return int(np.count_nonzero(least < most))


def _random_bits(layer: Layer, table: Table, *, n: int, of: NDArray[np.bool_]) -> int:
    """One bit for each of the n samples of these weights, if they leave anything to chance."""
    by_chance = table.leaves_to_chance(samples=n)[layer.weights.level] & (layer.weights.exponent > 0)
    return n * int(np.count_nonzero(by_chance & of))
