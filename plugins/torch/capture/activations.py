"""The torch functions that switch units at 0, and the kind of site that an ONNX export makes of each.

The table lists functions, since a network's ReLU may be a module, a function, a method of a tensor or a clamp.
"""

from collections.abc import Callable, Mapping
from functools import partial
from numbers import Real
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Call = partial[Any]
"""A torch function with its arguments."""

Switch = tuple[str, Tensor]
"""The kind of a site and its pre-activation."""

Function = Callable[..., Any]


def find_switch(call: Call) -> Switch | None:
    """Return the site kind of a call and the pre-activation it reads; None if it does not switch units at 0.

    >>> find_switch(partial(torch.clamp, torch.tensor([1.0, -1.0]), min=0))
    ('max', tensor([ 1., -1.]))
    >>> find_switch(partial(torch.clamp, torch.tensor([1.0, -1.0]), min=-1))
    """
    if call.func in _BOUNDED:
        return _BOUNDED[call.func](call)
    kind = _UNARY.get(call.func)
    return None if kind is None else (kind, get_argument(call, 0, "input"))


def find_hidden_relu(call: Call) -> str | None:
    """Return why the ReLUs inside a call cannot be captured; None if it contains none."""
    return _HIDDEN.get(call.func)


def is_affine(call: Call) -> bool:
    """Whether the call is a linear map or a convolution."""
    return call.func in _AFFINE


def get_argument(call: Call, position: int, name: str, default: Any = None) -> Any:
    """Return an argument that may be passed by position or by name.

    >>> get_argument(partial(max, 3, default=0), 0, "iterable")
    3
    """
    return call.args[position] if len(call.args) > position else call.keywords.get(name, default)


def _clamp(call: Call) -> Switch | None:
    if not _is_zero(get_argument(call, 1, "min")):
        return None
    return "max" if get_argument(call, 2, "max") is None else "clip", get_argument(call, 0, "input")


def _clamp_min(call: Call) -> Switch | None:
    return ("clip", get_argument(call, 0, "input")) if _is_zero(get_argument(call, 1, "min")) else None


def _hardtanh(call: Call) -> Switch | None:
    return ("clip", get_argument(call, 0, "input")) if _is_zero(get_argument(call, 1, "min_val", -1.0)) else None


def _threshold(call: Call) -> Switch | None:
    bounds = get_argument(call, 1, "threshold"), get_argument(call, 2, "value")
    return ("where", get_argument(call, 0, "input")) if all(_is_zero(bound) for bound in bounds) else None


def _maximum(call: Call) -> Switch | None:
    left, right = get_argument(call, 0, "input"), get_argument(call, 1, "other")
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        for z, bound in ((left, right), (right, left)):
            if _is_zero(bound):
                return "max", z
    return None


def _is_zero(bound: Any) -> bool:
    """Whether a bound is 0 everywhere and not a trainable parameter."""
    if isinstance(bound, Tensor):
        return not bound.requires_grad and bool((bound == 0).all())
    return isinstance(bound, Real) and bound == 0


def _table(rows: Mapping[Any, tuple[Function, ...]]) -> dict[Function, Any]:
    return {function: value for value, functions in rows.items() for function in functions}


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
