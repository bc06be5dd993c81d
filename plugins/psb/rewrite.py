"""A trained model rewritten: weights as sign, exponent and probability, multiplications as shifts and additions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import onnx_ir as ir
from onnx_ir.passes.common import (
    RemoveInitializersFromInputsPass,
    RemoveUnusedFunctionsPass,
    RemoveUnusedNodesPass,
    ShapeInferencePass,
)

from ...analyzer.errors import ModelError, OptionError
from ...analyzer.model import Model, load, parse
from ...analyzer.passes.fold_batchnorm import FoldBatchNormPass
from .binarize import Format, binarize
from .calibrate import largest
from .draws import MOST_SAMPLES, Table, table_of
from .fixed_point import FRACTION, fraction_for
from .layer import DOUBLE_BITS, Layer
from .levels import Levels
from .nodes import Inputs, replace_target
from .operators import DOMAIN, FIRST_IR_VERSION, VERSION, functions
from .opset import raise_opset
from .packing import EXPONENT_BITS
from .plain_weights import PlainWeightsPass
from .targets import Left, Target, find_targets

SAMPLES = 16
"""Default of the model's input `samples`."""


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
    for n in (samples, *own_samples.values()):
        table.power(n)
    plain = _plain(model)
    targets, left = find_targets(plain.ir.graph)
    excluded = [exclude] if isinstance(exclude, str) else list(exclude)
    _check_patterns([*excluded, *own_samples], targets)
    fractions = _fractions(plain, targets, calibrate)
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
            pairs.append((target, layer))
        else:
            left.append(Left(target.name, target.nodes[0].op_type, reason))
    if not pairs:
        why = f"{left[0].op_type} {left[0].name!r}: {left[0].reason}" if left else "no node multiplies by weights"
        raise ModelError(f"{plain.name} has nothing to rewrite: {why}")
    _replace(plain.ir, pairs, table, samples=samples, seed=seed)
    return Rewritten(plain.ir, tuple(layer for _, layer in pairs), tuple(left), table)


def _plain(source: Any) -> Model:
    """The model in float as targets are sought in it: a new enough opset, plain weights, normalizations folded."""
    if DOMAIN in parse(source).ir.opset_imports:
        raise ModelError("the model is rewritten already; rewrite the float model it was made from")
    loaded = load(source)
    RemoveInitializersFromInputsPass()(loaded.ir)
    model = raise_opset(loaded.ir, loaded.name)
    PlainWeightsPass()(model)
    FoldBatchNormPass()(model)
    ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model)
    return replace(loaded, ir=model)


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


def _replace(model: ir.Model, pairs: Sequence[tuple[Target, Layer]], table: Table, *, samples: int, seed: int) -> None:
    inputs = Inputs.added_to(model.graph, table, samples=samples, seed=seed)
    for target, layer in pairs:
        replace_target(model.graph, target, layer, inputs)
    RemoveUnusedNodesPass()(model)
    for function in functions(model.opset_imports[""]):
        model.functions[function.identifier()] = function
    RemoveUnusedFunctionsPass()(model)  # type: ignore[no-untyped-call]
    model.opset_imports[DOMAIN] = VERSION
    model.ir_version = max(model.ir_version, FIRST_IR_VERSION)


def _check_patterns(patterns: Sequence[str], targets: Sequence[Target]) -> None:
    for pattern in patterns:
        if not any(fnmatchcase(target.name, pattern) for target in targets):
            names = ", ".join(target.name for target in targets[:5])
            raise OptionError(f"no node that can be rewritten is called {pattern!r}; the first are: {names}")
