"""Rewrite a trained model: weights as sign, exponent and probability, multiplications as shifts and additions."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedFunctionsPass, RemoveUnusedNodesPass

from ....analyzer.atomic_write import write_atomically
from ....analyzer.errors import ModelError, OptionError, translate_errors
from ....analyzer.model.loading import Model
from ..attention.attention import add_attention, check_attention
from ..attention.class_map import add_class_map
from ..attention.weight_attention import WEIGHT_SELECTIONS, joined_rows, select_weights
from ..encoding.binomial_table import MOST_SAMPLES, BinomialTable
from ..encoding.fixed_point import FRACTION, fraction_for
from ..encoding.levels import Levels
from ..encoding.packing import EXPONENT_BITS
from ..graph_values import largest_values
from ..layer import DOUBLE_BITS, Layer, WeightFormat
from ..ops.operators import DOMAIN, FIRST_IR_VERSION, VERSION, build_functions
from .float_model import prepare_float_model
from .insert_ops import replace_target
from .prune import check_pruning
from .shared_inputs import SharedInputs
from .targets import FloatNode, Target, binarize, find_targets

SAMPLES = 16
"""Default of the model's input `samples`."""


@dataclass(frozen=True, eq=False)
class Rewritten:
    """A model whose multiplications by weights are random shifts and additions.

    Args:
        ir: the model; its inputs `samples` and `seed` have defaults.
        layers: the operators, in graph order.
        left: the nodes that multiply by weights and remain in float, with the reason.
        table: binomial random numbers.
    """

    ir: ir.Model
    layers: tuple[Layer, ...]
    left: tuple[FloatNode, ...]
    table: BinomialTable


def rewrite(
    model: Any,
    *,
    calibrate: Any = None,
    exclude: str | Sequence[str] = (),
    samples: int = SAMPLES,
    node_samples: Mapping[str, int] | None = None,
    most_samples: int = MOST_SAMPLES,
    seed: int = 0,
    exponent_bits: int = EXPONENT_BITS,
    levels: Levels | None = None,
    flush_to_zero: bool = True,
    exact_dyadics: bool = False,
    per_image: bool = False,
    prune: float = 0.0,
    prune_over: str = "tensor",
    attention: str | None = None,
    base: int = 1,
    refine: int | None = None,
    score: str = "class_entropy",
    coverage: float = 0.34,
    within: float = 0.25,
    mask: bool = False,
) -> Rewritten:
    """Rewrite every Conv, ConvTranspose, Gemm and MatMul with constant weights. Thesis, section 4.2.

    Batch normalizations are folded first; those that cannot be folded become one multiplication per channel. Biases are
    integers in the fixed point of the output. The first and the last layer are rewritten like any other.

    Args:
        model: as `relucid.analyze` accepts it; it is not changed.
        calibrate: data as `relucid.analyze` accepts it, to choose the fixed-point format of each tensor; without it all
            have 10 fraction bits.
        exclude: names or patterns of names of nodes to leave in float.
        samples: default of the model's input `samples`, a power of two.
        node_samples: fixed numbers of samples for some nodes, by name or pattern.
        most_samples: the largest number of samples, a power of two up to 1024; the table grows with it.
        seed: default of the model's input `seed`.
        exponent_bits: bits of an exponent, 1 to 6.
        levels: quantization levels of the probability; default 4 bits, rounded to nearest.
        flush_to_zero: set weights below the smallest exponent to 0; otherwise raise them to the smallest power of two.
        exact_dyadics: use n p where it is a whole number, instead of a random number.
        per_image: draw weights for each image of a batch; the default, as in the authors' program, is once per call.
        prune: share of the weights, those closest to zero, to set to 0 before normalizations are folded.
        prune_over: whether weights are compared within each "tensor" or over the whole "model".
        attention: "entropy", "entropy+margin" or "random": a first pass with few samples selects positions of the
            image, and a second pass computes those with many. Thesis, section 4.2.5; for models that average their last
            feature map over its positions. "channels" or "neuron": a single pass in which the weights of units with
            large probabilities, or weights with a probability near 1/2, take many samples and all others few.
        base: default of the additional input `base`: samples of the first pass, or of the weights not selected.
        refine: with attention, default of `samples`, for the second pass or the selected weights; None: `samples`.
        score: of a position: "class_entropy", (4.12), or "feature_ce", the score of the authors' program.
        coverage: probability of a position to be in a "random" mask.
        within: largest distance from 1/2 of the probability of a weight selected by "neuron", 0 to 0.5.
        mask: add the mask as an output, `mask` (sample, 1, position ...), 0 or 1.

    Raises:
        ModelError: the model cannot be read, is rewritten already, or has nothing to rewrite.
        DataError: the data does not fit the model.
        OptionError: an option is invalid.

    >>> from relucid.analyzer import demo
    >>> rewritten = rewrite(demo.model(), calibrate=demo.data())
    >>> len(rewritten.layers), len(rewritten.left)
    (8, 0)
    """
    weight_format = WeightFormat(
        exponent_bits, levels or Levels(), flush_to_zero, exact_dyadics, per_image, most_samples
    )
    table, levels = weight_format.table, weight_format.levels
    samples_by_node = node_samples or {}
    by_weights = attention in WEIGHT_SELECTIONS
    by_positions = attention is not None and not by_weights
    if attention is not None:
        check_attention(attention, score=score, coverage=coverage, within=within, mask=mask)
    check_pruning(prune, prune_over)
    if attention is not None and refine is not None:
        samples = refine
    for n in (samples, base, *samples_by_node.values()):
        table.exponent_of(n)
    excluded = [exclude] if isinstance(exclude, str) else list(exclude)
    source = prepare_float_model(model, prune=prune, prune_over=prune_over, exclude=excluded)
    graph = source.ir.graph
    classes = attention != "random" and score == "class_entropy"
    maps = add_class_map(source.ir, classes=classes) if by_positions else None
    targets, left = find_targets(graph)
    _check_patterns([*excluded, *samples_by_node], targets)
    fractions = _choose_fractions(source, targets, calibrate)
    pairs: list[tuple[Target, Layer]] = []
    for target in targets:
        layer = binarize(
            target,
            weight_format,
            number=len(pairs),
            fraction_in=fractions[str(target.x.name)],
            fraction_out=fractions[str(target.y.name)],
            samples=next((n for pattern, n in samples_by_node.items() if fnmatchcase(target.name, pattern)), None),
        )
        reason = _reason_to_stay(layer, excluded, most_samples)
        if reason is not None:
            left.append(FloatNode(target.name, target.nodes[0].op_type, reason))
            continue
        if attention is not None and by_weights and layer.samples is None:
            refined = select_weights(attention, layer.weights, layer.shape, within=within)
            layer = replace(layer, refined=refined)
        pairs.append((target, layer))
    if not pairs:
        why = f"{left[0].op_type} {left[0].name!r}: {left[0].reason}" if left else "no node multiplies by weights"
        raise ModelError(f"{source.name}: expected a node to rewrite, got none ({why}); check exclude and the model")
    inputs = SharedInputs.add_to(
        graph,
        table,
        levels=2**levels.bits,
        operators=2 * len(pairs) + 1 if by_positions else len(pairs),
        samples=samples,
        seed=seed,
        base=None if attention is None else base,
        rows=joined_rows(attention, levels, within=within) if attention is not None and by_weights else None,
    )
    for target, layer in pairs:
        replace_target(graph, target, layer, inputs)
    if attention is not None and maps is not None:
        add_attention(
            graph, attention, maps, inputs, layers=len(pairs), score=score, coverage=coverage, mask_output=mask
        )
    _finish(source.ir, per_image=per_image)
    return Rewritten(source.ir, tuple(layer for _, layer in pairs), tuple(left), table)


