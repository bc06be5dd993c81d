"""A trained PSB module as the ONNX model it stands for."""

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


def layers_of(module: nn.Module) -> list[PsbLayer]:
    """The PSB layers of a module, by their numbers.

    Raises:
        ModelError: it has none.
    """
    found = [part for part in module.modules() if isinstance(part, PsbLayer)]
    if not found:
        raise ModelError("the module has no PSB layer; convert it first")
    return sorted(found, key=lambda layer: layer.number)


@contextmanager
def sampling(module: nn.Module, *, samples: int | None = None, seed: int | None = None) -> Iterator[nn.Module]:
    """Let all PSB layers of a module take n samples from a seed, as inputs of the ONNX model do; afterwards as before.

    Args:
        module: the converted module.
        samples: n, a power of two; None leaves it.
        seed: None leaves it.

    Raises:
        ModelError: the module has no PSB layer.
        OptionError: samples is not a power of two of the table.

    >>> import torch
    >>> from .conversion import convert
    >>> net = convert(nn.Linear(2, 1), (torch.zeros(1, 2),), samples=4)
    >>> with sampling(net, samples=64, seed=7):
    ...     print(net.samples, int(net.seed))
    64 7
    >>> net.samples, int(net.seed)
    (4, 0)
    """
    layers = layers_of(module)
    before = [(layer.samples, int(layer.seed)) for layer in layers]
    try:
        for layer in layers:
            if samples is not None:
                layer.table.power(samples)
                layer.samples = samples
            if seed is not None:
                layer.seed.fill_(seed)
        yield module
    finally:
        for layer, (old_samples, old_seed) in zip(layers, before, strict=True):
            layer.samples = old_samples
            layer.seed.fill_(old_seed)


def export(module: nn.Module, example_inputs: tuple[Any, ...], *, calibrate: Any = None) -> Rewritten:
    """The rewritten model of a module: `psb.rewrite` of its float copy, with its options of `convert`.

    What the module computes in float stays in float. For the same samples and seed the model in a runtime and the
    module in evaluation give the same outputs once the module has taken over the model's fixed point (`adopt`); without
    `calibrate` they have the same from the start.

    Args:
        module: as `convert` made it.
        example_inputs: arguments of its forward.
        calibrate: as for `rewrite`.

    Raises:
        ModelError: the module has no PSB layer, or one that the exported graph does not show.
        OptionError: its layers differ in how they store and draw weights.
    """
    layers = layers_of(module)
    chances = {layer.chance for layer in layers}
    if len(chances) > 1:
        raise OptionError("the PSB layers differ in how they store and draw weights; convert them all alike")
    (chance,) = chances
    model = load(float_copy(module), example_inputs=example_inputs).ir
    options: dict[str, Any] = {
        "calibrate": calibrate,
        "samples": layers[0].samples,
        "seed": int(layers[0].seed),
        "most_samples": chance.most_samples,
        "exponent_bits": chance.stored.exponent_bits,
        "levels": chance.stored.levels,
        "flush_to_zero": chance.stored.flush_to_zero,
        "per_image": chance.stored.per_image,
        "exact_dyadics": chance.exact_dyadics,
    }
    whole = rewrite(model, **options)
    places = _places(layers, whole.layers)
    others = [layer.name for place, layer in enumerate(whole.layers) if place not in places]
    own = {
        whole.layers[place].name: layer.samples
        for layer, place in zip(layers, places, strict=True)
        if layer.samples != layers[0].samples
    }
    return rewrite(model, exclude=others, node_samples=own, **options) if others or own else whole


def adopt(module: nn.Module, rewritten: Rewritten) -> None:
    """Let a converted module take over the numbers and the fixed point of its exported model, in place.

    Raises:
        ModelError: the model is not that of the module.
    """
    layers = layers_of(module)
    found = [rewritten.layers[place] for place in _places(layers, rewritten.layers)]
    for layer, operator in zip(layers, found, strict=True):
        layer.number = operator.number
        layer.fraction_in, layer.fraction_out = operator.fraction_in, operator.fraction_out


def _places(layers: Sequence[PsbLayer], operators: Sequence[Layer]) -> list[int]:
    """Which operator each layer became, both in the order they run: the next one of the same kind and weights."""
    places, start = [], 0
    for layer in layers:
        wanted = layer.packed(layer.weights()[0])
        for place in range(start, len(operators)):
            operator = operators[place]
            if operator.kind == layer.kind and all(
                np.array_equal(getattr(operator.weights, part), getattr(wanted, part))
                for part in ("lowest", "negative", "exponent", "level")
            ):
                places.append(place)
                start = place + 1
                break
        else:
            raise ModelError(f"the model shows no {layer.kind} with the weights of PSB layer {layer.number}")
    return places
