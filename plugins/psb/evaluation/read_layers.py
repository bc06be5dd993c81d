"""Read the layers and the binomial table of a rewritten model back from its graph."""

from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ....analyzer.errors import ModelError
from ..attention.weight_attention import from_table_rows
from ..encoding.binomial_table import BinomialTable
from ..encoding.levels import Levels
from ..encoding.packing import Packed, from_bit_planes
from ..layer import Layer
from ..ops.operators import DOMAIN
from ..rewriting.constants import array_of
from ..rewriting.shared_inputs import FIRST_TABLE_INPUT

KINDS = frozenset({"Conv", "ConvTranspose", "MatMul", "Scale"})
_NUMBERS = frozenset({"number", "unit", "shape", "step_in", "step_out", "per_image"})
_JOIN_INPUTS = (0, 4)
"""Indices of the first input of a `Join` for the base samples, and of the first for the refined samples."""


def find_operators(model: ir.Model) -> list[ir.Node]:
    """The PSB operators of a model, in graph order.

    Raises:
        ModelError: it has none.
    """
    nodes = [node for node in model.graph if node.domain == DOMAIN and node.op_type in KINDS]
    if not nodes:
        raise ModelError(
            f"expected a model with operators of the domain {DOMAIN}, got none; create one with `relucid psb` "
            "or psb.rewrite"
        )
    return nodes


def extract_layers(model: ir.Model) -> list[tuple[ir.Node, Layer]]:
    """Each operator with the layer it stores, in graph order.

    The placing of the levels is not stored, only the table for them; here it is always "nearest".

    Raises:
        ModelError: the model has no PSB operator.
    """
    return [(node, _extract_layer(node)) for node in find_operators(model)]


def extract_table(model: ir.Model) -> BinomialTable:
    """The binomial table of a model.

    Raises:
        ModelError: the model has no PSB operator.
    """
    bits, starts, cuts, outcomes = (array_of(value) for value in _binomials(find_operators(model)[0])[0].inputs[1:])
    return BinomialTable(bits, starts, cuts, outcomes)


def samples_of(node: ir.Node) -> str | int:
    """The number of samples of an operator: the name of an input of the model, or a constant.

    With attention by weights, that of the refined weights.
    """
    value = _binomials(node)[-1].inputs[0]
    constant = isinstance(node.graph, ir.Graph) and value is not None and value not in node.graph.inputs
    return int(array_of(value)) if constant else str(value.name if value is not None else "")


def weight_bits_of(node: ir.Node) -> int:
    """Number of bits of a stored weight of an operator."""
    return sum(len(array_of(value)) for value in node.inputs[1:4])


def _extract_layer(node: ir.Node) -> Layer:
    _, signs, exponents, stored, bias = (array_of(value) for value in node.inputs[:5])
    samples = samples_of(node)
    shape = tuple(node.attributes["shape"].as_ints())
    count = int(np.prod(shape))
    level, refined, levels = _extract_levels(node, from_bit_planes(stored, count))
    return Layer(
        name=str(node.name),
        kind=node.op_type,
        number=node.attributes["number"].as_int(),
        weights=Packed(
            negative=from_bit_planes(signs, count),
            exponent=from_bit_planes(exponents, count),
            level=level,
            lowest=_log2_of(node, "unit"),
            exponent_bits=len(exponents),
            levels=levels,
        ),
        shape=shape,
        bias=bias,
        fraction_in=-_log2_of(node, "step_in"),
        fraction_out=-_log2_of(node, "step_out"),
        geometry={name: _python_value(attr) for name, attr in node.attributes.items() if name not in _NUMBERS},
        per_image=bool(node.attributes["per_image"].as_int()),
        samples=samples if isinstance(samples, int) else None,
        refined=refined,
    )


def _extract_levels(
    node: ir.Node, stored: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_] | None, Levels]:
    """The level of each weight, which weights are refined, and the quantization levels."""
    binomials, producer = _binomials(node), _producer(node, FIRST_TABLE_INPUT)
    count = binomials[0].attributes["levels"].as_int()
    levels = Levels((count - 1).bit_length())
    if len(binomials) == 1 or producer is None:
        return stored, None, levels
    return *from_table_rows(stored, array_of(producer.inputs[-1]), levels=count), levels


def _binomials(node: ir.Node) -> list[ir.Node]:
    """The `Binomial` that an operator reads, or with a `Join` those of the base and of the refined samples."""
    producer = _producer(node, FIRST_TABLE_INPUT)
    producers = [producer]
    if producer is not None and producer.op_type == "Join":
        producers = [_producer(producer, index) for index in _JOIN_INPUTS]
    found = [each for each in producers if each is not None and each.op_type == "Binomial"]
    if len(found) < len(producers):
        raise ModelError(
            f"the operator {node.name!r}: expected inputs from a Binomial, got another operator; rewrite the model"
        )
    return found


def _producer(node: ir.Node, index: int) -> ir.Node | None:
    value = node.inputs[index]
    return None if value is None else value.producer()


def _log2_of(node: ir.Node, name: str) -> int:
    """The exponent of an attribute that is a power of two."""
    return int(np.frexp(node.attributes[name].as_float())[1]) - 1


def _python_value(attribute: ir.Attr) -> Any:
    return list(attribute.as_ints()) if attribute.type == ir.AttributeType.INTS else attribute.value
