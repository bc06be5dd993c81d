"""How many samples the layers of a model take, and from which seed."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from ....analyzer.errors import ModelError
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
    >>> from .convert import convert
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
