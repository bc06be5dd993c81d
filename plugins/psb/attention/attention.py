"""Computational attention: more samples at some positions, or for some weights. Thesis, section 4.2.5."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ....analyzer.errors import OptionError
from ..encoding.levels import Levels
from ..layer import Layer
from ..ops.operators import DOMAIN
from ..rewriting.shared_inputs import Inputs
from .class_map import Focus
from .second_pass import add_second_pass
from .uncertainty import limit_of
from .weight_attention import SELECTIONS as BY_WEIGHTS
from .weight_attention import refined, rows_of

SELECTIONS = ("entropy", "entropy+margin", "random", *BY_WEIGHTS)
SCORES = {"class_entropy": "Entropy", "feature_ce": "FeatureCrossEntropy"}
MASK = "mask"
"""The output that shows the mask, where it is wanted."""


@dataclass(frozen=True)
class Attention:
    """How positions or weights are selected; the options of `rewrite` of the same names.

    Args:
        selection: one of SELECTIONS.
        base: default number of samples of the first pass, or of the weights that are not selected.
        score: one of SCORES.
        coverage: the chance of a position to be selected at random.
        within: as `by_neuron` has it.
        mask: whether the mask is an output.
    """

    selection: str
    base: int
    score: str = "class_entropy"
    coverage: float = 0.34
    within: float = 0.25
    mask: bool = False

    def __post_init__(self) -> None:
        if self.selection not in SELECTIONS:
            raise OptionError(f"attention is one of {', '.join(SELECTIONS)}, not {self.selection!r}")
        if self.score not in SCORES:
            raise OptionError(f"the score of attention is one of {', '.join(SCORES)}, not {self.score!r}")
        if not 0 <= self.coverage <= 1:
            raise OptionError(f"the coverage of a random mask lies from 0 to 1, not {self.coverage}")
        if not 0 <= self.within <= 0.5:
            raise OptionError(f"the distance of a probability from 1/2, within, lies from 0 to 0.5, not {self.within}")
        if self.mask and self.by_weights:
            raise OptionError(f"attention by {self.selection} selects weights, not positions: leave the mask out")

    @property
    def by_weights(self) -> bool:
        """Whether weights are selected, when the model is rewritten; else positions, when it runs."""
        return self.selection in BY_WEIGHTS

    @property
    def needs_classes(self) -> bool:
        """Whether each position is to have class scores."""
        return self.selection != "random" and self.score == "class_entropy"

    def rows(self, levels: Levels) -> NDArray[np.int64] | None:
        """By weights, which rows of both tables the model reads, as `rows_of` has it."""
        return rows_of(self.selection, levels, within=self.within) if self.by_weights else None

    def refined(self, layer: Layer) -> NDArray[np.bool_] | None:
        """Which weights take the refined samples (weight,); None where all take the same number."""
        if not self.by_weights or layer.samples is not None:
            return None
        return refined(self.selection, layer.weights, layer.shape, within=self.within)


def add_attention(model: ir.Model, attention: Attention, focus: Focus, inputs: Inputs, *, layers: int) -> None:
    """Make one pass two: the one there is takes `base` samples, and a copy of it `samples` where the mask is.

    At every layer that has positions the second pass takes its own result inside the mask, and that of the first pass
    outside. Behind the average over positions there is no mask and all is taken anew.

    Args:
        model: rewritten; its draws are numbered from 0.
        attention: what is selected.
        focus: the feature map the mask is made at.
        inputs: of the model; `inputs.base` is there.
        layers: how many operators there are; those of the second pass are numbered on, and the random mask after them.
    """
    mask = _mask(model.graph, attention, focus, inputs, number=2 * layers)
    add_second_pass(model.graph, mask, features=focus.features, inputs=inputs, first=layers)
    if attention.mask:
        mask.name = MASK
        model.graph.outputs.append(mask)


def _mask(graph: ir.Graph, attention: Attention, focus: Focus, inputs: Inputs, *, number: int) -> ir.Value:
    """The nodes that make the mask (sample, 1, position ...), float32, 1 inside."""
    made = {out.name: out for node in graph for out in node.outputs}
    features, scores = made[focus.features], made[focus.scores]
    if attention.selection == "random":
        attributes = {"number": number, "limit": limit_of(attention.coverage)}
        nodes = [ir.node("RandomMask", inputs=[features, inputs.keys], attributes=attributes, domain=DOMAIN)]
    else:
        score = ir.node(SCORES[attention.score], inputs=[scores], domain=DOMAIN)
        nodes = [score, ir.node("AboveMean", inputs=score.outputs, domain=DOMAIN)]
    if attention.selection == "entropy+margin":
        window = {"kernel_shape": [3] * focus.axes, "pads": [1] * 2 * focus.axes}
        nodes.append(ir.node("MaxPool", inputs=nodes[-1].outputs, attributes=window))
    size = [None] * focus.axes if features.shape is None else list(features.shape)[2:]
    samples = None if features.shape is None else features.shape[0]
    for place, node in enumerate(nodes):
        node.name = node.outputs[0].name = f"attention.{place}"
        node.outputs[0].type = ir.TensorType(ir.DataType.FLOAT)
        node.outputs[0].shape = ir.Shape([samples, 1, *size])
    if attention.selection != "random":
        nodes[0].outputs[0].shape = ir.Shape([samples, *size, 1])
    last = scores.producer()
    graph.insert_after(last if last is not None else graph[-1], nodes)
    return nodes[-1].outputs[0]
