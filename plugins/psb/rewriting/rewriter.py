"""A trained model rewritten: weights as sign, exponent and probability, multiplications as shifts and additions."""

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
from ..attention.attention import Attention, add_attention
from ..attention.class_map import find_focus
from ..encoding.binomial_table import MOST_SAMPLES, Table, table_of
from ..encoding.fixed_point import FRACTION, fraction_for
from ..encoding.levels import Levels
from ..encoding.packing import EXPONENT_BITS
from ..layer import DOUBLE_BITS, Layer
from ..ops.operators import DOMAIN, FIRST_IR_VERSION, VERSION, functions
from .calibrate import largest
from .float_model import Pruning, plain
from .insert_ops import replace_target
from .prune import check_pruning
from .shared_inputs import Inputs
from .targets import Format, Left, Target, binarize, find_targets


@dataclass(frozen=True, eq=False)
class Rewritten:
    """A model whose multiplications are random shifts.

    Args:
        ir: the graph; its inputs `samples` and `seed` have defaults.
        layers: what was rewritten, in the graph's order.
        left: what multiplies and stays in float, with the reason.
        table: of the binomial numbers.
    """

    ir: ir.Model
    layers: tuple[Layer, ...]
    left: tuple[Left, ...]
    table: Table


SAMPLES = 16
"""Default of the model's input `samples`."""


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

    Batch normalizations are folded first, and one that stands alone becomes one multiplication per channel; biases stay
    whole numbers in the fixed point of what they are added to. First and last layer are rewritten like any other.

    Args:
        model: as `relucid.analyze` takes it; it is not changed.
        calibrate: data as `relucid.analyze` takes it, to choose each tensor's bits before and behind the point by;
            without it all have 10 behind.
        exclude: names of nodes to leave in float, or patterns of names.
        samples: default of the model's input `samples`, a power of two.
        node_samples: numbers of samples that nodes have for their own, by name or pattern.
        most_samples: the largest number of samples, a power of two up to 1024; the table grows with it.
        seed: default of the model's input `seed`.
        exponent_bits: k of each weight, as `pack` has it.
        levels: the probabilities, 4 bits and the nearest one if not given.
        flush_to_zero: as `pack` has it.
        exact_dyadics: as `table_of` has it.
        per_image: draw for each image of a batch anew; the authors draw once for all.
        prune: share of the weights, those closest to zero, that become zero before normalizations are folded.
        prune_over: whether weights are compared within each "tensor" or over the whole "model".
        attention: "entropy", "entropy+margin" or "random": a first pass with few samples marks the positions of the
            image that a second pass looks at with many. Thesis, section 4.2.5; for models that average their last
            feature map over its positions. "channels" or "neuron": one pass, in which the weights of units with large
            probabilities, or those with a probability near 1/2, take many samples and all others few.
        base: default of the model's further input `base`, the samples of the first pass, or of those others.
        refine: with attention, default of `samples`, those of the second pass; that of `samples` if not given.
        score: of a position: "class_entropy", (4.12), or "feature_ce", what the authors' program computes.
        coverage: the chance of a position to be in a "random" mask.
        within: how far from 1/2 the probability of a "neuron" weight may lie, 0 to 0.5.
        mask: whether the mask is an output too, `mask` (sample, 1, position ...) of zeros and ones.

    Raises:
        ModelError: the model cannot be read, is rewritten already, or nothing in it can be rewritten.
        DataError: the data does not fit the model.
        OptionError: an option has no meaning.

    >>> from relucid.analyzer import demo
    >>> rewritten = rewrite(demo.model(), calibrate=demo.data())
    >>> len(rewritten.layers), len(rewritten.left)
    (8, 0)
    """
    stored = Format(exponent_bits, levels or Levels(), flush_to_zero, per_image)
    table = table_of(stored.levels, most=most_samples, exact_dyadics=exact_dyadics)
    own_samples = node_samples or {}
    chosen = None if attention is None else Attention(attention, base, score, coverage, within, mask)
    check_pruning(prune, prune_over)
    if chosen is not None and refine is not None:
        samples = refine
    for n in (samples, base, *own_samples.values()):
        table.power(n)
    excluded = [exclude] if isinstance(exclude, str) else list(exclude)
    source = plain(model, Pruning(prune, prune_over, excluded))
    by_positions = None if chosen is None or chosen.by_weights else chosen
    focus = None if by_positions is None else find_focus(source.ir, classes=by_positions.needs_classes)
    targets, left = find_targets(source.ir.graph)
    _check_patterns([*excluded, *own_samples], targets)
    fractions = _fractions(source, targets, calibrate)
    pairs: list[tuple[Target, Layer]] = []
    for target in targets:
        layer = binarize(
            target,
            stored,
            number=len(pairs),
            fraction_in=fractions[str(target.x.name)],
            fraction_out=fractions[str(target.y.name)],
            samples=next((n for pattern, n in own_samples.items() if fnmatchcase(target.name, pattern)), None),
        )
        reason = _reason_to_stay(layer, excluded, most_samples)
        if reason is None:
            pairs.append((target, layer if chosen is None else replace(layer, refined=chosen.refined(layer))))
        else:
            left.append(Left(target.name, target.nodes[0].op_type, reason))
    if not pairs:
        why = f"{left[0].op_type} {left[0].name!r}: {left[0].reason}" if left else "no node multiplies by weights"
        raise ModelError(f"{source.name} has nothing to rewrite: {why}")
    inputs = Inputs.added_to(
        source.ir.graph,
        table,
        levels=2**stored.levels.bits,
        operators=len(pairs) if focus is None else 2 * len(pairs) + 1,
        samples=samples,
        seed=seed,
        base=None if chosen is None else base,
        rows=None if chosen is None else chosen.rows(stored.levels),
    )
    for target, layer in pairs:
        replace_target(source.ir.graph, target, layer, inputs)
    if by_positions is not None and focus is not None:
        add_attention(source.ir, by_positions, focus, inputs, layers=len(pairs))
    _finish(source.ir, per_image=per_image)
    return Rewritten(source.ir, tuple(layer for _, layer in pairs), tuple(left), table)


def _fractions(model: Model, targets: Sequence[Target], data: Any) -> dict[str, int]:
    """Bits behind the point of every value that a target reads or makes."""
    names = dict.fromkeys(str(value.name) for target in targets for value in (target.x, target.y))
    if data is None or not names:
        return dict.fromkeys(names, FRACTION)
    return {name: fraction_for(size) for name, size in largest(model, names, data).items()}


def _reason_to_stay(layer: Layer, excluded: Sequence[str], most_samples: int) -> str | None:
    if any(fnmatchcase(layer.name, pattern) for pattern in excluded):
        return "it is excluded"
    bits = layer.bits_needed(most_samples=most_samples)
    if bits > DOUBLE_BITS:
        return (
            f"its sums can take {bits} bits, and {DOUBLE_BITS} are exact; "
            "take fewer exponent bits or a smaller largest number of samples"
        )
    return None


def _finish(model: ir.Model, *, per_image: bool) -> None:
    """Give the model the functions it uses, and drop what nothing reads."""
    RemoveUnusedNodesPass()(model)
    for function in functions(model.opset_imports[""], per_image=per_image):
        model.functions[function.identifier()] = function
    RemoveUnusedFunctionsPass()(model)  # type: ignore[no-untyped-call]
    model.opset_imports[DOMAIN] = VERSION
    model.ir_version = max(model.ir_version, FIRST_IR_VERSION)


def _check_patterns(patterns: Sequence[str], targets: Sequence[Target]) -> None:
    for pattern in patterns:
        if not any(fnmatchcase(target.name, pattern) for target in targets):
            names = ", ".join(target.name for target in targets[:5])
            raise OptionError(f"no node that can be rewritten is called {pattern!r}; the first are: {names}")


def save(model: Rewritten, path: str | os.PathLike[str]) -> None:
    """Write a rewritten model to one file, whole or not at all; weights that stayed in float are in it too.

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
        raise OptionError(f"cannot write {path}: {error.strerror}; choose another place") from error
