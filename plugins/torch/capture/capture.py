"""Capture: the pre-activations of every ReLU-like use, seen while a model runs, its autograd graph intact.

By use, not by module: a hook on the root module enters a `TorchFunctionMode` before a forward, another leaves it, and
in between every torch function the model calls passes by. Nothing in the model is replaced.
"""

import sys
from collections import Counter
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ....analyzer.errors import ModelError
from ....analyzer.sites import Site
from .activations import Call, hidden, is_affine, switch
from .dry_run import hidden_from
from .hooks import Compiler, Hook, PassingBy, aside, forget_compiled, inside
from .module_paths import ModulePaths
from .unit_axes import UnitAxes


class Observer(Protocol):
    """What a capture tells, in this order, for every forward of the model."""

    def begin(self) -> bool:
        """A forward starts; False leaves it unseen and costs nothing."""

    def see(self, site: Site, z: Tensor) -> None:
        """The model is about to read `z` at a site; an in-place function overwrites it right after this returns."""

    def end(self, output: Any) -> None:
        """The forward has returned; not told if it raised."""


class Capture:
    """Tells an observer of every pre-activation of a model, from now on until `detach()`.

    The sites have the names, the kinds and the order that `relucid sites` finds in the dynamo export of the model, but
    for three things: a site whose result is never used is no part of an export; a ReLU of a ReLU is one site there; of
    a module that another one calls by two names the first is taken. A forward within a forward is part of it, forwards
    without gradients are seen too, and segments under `torch.utils.checkpoint` are seen once, not when run again.
    A compiled model runs uncompiled while it is seen; forwards that the observer leaves unseen run compiled. Attaching
    and detaching discard what `torch.compile` has made so far, since compiled code does not notice new hooks.

    Args:
        model: the model; of a wrapper (DistributedDataParallel, torch.compile) the module inside is watched.
        observer: what to tell. It may use torch freely: no capture is told of what it calls.
        affine: tell of what linear maps and convolutions make, in place of what the ReLUs read.
        output: tell of the model's own output, a tensor, as a last site named `output`.
        rehearsals: tell of forwards too that another observer only tries, see `rehearsal`.

    Raises:
        ModelError: nothing can be seen in a part of the model: it is compiled by `torch.jit` or runs in threads.

    >>> class Printer:
    ...     begin = staticmethod(lambda: True)
    ...     see = staticmethod(lambda site, z: print(site.name, site.kind, tuple(z.shape), site.unit_axis))
    ...     end = staticmethod(lambda output: None)
    >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 8), nn.GELU())
    >>> capture = Capture(model, Printer())
    >>> _ = model(torch.zeros(2, 1, 4, 4))
    1 relu (2, 4, 2, 2) 1
    4 gelu (2, 8) 1
    >>> capture.detach()
    """

    def __init__(
        self,
        model: nn.Module,
        observer: Observer,
        *,
        affine: bool = False,
        output: bool = False,
        rehearsals: bool = False,
    ) -> None:
        self._root = inside(model)
        self._observer = observer
        self._affine = affine
        self._output = output
        self._rehearsals = rehearsals
        self._paths = ModulePaths(self._root)
        self._axes = UnitAxes()
        self._mode = PassingBy(self._call)
        self._seeing = False
        self._compiler: Compiler = None
        self._names: Counter[str] = Counter()
        self._sites: list[Site] = []
        self._handles = (
            self._root.register_forward_pre_hook(Hook(self._enter)),
            self._root.register_forward_hook(Hook(self._leave), prepend=True, always_call=True),
            self._root.register_forward_hook(Hook(self._end)),
        )
        forget_compiled()

    @property
    def sites(self) -> tuple[Site, ...]:
        """The sites of the last forward that was seen, in their order; one that cannot be seen has a `reason`."""
        return tuple(self._sites)

    def detach(self) -> None:
        """Take the hooks off the model; what was seen stays."""
        for handle in self._handles:
            handle.remove()
        self._mode.leave()
        forget_compiled()

    def _enter(self, module: nn.Module, compiler: Compiler, _: Any) -> Compiler:
        if not self._is_outermost(module):
            return compiler
        self._seeing = False
        if torch.compiler.is_exporting() or (hidden_from(self._observer) and not self._rehearsals):
            return compiler
        with aside():
            self._seeing = self._observer.begin()
        if not self._seeing:
            return compiler
        self._names.clear()
        self._sites.clear()
        self._axes.clear()
        self._mode.enter()
        self._compiler = compiler
        return None

    def _leave(self, module: nn.Module, compiler: Compiler, *_: Any) -> Compiler:
        if not self._is_outermost(module):
            return compiler
        self._mode.leave()
        return self._compiler if self._seeing else compiler

    def _end(self, module: nn.Module, compiler: Compiler, _: Any, output: Any) -> Compiler:
        if self._seeing and self._is_outermost(module):
            if self._output:
                if not isinstance(output, Tensor):
                    raise ModelError(
                        f"the model's output is to be a site: wanted a tensor, got {type(output).__name__}"
                    )
                self._tell("output", "output", output)
            self._seeing = False
            with aside():
                self._observer.end(output)
        return compiler

    def _is_outermost(self, module: nn.Module) -> bool:
        return module is self._root and self._paths.calls_of_root(sys._getframe()) == 1

    def _call(self, call: Call) -> Any:
        if not self._seeing:
            return call.run()
        found = None if self._affine else switch(call)
        if found is not None:
            self._meet(*found)
        elif (reason := hidden(call)) is not None:
            self._meet("relu", call.argument(0, "input"), reason)
        made = call.run()
        self._axes.note(call, made)
        if self._affine and is_affine(call):
            self._meet("affine", made)
        return made

    def _meet(self, kind: str, z: Tensor, reason: str | None = None) -> None:
        path = self._paths.running(sys._getframe())
        if path is not None and z.is_floating_point():
            self._tell(path or kind, kind, z, reason)

    def _tell(self, name: str, kind: str, z: Tensor, reason: str | None = None) -> None:
        self._names[name] += 1
        axis, rule = self._axes.of(z)
        site = Site(
            name=name if self._names[name] == 1 else f"{name}#{self._names[name]}",
            value="",
            kind=kind,
            unit_axis=axis,
            rule=rule,
            shape=tuple(z.shape),
            reason=reason,
        )
        self._sites.append(site)
        if reason is None:
            with aside():
                self._observer.see(site, z)
