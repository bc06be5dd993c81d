"""Which calls of torch functions switch units at 0, and the kind of site each becomes in an ONNX export.

The table is by function, since a network's ReLU may be a module, a function, a tensor's method or a clamp.
"""

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Call(NamedTuple):
    """A function and what it was given.

    >>> Call(max, (3,), {"default": 0}).argument(0, "iterable")
    3
    """

    function: Callable[..., Any]
    arguments: Sequence[Any]
    options: Mapping[str, Any]

    def argument(self, place: int, name: str, default: Any = None) -> Any:
        """What was given for a parameter, by position or by name."""
        return self.arguments[place] if len(self.arguments) > place else self.options.get(name, default)

    def run(self) -> Any:
        """What the call makes."""
        return self.function(*self.arguments, **self.options)


Switch = tuple[str, Tensor]
Function = Callable[..., Any]


def switch(call: Call) -> Switch | None:
    """The kind of switch a call is and the pre-activation it reads; None if it is none.

    >>> switch(Call(torch.clamp, (torch.tensor([1.0, -1.0]),), {"min": 0}))
    ('max', tensor([ 1., -1.]))
    >>> switch(Call(torch.clamp, (torch.tensor([1.0, -1.0]),), {"min": -1}))
    """
    if call.function in _BOUNDED:
        return _BOUNDED[call.function](call)
    kind = _UNARY.get(call.function)
    return None if kind is None else (kind, call.argument(0, "input"))


def hidden(call: Call) -> str | None:
    """Why the ReLUs inside a call cannot be seen; None if there are none."""
    return _HIDDEN.get(call.function)


def is_affine(call: Call) -> bool:
    """Whether the call is a linear map or a convolution, the affine part of a layer."""
    return call.function in _AFFINE


def _clamp(call: Call) -> Switch | None:
    if not _is(call.argument(1, "min"), 0):
        return None
    return "max" if call.argument(2, "max") is None else "clip", call.argument(0, "input")


def _clamp_min(call: Call) -> Switch | None:
    return ("clip", call.argument(0, "input")) if _is(call.argument(1, "min"), 0) else None


def _hardtanh(call: Call) -> Switch | None:
    return ("clip", call.argument(0, "input")) if _is(call.argument(1, "min_val", -1.0), 0) else None


def _threshold(call: Call) -> Switch | None:
    bounds = call.argument(1, "threshold"), call.argument(2, "value")
    return ("where", call.argument(0, "input")) if all(_is(bound, 0) for bound in bounds) else None


def _maximum(call: Call) -> Switch | None:
    left, right = call.argument(0, "input"), call.argument(1, "other")
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        for z, bound in ((left, right), (right, left)):
            if _is(bound, 0):
                return "max", z
    return None


def _is(bound: Any, number: float) -> bool:
    """Whether a bound is this number everywhere, and is not learnt."""
    if isinstance(bound, Tensor):
        return not bound.requires_grad and bool((bound == number).all())
    return isinstance(bound, Real) and bound == number


def _table(rows: Mapping[Any, tuple[Function, ...]]) -> dict[Function, Any]:
    return {function: meaning for meaning, functions in rows.items() for function in functions}


_UNARY: dict[Function, str] = _table(
    {
        "relu": (functional.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_),
        "leaky_relu": (functional.leaky_relu, functional.leaky_relu_),
        "prelu": (functional.prelu, torch.prelu, Tensor.prelu),
        "clip": (functional.relu6,),
        "elu": (functional.elu, functional.elu_),
        "celu": (functional.celu, torch.celu, torch.celu_),
        "selu": (functional.selu, torch.selu, torch.selu_),
        "hard_swish": (functional.hardswish,),
        "hard_sigmoid": (functional.hardsigmoid,),
        "gelu": (functional.gelu,),
        "silu": (functional.silu,),
        "mish": (functional.mish,),
        "softplus": (functional.softplus,),
    }
)
_BOUNDED: dict[Function, Callable[[Call], Switch | None]] = {
    **dict.fromkeys((torch.clamp, torch.clamp_, torch.clip, torch.clip_), _clamp),
    **dict.fromkeys((Tensor.clamp, Tensor.clamp_, Tensor.clip, Tensor.clip_), _clamp),
    **dict.fromkeys((torch.clamp_min, torch.clamp_min_, Tensor.clamp_min, Tensor.clamp_min_), _clamp_min),
    **dict.fromkeys((functional.hardtanh, functional.hardtanh_), _hardtanh),
    **dict.fromkeys((functional.threshold, torch.threshold, torch.threshold_), _threshold),
    **dict.fromkeys((torch.maximum, torch.max, Tensor.maximum, Tensor.max), _maximum),
}
_HIDDEN: dict[Function, str] = {
    torch.rnn_relu: "the ReLUs of this recurrence run inside one torch function",
    torch.rnn_relu_cell: "the ReLU of this recurrent cell runs inside one torch function",
}
_AFFINE = frozenset(
    {functional.linear, functional.conv1d, functional.conv2d, functional.conv3d}
    | {functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d}
)
