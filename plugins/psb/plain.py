"""The model in float as targets are sought in it: a new enough opset, plain weights, pruned, normalizations folded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from onnx_ir.passes.common import RemoveInitializersFromInputsPass, ShapeInferencePass

from ...analyzer.errors import ModelError
from ...analyzer.model.loading import Model, load, parse
from ...analyzer.passes.fold_batchnorm import FoldBatchNormPass
from .operators import DOMAIN
from .opset import raise_opset
from .plain_weights import PlainWeightsPass
from .prune import PrunePass
from .targets import MULTIPLIERS, name_of


@dataclass(frozen=True)
class Pruning:
    """What to prune; the options of `rewrite` of the same names.

    Args:
        share: of the weights.
        over: "tensor" or "model".
        exclude: names of nodes whose weights stay, or patterns of names.
    """

    share: float
    over: str
    exclude: Sequence[str]


def plain(source: Any, pruning: Pruning) -> Model:
    """The model in float that is rewritten, its own copy.

    Weights are pruned before normalizations are folded into them, as the authors' program masks them.

    Raises:
        ModelError: the model cannot be read, or is rewritten already.
    """
    if DOMAIN in parse(source).ir.opset_imports:
        raise ModelError("the model is rewritten already; rewrite the float model it was made from")
    loaded = load(source)
    RemoveInitializersFromInputsPass()(loaded.ir)
    model = raise_opset(loaded.ir, loaded.name)
    for node in model.graph:
        if node.op_type in MULTIPLIERS:
            node.name = name_of(node)  # folding must not change what patterns are compared with
    PlainWeightsPass()(model)
    if pruning.share:
        PrunePass(
            share=pruning.share,
            over=pruning.over,
            chosen=lambda node: not any(fnmatchcase(name_of(node), pattern) for pattern in pruning.exclude),
        )(model)
    FoldBatchNormPass()(model)
    ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model)
    return replace(loaded, ir=model)
