"""Capture: an observer's view of the pre-activations of every ReLU-like call while a model runs, with their gradients.

Calls are captured, not modules: a hook on the root module enters a `TorchFunctionMode` before a forward pass, another
leaves it, and in between the mode intercepts every torch function that the model calls. The model is not modified.
"""

import sys
import warnings
from collections import Counter
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ....analyzer.errors import ModelError
from ....analyzer.sites import Site
from .activations import Call, find_hidden_relu, find_switch, get_argument, is_affine
from .dry_runs import is_hidden_from
from .hooks import CallInterceptor, Compiler, Hook, bypass_captures, reset_compiled_code, unwrap_model
from .module_paths import ModulePaths
from .unit_axes import UnitAxes, find_axis, record_axes


class Observer(Protocol):
    """The callbacks of a capture, in the order in which they are called in every forward pass."""

    def begin(self) -> bool:
        """Called before a forward pass; False skips it, so that nothing of it is intercepted."""

    def see(self, site: Site, z: Tensor) -> None:
        """Called before the model reads `z` at a site; an in-place function overwrites `z` after this returns."""

    def end(self, output: Any) -> None:
        """Called with the output of the model; not called if the forward pass raised."""


class Capture:
    """Calls an observer with every pre-activation of a model until `detach()`.

    Names, kinds and order of the sites are those that `relucid sites` finds in the dynamo export of the model, with
    three exceptions: an export has no site whose result is never used; a ReLU of a ReLU is one site there; for a module
    that its parent registers under two names the first name is used. A nested forward pass of the same model belongs to
    the outer one. Passes without gradients are captured too, and segments under `torch.utils.checkpoint` once, not when
    they are recomputed. A compiled model runs uncompiled in the passes that are captured, and compiled in those that
    the observer skips. Attaching and detaching discard the code that `torch.compile` has cached, since it does not
    notice new hooks.

    Args:
        model: the model; inside a wrapper (DistributedDataParallel, torch.compile) the wrapped module.
        observer: receives the pre-activations. It may call torch functions; no capture intercepts those.
        affine: capture the results of linear maps and convolutions instead of what the ReLUs read.
        output: capture the output of the model, a tensor, as a last site named `output`.
        dry_runs: capture the dry runs of other observers too, see `dry_run`.
        rehearsals: deprecated name of `dry_runs`.

    Raises:
        ModelError: a part of the model cannot be captured: it is compiled by `torch.jit` or runs in threads.

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
        dry_runs: bool = False,
        rehearsals: bool | None = None,
    ) -> None:
        if rehearsals is not None:
            warnings.warn("Capture: the option rehearsals is now dry_runs", DeprecationWarning, stacklevel=2)
            dry_runs = rehearsals
        self._root = unwrap_model(model)
        self._observer = observer
        self._affine = affine
        self._output = output
        self._dry_runs = dry_runs
        self._paths = ModulePaths(self._root)
        self._axes: UnitAxes = {}
        self._interceptor = CallInterceptor(self._handle_call)
        self._active = False
        self._compiler: Compiler = None
        self._names: Counter[str] = Counter()
        self._sites: list[Site] = []
        self._handles = (
            self._root.register_forward_pre_hook(Hook(self._before_forward)),
            self._root.register_forward_hook(Hook(self._leave_forward), prepend=True, always_call=True),
            self._root.register_forward_hook(Hook(self._after_forward)),
        )
        reset_compiled_code()

    @property
    def sites(self) -> tuple[Site, ...]:
        """The sites of the last captured forward pass, in order; one that cannot be captured has a `reason`."""
        return tuple(self._sites)

    def detach(self) -> None:
        """Remove the hooks from the model; `sites` stays."""
        for handle in self._handles:
            handle.remove()
        self._interceptor.leave()
        reset_compiled_code()

    def _before_forward(self, module: nn.Module, compiler: Compiler, _: Any) -> Compiler:
        if not self._is_outermost(module):
            return compiler
        self._active = False
        if torch.compiler.is_exporting() or (is_hidden_from(self._observer) and not self._dry_runs):
            return compiler
        with bypass_captures():
            self._active = self._observer.begin()
        if not self._active:
            return compiler
        self._names.clear()
        self._sites.clear()
        self._axes.clear()
        self._interceptor.enter()
        self._compiler = compiler
        return None

    def _leave_forward(self, module: nn.Module, compiler: Compiler, *_: Any) -> Compiler:
        if not self._is_outermost(module):
            return compiler
        self._interceptor.leave()
        return self._compiler if self._active else compiler

    def _after_forward(self, module: nn.Module, compiler: Compiler, _: Any, output: Any) -> Compiler:
        if self._active and self._is_outermost(module):
            if self._output:
                if not isinstance(output, Tensor):
                    raise ModelError(
                        f"output: expected a model that returns a tensor, got {type(output).__name__}; omit output=True"
                    )
                self._add_site("output", "output", output)
            self._active = False
            with bypass_captures():
                self._observer.end(output)
        return compiler

    def _is_outermost(self, module: nn.Module) -> bool:
        return module is self._root and self._paths.count_root_calls(sys._getframe()) == 1

    def _handle_call(self, call: Call) -> Any:
        if not self._active:
            return call()
        found = None if self._affine else find_switch(call)
        if found is not None:
            self._add_call(*found)
        elif (reason := find_hidden_relu(call)) is not None:
            self._add_call("relu", get_argument(call, 0, "input"), reason)
        result = call()
        record_axes(self._axes, call, result)
        if self._affine and is_affine(call):
            self._add_call("affine", result)
        return result

    def _add_call(self, kind: str, z: Tensor, reason: str | None = None) -> None:
        path = self._paths.find_path(sys._getframe())
        if path is not None and z.is_floating_point():
            self._add_site(path or kind, kind, z, reason)

    def _add_site(self, name: str, kind: str, z: Tensor, reason: str | None = None) -> None:
        self._names[name] += 1
        axis, rule = find_axis(self._axes, z)
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
            with bypass_captures():
                self._observer.see(site, z)
