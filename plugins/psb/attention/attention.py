"""Computational attention by positions: a second pass with more samples where a mask selects. Thesis, section 4.2.5."""

import onnx_ir as ir

from ....analyzer.errors import OptionError
from ..ops.operators import DOMAIN
from ..rewriting.shared_inputs import SharedInputs
from .class_map import ClassMap
from .second_pass import add_second_pass
from .uncertainty import word_limit
from .weight_attention import WEIGHT_SELECTIONS

SELECTIONS = ("entropy", "entropy+margin", "random", *WEIGHT_SELECTIONS)
SCORES = {"class_entropy": "Entropy", "feature_ce": "FeatureCrossEntropy"}
MASK = "mask"
"""Name of the optional output that holds the mask."""


def check_attention(selection: str, *, score: str, coverage: float, within: float, mask: bool) -> None:
    """Check the options of `rewrite` for attention.

    Raises:
        OptionError: an option is invalid.
    """
    if selection not in SELECTIONS:
        raise OptionError(f"attention: expected one of {', '.join(SELECTIONS)}, got {selection!r}")
    if score not in SCORES:
        raise OptionError(f"score of attention: expected one of {', '.join(SCORES)}, got {score!r}")
    if not 0 <= coverage <= 1:
        raise OptionError(f"coverage of a random mask: expected a number from 0 to 1, got {coverage}")
    if not 0 <= within <= 0.5:
        raise OptionError(f"within, a distance from p = 1/2: expected a number from 0 to 0.5, got {within}")
    if mask and selection in WEIGHT_SELECTIONS:
        raise OptionError(f"expected mask=False with {selection}, which selects weights, got True; omit mask=True")


def add_attention(
    graph: ir.Graph,
    selection: str,
    maps: ClassMap,
    inputs: SharedInputs,
    *,
    layers: int,
    score: str,
    coverage: float,
    mask_output: bool,
) -> None:
    """Turn one pass into two: the existing one takes `base` samples, its copy `samples` inside a mask.

    At every layer with positions, the second pass uses its own result inside the mask and that of the first pass
    outside. After the average over positions there is no mask, and the second pass computes everything.

    Args:
        graph: rewritten; its operators are numbered from 0.
        selection: "entropy", "entropy+margin" or "random".
        maps: the feature map and the scores that determine the mask.
        inputs: of the model, with `inputs.base`.
        layers: number of operators; numbers from there on are those of the second pass, then of the random mask.
        score: a key of SCORES.
        coverage: probability of a position to be in a random mask.
        mask_output: whether the mask becomes an output.
    """
    mask = _add_mask(graph, selection, maps, inputs, number=2 * layers, score=score, coverage=coverage)
    add_second_pass(graph, mask, features=maps[0], inputs=inputs, first=layers)
    if mask_output:
        mask.name = MASK
        graph.outputs.append(mask)


def _add_mask(
    graph: ir.Graph,
    selection: str,
    maps: ClassMap,
    inputs: SharedInputs,
    *,
    number: int,
    score: str,
    coverage: float,
) -> ir.Value:
    """Add the nodes that compute the mask (sample, 1, position ...), float32, 1 inside."""
    values = {out.name: out for node in graph for out in node.outputs}
    features, scores, axes = values[maps[0]], values[maps[1]], maps[2]
    if selection == "random":
        attributes = {"number": number, "limit": word_limit(coverage)}
        nodes = [ir.node("RandomMask", inputs=[features, inputs.keys], attributes=attributes, domain=DOMAIN)]
    else:
        first = ir.node(SCORES[score], inputs=[scores], domain=DOMAIN)
        nodes = [first, ir.node("AboveMean", inputs=first.outputs, domain=DOMAIN)]
    if selection == "entropy+margin":
        window = {"kernel_shape": [3] * axes, "pads": [1] * 2 * axes}
        nodes.append(ir.node("MaxPool", inputs=nodes[-1].outputs, attributes=window))
    size = [None] * axes if features.shape is None else list(features.shape)[2:]
    samples = None if features.shape is None else features.shape[0]
    for index, node in enumerate(nodes):
        node.name = node.outputs[0].name = f"attention.{index}"
        node.outputs[0].type = ir.TensorType(ir.DataType.FLOAT)
        node.outputs[0].shape = ir.Shape([samples, 1, *size])
    if selection != "random":
        nodes[0].outputs[0].shape = ir.Shape([samples, *size, 1])
    last = scores.producer()
    graph.insert_after(last if last is not None else graph[-1], nodes)
    return nodes[-1].outputs[0]
