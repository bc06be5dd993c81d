"""Export a trained PSB module as the equivalent ONNX model."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from torch import nn

from ....analyzer.errors import ModelError, OptionError
from ....analyzer.model.loading import load
from ..layer import Layer
from ..rewriting.rewriter import Rewritten, rewrite
from .conversion import float_copy
from .layer import PsbLayer


def export(module: nn.Module, example_inputs: tuple[Any, ...], *, calibrate: Any = None) -> Rewritten:
    """Export a converted module: `psb.rewrite` of its float copy, with the options passed to `convert`.

    What the module computes in float remains in float. For the same samples and seed, the model in onnxruntime and the
    module in evaluation mode have the same outputs once the module uses the model's fixed point (`adopt`); without
    `calibrate` they agree from the start.

    Args:
        module: as `convert` returns it.
        example_inputs: arguments of its forward.
        calibrate: as in `rewrite`.

    Raises:
        ModelError: the module has no PSB layer, or the exported graph lacks one.
        OptionError: its layers store or draw weights in different ways.
    """
    layers = psb_layers(module)
    formats = {layer.weight_format for layer in layers}
    if len(formats) > 1:
        raise OptionError(
            f"expected PSB layers with the same weight format, got {len(formats)} formats; "
            "convert the module with one set of options"
        )
    (weight_format,) = formats
    model = load(float_copy(module), example_inputs=example_inputs).ir
    options: dict[str, Any] = {
        "calibrate": calibrate,
        "samples": layers[0].samples,
        "seed": int(layers[0].seed),
        "most_samples": weight_format.most_samples,
        "exponent_bits": weight_format.exponent_bits,
        "levels": weight_format.levels,
        "flush_to_zero": weight_format.flush_to_zero,
        "per_image": weight_format.per_image,
        "exact_dyadics": weight_format.exact_dyadics,
    }
    complete = rewrite(model, **options)
    indices = _match_layers(layers, complete.layers)
    others = [layer.name for index, layer in enumerate(complete.layers) if index not in indices]
    node_samples = {
        complete.layers[index].name: layer.samples
        for layer, index in zip(layers, indices, strict=True)
        if layer.samples != layers[0].samples
    }
    if not others and not node_samples:
        return complete
    return rewrite(model, exclude=others, node_samples=node_samples, **options)


def adopt(module: nn.Module, rewritten: Rewritten) -> None:
    """Set the operator numbers and fixed-point formats of a converted module to those of its exported model, in place.

    Raises:
        ModelError: the model was not exported from this module.
    """
    layers = psb_layers(module)
    operators = [rewritten.layers[index] for index in _match_layers(layers, rewritten.layers)]
    for layer, operator in zip(layers, operators, strict=True):
        layer.number = operator.number
        layer.fraction_in, layer.fraction_out = operator.fraction_in, operator.fraction_out


@contextmanager
def sampling(module: nn.Module, *, samples: int | None = None, seed: int | None = None) -> Iterator[nn.Module]:
    """Set samples and seed of all PSB layers of a module, like the inputs of the ONNX model; restore them on exit.

    Args:
        module: the converted module.
        samples: n, a power of two; None leaves it unchanged.
        seed: None leaves it unchanged.

    Raises:
        ModelError: the module has no PSB layer.
        OptionError: the table has no such number of samples.

    >>> import torch
    >>> from .conversion import convert
    >>> net = convert(nn.Linear(2, 1), (torch.zeros(1, 2),), samples=4)
    >>> with sampling(net, samples=64, seed=7):
    ...     print(net.samples, int(net.seed))
    64 7
    >>> net.samples, int(net.seed)
    (4, 0)
    """
    layers = psb_layers(module)
    before = [(layer.samples, int(layer.seed)) for layer in layers]
    try:
        for layer in layers:
            if samples is not None:
                layer.table.exponent_of(samples)
                layer.samples = samples
            if seed is not None:
                layer.seed.fill_(seed)
        yield module
    finally:
        for layer, (old_samples, old_seed) in zip(layers, before, strict=True):
            layer.samples = old_samples
            layer.seed.fill_(old_seed)


def psb_layers(module: nn.Module) -> list[PsbLayer]:
    """The PSB layers of a module, ordered by their numbers.

    Raises:
        ModelError: it has none.
    """
    found = [part for part in module.modules() if isinstance(part, PsbLayer)]
    if not found:
        raise ModelError("expected a module with PSB layers, got none; convert it first")
    return sorted(found, key=lambda layer: layer.number)


def _match_layers(layers: Sequence[PsbLayer], operators: Sequence[Layer]) -> list[int]:
    """The index of the operator of each layer, both in execution order: the next with the same kind and weights."""
    indices, start = [], 0
    for layer in layers:
        packed = layer.pack(layer.weights()[0])
        for index in range(start, len(operators)):
            operator = operators[index]
            if operator.kind == layer.kind and all(
                np.array_equal(getattr(operator.weights, part), getattr(packed, part))
                for part in ("lowest", "negative", "exponent", "level")
            ):
                indices.append(index)
                start = index + 1
                break
        else:
            raise ModelError(
                f"expected a {layer.kind} with the weights of PSB layer {layer.number} in the model, got none; "
                "export the module again"
            )
    return indices