def save(model: Rewritten, path: str | os.PathLike[str]) -> None:
    """Write a rewritten model to a single file, atomically; weights that remain in float are included.

    Raises:
        ModelError: it is too large for one file.
        OptionError: the file cannot be written.
    """
    copy = model.ir.clone()
    ir.external_data.load_to_model(copy)
    data = translate_errors("write", str(path), lambda: ir.to_proto(copy).SerializeToString())
    try:
        with write_atomically(Path(path)) as part:
            part.write_bytes(data)
    except OSError as error:
        raise OptionError(f"cannot write {path}: {error.strerror}; choose another path") from error


def _check_patterns(patterns: Sequence[str], targets: Sequence[Target]) -> None:
    for pattern in patterns:
        if not any(fnmatchcase(target.name, pattern) for target in targets):
            names = ", ".join(target.name for target in targets[:5])
            raise OptionError(
                f"expected the name or a pattern of nodes that can be rewritten, got {pattern!r}; "
                f"the first such nodes are: {names}"
            )


def _choose_fractions(model: Model, targets: Sequence[Target], data: Any) -> dict[str, int]:
    """Number of fraction bits of each value that a target reads or writes, by name."""
    names = dict.fromkeys(str(value.name) for target in targets for value in (target.x, target.y))
    if data is None or not names:
        return dict.fromkeys(names, FRACTION)
    return {name: fraction_for(size) for name, size in largest_values(model, names, data).items()}


def _reason_to_stay(layer: Layer, excluded: Sequence[str], most_samples: int) -> str | None:
    if any(fnmatchcase(layer.name, pattern) for pattern in excluded):
        return "it is excluded"
    bits = layer.bits_needed(most_samples=most_samples)
    if bits > DOUBLE_BITS:
        return (
            f"its sums can need {bits} bits, and float64 is exact up to {DOUBLE_BITS}; "
            "reduce exponent_bits or most_samples"
        )
    return None


def _finish(model: ir.Model, *, per_image: bool) -> None:
    """Add the functions that the model uses, and remove unused nodes."""
    RemoveUnusedNodesPass()(model)
    for function in build_functions(model.opset_imports[""], per_image=per_image):
        model.functions[function.identifier()] = function
    RemoveUnusedFunctionsPass()(model)  # type: ignore[no-untyped-call]
    model.opset_imports[DOMAIN] = VERSION
    model.ir_version = max(model.ir_version, FIRST_IR_VERSION)
