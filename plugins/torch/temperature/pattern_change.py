"""Probe: the patterns of a training forward, and how far the same batch is from them once the parameters have moved.

The second forward is the first one again but for the parameters: same batch, same random numbers, same precision,
batch norms as in training. What it would leave behind is put back.
"""

import random
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.utils import _pytree

from ....analyzer.errors import ModelError
from ....analyzer.sites import Site
from ..capture.capture import Capture
from ..capture.dry_runs import dry_run, is_hidden_from
from ..capture.hooks import Compiler, Hook, unwrap_model
from ..distributed import get_rank_and_world_size
from ..steps.restore import Kept, preserved
from .packed_signs import Signs


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


class Probe:
    """Remembers the first forward with gradients after each `want()`, until `forget()` or `detach()`.

    The first, since no parameter has moved before it: with accumulation it is that of the first micro-batch.

    Args:
        model: the network that the training calls; of a wrapper the module inside.
        trace: called with each site and its pre-activations of a forward that is remembered.

    Raises:
        ModelError: a part of the model cannot be seen into.

    >>> model = nn.Sequential(nn.Linear(1, 2, bias=False), nn.ReLU())
    >>> probe = Probe(model)
    >>> probe.want()
    >>> _ = model(torch.tensor([[1.0], [0.0]]))
    >>> with torch.no_grad():
    ...     _ = model[0].weight.neg_()
    >>> probe.measure()  # of the two patterns one has changed, the one of zeros stayed
    {'1': 0.5}
    """

    def __init__(self, model: nn.Module, *, trace: Callable[[Site, Tensor], None] | None = None) -> None:
        self._root = unwrap_model(model)
        self._trace = trace
        self._wanted = False
        self._passed: tuple[tuple[Any, ...], Mapping[str, Any]] | None = None
        self._moment: Moment | None = None
        self._before: dict[str, Signs] = {}
        self._after: dict[str, Tensor] | None = None
        self.ready = False
        # before the capture's, so that it knows the batch
        self._handle = self._root.register_forward_pre_hook(Hook(self._pass), with_kwargs=True)
        self._watch = _Watch(self)
        self._capture = Capture(self._root, self._watch)

    def detach(self) -> None:
        """Take the hooks off the model, forget what was seen."""
        self._handle.remove()
        self._capture.detach()
        self.forget()

    def want(self) -> None:
        """Remember the next forward."""
        self._wanted = True

    def forget(self) -> None:
        """Let go of the batch and its patterns, and want no other."""
        self._wanted = self.ready = False
        self._passed = self._moment = None
        self._before = {}

    def alone(self) -> AbstractContextManager[None]:
        """Nobody else who watches the model is told of the forwards in this context: they are no part of training."""
        return dry_run(self._watch)

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Distance D of each site: the share of patterns that the parameters, as they are now, change.

        In a distributed run patterns are counted over all processes, which must all call.

        Raises:
            ModelError: no forward is remembered, or what it was given has been overwritten since.
        """
        if not self.ready or self._moment is None:
            raise ModelError("measuring a step: wanted a forward of the model with gradients before it, got none")
        self._after = {}
        try:
            with self.alone(), preserved(self._root), _buffers_kept(self._root):
                self._moment.run_again(self._root)
            names = [name for name in self._before if name in self._after]
            changed = [self._after[name] for name in names]
        finally:
            self._after = None
        if not names:
            raise ModelError("measuring a step: wanted a model with at least one ReLU-like site, got none")
        some, all_ = _summed(torch.stack(changed), [self._before[name].count for name in names])
        return {name: one / other for name, one, other in zip(names, some, all_, strict=True)}

    def _pass(
        self, module: nn.Module, compiler: Compiler, arguments: tuple[Any, ...], named: Mapping[str, Any]
    ) -> Compiler:
        del module
        if self._wanted and self._after is None and not self.ready and not is_hidden_from(self._watch):
            self._passed = arguments, named
        return compiler

    def _begin(self) -> bool:
        if self._after is not None:
            return True
        if self._passed is None or not torch.is_grad_enabled():
            self._passed = None
            return False
        self._moment, self._passed = Moment.of(self._root, *self._passed), None
        self._before = {}
        return True

    def _see(self, site: Site, z: Tensor) -> None:
        if not z.numel() or not z.dim():
            return
        if self._after is None:
            self._before[site.name] = Signs.of(z, site.unit_axis)
            if self._trace is not None:
                self._trace(site, z)
        elif site.name in self._before:
            self._after[site.name] = self._before[site.name].changed(z, site.unit_axis)

    def _end(self) -> None:
        if self._after is None:
            self.ready = True


class _Watch:
    """What the capture tells, in the probe's words."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe

    def begin(self) -> bool:
        return self._probe._begin()

    def see(self, site: Site, z: Tensor) -> None:
        self._probe._see(site, z)

    def end(self, output: Any) -> None:
        del output
        self._probe._end()


def _buffers_kept(root: nn.Module) -> ExitStack:
    """Puts the buffers back at the end: running means, counters."""
    stack = ExitStack()
    stack.callback(Kept(root.buffers()).restore)
    return stack


def _summed(changed: Tensor, counts: list[int]) -> tuple[list[int], list[int]]:
    """Both over all processes."""
    if get_rank_and_world_size()[1] == 1:
        return changed.tolist(), counts
    both = torch.stack([changed, torch.tensor(counts, device=changed.device)])
    dist.all_reduce(both)
    one, other = both.tolist()
    return one, other
