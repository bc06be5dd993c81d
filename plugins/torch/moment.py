"""Moment: a forward as it can be run again: its arguments, the states of random numbers, its precision."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree

from ...analyzer.errors import ModelError


@dataclass(frozen=True)
class Moment:
    """What a forward was given, and what it found around it.

    Args:
        arguments: positional ones.
        named: the others.
        versions: of the tensors among them, to see whether they were overwritten.
        random: states of random numbers: Python's, numpy's, torch's, the device's.
        autocast: kind of device, whether on, and the type.
        device: where the model is.

    >>> model, x = nn.Dropout(), torch.ones(8)
    >>> moment = Moment.of(model, (x,), {})
    >>> torch.equal(model(x), moment.run_again(model))
    True
    """

    arguments: tuple[Any, ...]
    named: Mapping[str, Any]
    versions: list[int]
    random: tuple[Any, Any, Tensor, Tensor | None]
    autocast: tuple[str, bool, torch.dtype]
    device: torch.device

    @classmethod
    def of(cls, root: nn.Module, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Self:
        """A forward of `root` that begins now."""
        device = next((tensor.device for tensor in chain(root.parameters(), root.buffers())), torch.device("cpu"))
        own = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        return cls(
            arguments,
            named,
            _versions((arguments, named)),
            (random.getstate(), np.random.get_state(), torch.get_rng_state(), own),  # noqa: NPY002 - users may draw
            (device.type, torch.is_autocast_enabled(device.type), torch.get_autocast_dtype(device.type)),
            device,
        )

    def run_again(self, root: nn.Module) -> Any:
        """The same forward, with the parameters as they are now; leaves random numbers as it draws them.

        Raises:
            ModelError: what it was given has been overwritten since.
        """
        if _versions((self.arguments, self.named)) != self.versions:
            raise ModelError("measuring a step: its batch was overwritten since the forward; give the model a copy")
        python, legacy, own, devices = self.random
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        torch.set_rng_state(own)
        if devices is not None:
            torch.cuda.set_rng_state(devices, self.device)
        kind, on, dtype = self.autocast
        # no cache, which may hold the parameters as they were
        with torch.autocast(kind, dtype=dtype, enabled=on, cache_enabled=False):
            return root(*self.arguments, **self.named)


def _versions(arguments: Any) -> list[int]:
    tensors = [leaf for leaf in _pytree.tree_leaves(arguments) if isinstance(leaf, Tensor)]
    return [tensor._version for tensor in tensors if not tensor.is_inference()]
