"""The layers of a rewritten model, read back from its graph."""

from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ....analyzer.errors import ModelError
from ....analyzer.sites.graph_match import tensor_of
from ..attention.weight_attention import from_codes
from ..encoding.binomial_table import Table
from ..encoding.levels import Levels
from ..encoding.packing import Packed, unplaned
from ..layer import Layer
from ..ops.operators import DOMAIN
from ..rewriting.shared_inputs import REST

KINDS = frozenset({"Conv", "ConvTranspose", "MatMul", "Scale"})
_NUMBERS = frozenset({"number", "unit", "shape", "step_in", "step_out", "per_image"})
_JOINED = (0, 4)
"""Places of the first input of a `Join` that belongs to the base samples, and of that to the refined ones."""


def operators_of(model: ir.Model) -> list[ir.Node]:
    """Its operators, in the graph's order.

    Raises:
        ModelError: it has none.
    """
    nodes = [node for node in model.graph if node.domain == DOMAIN and node.op_type in KINDS]
    if not nodes:
        raise ModelError("the model has no operator of ours; make one with `relucid psb` or psb.rewrite")
    return nodes


def stored_layers(model: ir.Model) -> list[tuple[ir.Node, Layer]]:
    """Each operator with the layer it stores, in the graph's order.

    The file does not say how levels are placed, but what they mean stands in the table; here they are called "nearest".

    Raises:
        ModelError: the model has no operator of ours.
    """
    return [(node, _layer(node)) for node in operators_of(model)]


def stored_table(model: ir.Model) -> Table:
    """The table of binomial numbers.

    Raises:
        ModelError: the model has no operator of ours.
    """
    bits, starts, cuts, outcomes = (_array(value) for value in _binomials(operators_of(model)[0])[0].inputs[1:])
    return Table(bits, starts, cuts, outcomes)


def samples_of(node: ir.Node) -> str | int:
    """How many samples an operator takes: the name of the model's input that says it, or a number of its own.

    With attention by weights, those of the refined ones.
    """
    value = _binomials(node)[-1].inputs[0]
    own = isinstance(node.graph, ir.Graph) and value is not None and value not in node.graph.inputs
    return int(_array(value)) if own else str(value.name if value is not None else "")


def bits_of(node: ir.Node) -> int:
    """Bits that a weight of an operator takes."""
    return sum(len(_array(value)) for value in node.inputs[1:4])


def _binomials(node: ir.Node) -> list[ir.Node]:
    """What reads the table for an operator: one `Binomial`, or those of base and refined samples that are joined."""
    maker = _maker(node, REST)
    makers = [maker]
    if maker is not None and maker.op_type == "Join":
        makers = [_maker(maker, place) for place in _JOINED]
    found = [each for each in makers if each is not None and each.op_type == "Binomial"]
    if len(found) < len(makers):
        raise ModelError(
            f"the operator {node.name!r} reads no table of binomial numbers; the file is not as we write it"
        )
    return found


def _maker(node: ir.Node, place: int) -> ir.Node | None:
    value = node.inputs[place]
    return None if value is None else value.producer()


def _levels(node: ir.Node, codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None, Levels]:
    """Level of each weight, which of them are refined, and the levels there are."""
    binomials, maker = _binomials(node), _maker(node, REST)
    count = binomials[0].attributes["levels"].as_int()
    levels = Levels((count - 1).bit_length())
    if len(binomials) == 1 or maker is None:
        return codes, None, levels
    return *from_codes(codes, _array(maker.inputs[-1]), levels=count), levels


def _layer(node: ir.Node) -> Layer:
    _, signs, exponents, levels, bias = (_array(value) for value in node.inputs[:5])
    samples = samples_of(node)
    shape = tuple(node.attributes["shape"].as_ints())
    count = int(np.prod(shape))
    level, refined, kinds = _levels(node, unplaned(levels, count))
    return Layer(
        name=str(node.name),
        kind=node.op_type,
        number=node.attributes["number"].as_int(),
        weights=Packed(
            negative=unplaned(signs, count),
            exponent=unplaned(exponents, count),
            level=level,
            lowest=_power(node, "unit"),
            exponent_bits=len(exponents),
            levels=kinds,
        ),
        shape=shape,
        bias=bias,
        fraction_in=-_power(node, "step_in"),
        fraction_out=-_power(node, "step_out"),
        geometry={name: _plain(attribute) for name, attribute in node.attributes.items() if name not in _NUMBERS},
        per_image=bool(node.attributes["per_image"].as_int()),
        samples=samples if isinstance(samples, int) else None,
        refined=refined,
    )


def _power(node: ir.Node, name: str) -> int:
    return int(np.frexp(node.attributes[name].as_float())[1]) - 1


def _array(value: ir.Value | None) -> NDArray[Any]:
    tensor = tensor_of(value)
    return np.zeros(0) if tensor is None else tensor.numpy()


def _plain(attribute: ir.Attr) -> Any:
    return list(attribute.as_ints()) if attribute.type == ir.AttributeType.INTS else attribute.value
