"""The distance D between the patterns of a training forward and those of the same batch with the current parameters.

The second forward repeats the first one with other parameters: same batch, same random numbers, same precision, batch
norms in the same mode. Buffers and random number generators are restored afterwards.
"""

import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from itertools import chain
from typing import Any

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
from ..steps.restore import copy_tensors, preserve_rng_and_modes
from .packed_signs import PackedSigns


class PatternProbe:
    """An observer that remembers a forward of the training and measures how many of its patterns have changed.

    After `arm()` it remembers the first forward with gradients, until `forget()` or `detach()`: the first one, because
    no parameter has changed by then; with gradient accumulation it is the forward of the first micro-batch.

    Args:
        model: the network that the training calls; of a wrapper the module inside is used.
        trace_parameters: whether to find which parameters each site depends on, see `sites_after`.

    Raises:
        ModelError: a part of the model cannot be observed.

    >>> model = nn.Sequential(nn.Linear(1, 2, bias=False), nn.ReLU())
    >>> probe = PatternProbe(model)
    >>> probe.arm()
    >>> _ = model(torch.tensor([[1.0], [0.0]]))
    >>> with torch.no_grad():
    ...     _ = model[0].weight.neg_()
    >>> probe.measure()  # the pattern of the first sample has changed, that of the second has not
    {'1': 0.5}
    """

    def __init__(self, model: nn.Module, *, trace_parameters: bool = False) -> None:
        self._root = unwrap_model(model)
        self._armed = False
        self._arguments: tuple[tuple[Any, ...], Mapping[str, Any]] | None = None
        self._run_again: Callable[[], Any] | None = None
        self._before: dict[str, PackedSigns] = {}
        self._changed: dict[str, Tensor] | None = None
        self._trace_parameters = trace_parameters
        self._parameters: dict[str, set[int]] = {}
        self._traced: set[Any] = set()
        self.ready = False
        # before the capture's hook, so that the arguments are known when the capture begins
        self._handle = self._root.register_forward_pre_hook(Hook(self._keep_arguments), with_kwargs=True)
        self._capture = Capture(self._root, self)

    def detach(self) -> None:
        """Remove the hooks from the model and forget the forward."""
        self._handle.remove()
        self._capture.detach()
        self.forget()

    def arm(self) -> None:
        """Remember the next forward."""
        self._armed = True

    def forget(self) -> None:
        """Release the remembered forward, and disarm."""
        self._armed = self.ready = False
        self._arguments = self._run_again = None
        self._before = {}
        self._traced.clear()

    def dry_run(self) -> AbstractContextManager[None]:
        """A context whose forwards are not part of the training: other observers of the model skip them."""
        return dry_run(self)

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Return the distance D of each site: the share of its patterns that differ with the current parameters.

        In a distributed run patterns are counted over all processes, and all of them have to call.

        Raises:
            ModelError: no forward is remembered, its batch has been overwritten, or the model has no site.
        """
        if not self.ready or self._run_again is None:
            raise ModelError("measuring a step: expected a forward of the model with gradients before it, got none")
        self._changed = {}
        try:
            with self.dry_run(), preserve_rng_and_modes(self._root), _restore_buffers(self._root):
                self._run_again()
            names = [name for name in self._before if name in self._changed]
            changed = [self._changed[name] for name in names]
        finally:
            self._changed = None
        if not names:
            raise ModelError("measuring a step: expected a model with at least one ReLU-like site, got none")
        counts = [self._before[name].count for name in names]
        changed_counts, counts = _sum_over_processes(torch.stack(changed), counts)
        return {name: part / total for name, part, total in zip(names, changed_counts, counts, strict=True)}

    def sites_after(self, parameters: Iterable[Tensor]) -> tuple[str, ...]:
        """Return the sites that depend on any of these parameters with no other site in between.

        Args:
            parameters: parameters of the model.

        Returns:
            Names in the order of the forward; empty before the first remembered forward.

        >>> model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1))
        >>> probe = PatternProbe(model, trace_parameters=True)
        >>> probe.arm()
        >>> _ = model(torch.ones(1, 1))
        >>> probe.sites_after(model[0].parameters()), probe.sites_after(model[2].parameters())
        (('1',), ())
        """
        ids = {id(parameter) for parameter in parameters}
        return tuple(name for name, reached in self._parameters.items() if reached & ids)

    def _keep_arguments(
        self, module: nn.Module, compiler: Compiler, arguments: tuple[Any, ...], named: Mapping[str, Any]
    ) -> Compiler:
        del module
        if self._armed and self._changed is None and not self.ready and not is_hidden_from(self):
            self._arguments = arguments, named
        return compiler

    def begin(self) -> bool:
        """Start a forward: the one to remember, or its repetition; skip all others."""
        if self._changed is not None:
            return True
        if self._arguments is None or not torch.is_grad_enabled():
            self._arguments = None
            return False
        self._run_again, self._arguments = record_forward(self._root, *self._arguments), None
        self._before = {}
        return True

    def see(self, site: Site, z: Tensor) -> None:
        """Pack the patterns of a site, or compare them with the packed ones."""
        if not z.numel() or not z.dim():
            return
        if self._changed is None:
            self._before[site.name] = PackedSigns.of(z, site.unit_axis)
            if self._trace_parameters:
                self._trace(site, z)
        elif site.name in self._before:
            self._changed[site.name] = self._before[site.name].count_changed(z, site.unit_axis)

    def end(self, output: Any) -> None:
        """Record that the forward to remember is complete."""
        del output
        if self._changed is None:
            self.ready = True

    def _trace(self, site: Site, z: Tensor) -> None:
        """Find the parameters that z depends on, up to the sites before, by walking its autograd graph."""
        if site.name in self._parameters or z.grad_fn is None:
            return
        self._parameters[site.name] = reached = set()
        ahead: list[Any] = [z.grad_fn]
        known = set(self._traced)
        while ahead:
            node = ahead.pop()
            if node is None or node in known:
                continue
            known.add(node)
            if (leaf := getattr(node, "variable", None)) is not None:
                reached.add(id(leaf))
            ahead.extend(earlier for earlier, _ in node.next_functions)
        self._traced.add(z.grad_fn)


def record_forward(root: nn.Module, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Callable[[], Any]:
    """Record the arguments and the environment of a forward that is about to start.

    Args:
        root: the model.
        arguments: positional arguments.
        named: keyword arguments.

    Returns:
        A function that runs the forward again with the current parameters and returns its output; the random number
        generators (Python's, numpy's, torch's, the device's) advance as in the first run. It raises ModelError if an
        argument has been overwritten since.

    >>> model, x = nn.Dropout(), torch.ones(8)
    >>> run_again = record_forward(model, (x,), {})
    >>> torch.equal(model(x), run_again())
    True
    """
    device = next((tensor.device for tensor in chain(root.parameters(), root.buffers())), torch.device("cpu"))
    versions = _versions((arguments, named))
    python, legacy, on_cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 - users may draw
    on_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    enabled, dtype = torch.is_autocast_enabled(device.type), torch.get_autocast_dtype(device.type)

    def run_again() -> Any:
        if _versions((arguments, named)) != versions:
            raise ModelError(
                "measuring a step: expected an unchanged batch, got one overwritten since the forward; pass a copy"
            )
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        torch.set_rng_state(on_cpu)
        if on_device is not None:
            torch.cuda.set_rng_state(on_device, device)
        # no cache: it may contain casts of the previous parameters
        with torch.autocast(device.type, dtype=dtype, enabled=enabled, cache_enabled=False):
            return root(*arguments, **named)

    return run_again


def _versions(arguments: Any) -> list[int]:
    tensors = [leaf for leaf in _pytree.tree_leaves(arguments) if isinstance(leaf, Tensor)]
    return [tensor._version for tensor in tensors if not tensor.is_inference()]


def _restore_buffers(root: nn.Module) -> ExitStack:
    """A context that restores running means and counters on exit."""
    stack = ExitStack()
    stack.callback(copy_tensors(root.buffers()))
    return stack


def _sum_over_processes(changed: Tensor, counts: list[int]) -> tuple[list[int], list[int]]:
    if get_rank_and_world_size()[1] == 1:
        return changed.tolist(), counts
    both = torch.stack([changed, torch.tensor(counts, device=changed.device)])
    dist.all_reduce(both)
    changed_counts, counts = both.tolist()
    return changed_counts, counts
