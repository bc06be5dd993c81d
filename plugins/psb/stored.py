"""The layers of a rewritten model, read back from its graph."""

from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...analyzer.errors import ModelError
from ...analyzer.sites.constants import tensor_of
from .draws import Table
from .layer import Layer
from .levels import Levels
from .nodes import REST
from .operators import DOMAIN
from .packing import Packed, unplaned

KINDS = frozenset({"Conv", "ConvTranspose", "MatMul", "Scale"})
_NUMBERS = frozenset({"number", "unit", "shape", "step_in", "step_out", "per_image"})


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
    bits, starts, cuts, outcomes = (_array(value) for value in _binomial(operators_of(model)[0]).inputs[1:])
    return Table(bits, starts, cuts, outcomes)


def samples_of(node: ir.Node) -> str | int:
    """How many samples an operator takes: the name of the model's input that says it, or a number of its own."""
    value = _binomial(node).inputs[0]
    own = isinstance(node.graph, ir.Graph) and value is not None and value not in node.graph.inputs
    return int(_array(value)) if own else str(value.name if value is not None else "")


def _binomial(node: ir.Node) -> ir.Node:
    value = node.inputs[REST]
    maker = None if value is None else value.producer()
    if maker is None or maker.op_type != "Binomial":
        raise ModelError(
            f"the operator {node.name!r} reads no table of binomial numbers; the file is not as we write it"
        )
    return maker


def _layer(node: ir.Node) -> Layer:
    _, signs, exponents, levels, bias = (_array(value) for value in node.inputs[:5])
    samples = samples_of(node)
    shape = tuple(node.attributes["shape"].as_ints())
    count = int(np.prod(shape))
    return Layer(
        name=str(node.name),
        kind=node.op_type,
        number=node.attributes["number"].as_int(),
        weights=Packed(
            negative=unplaned(signs, count),
            exponent=unplaned(exponents, count),
            level=unplaned(levels, count),
            lowest=_power(node, "unit"),
            exponent_bits=len(exponents),
            levels=Levels(len(levels)),
        ),
        shape=shape,
        bias=bias,
        fraction_in=-_power(node, "step_in"),
        fraction_out=-_power(node, "step_out"),
        geometry={name: _plain(attribute) for name, attribute in node.attributes.items() if name not in _NUMBERS},
        per_image=bool(node.attributes["per_image"].as_int()),
        samples=samples if isinstance(samples, int) else None,
    )


def _power(node: ir.Node, name: str) -> int:
    return int(np.frexp(node.attributes[name].as_float())[1]) - 1


def _array(value: ir.Value | None) -> NDArray[Any]:
    tensor = tensor_of(value)
    return np.zeros(0) if tensor is None else tensor.numpy()


def _plain(attribute: ir.Attr) -> Any:
    return list(attribute.as_ints()) if attribute.type == ir.AttributeType.INTS else attribute.value
