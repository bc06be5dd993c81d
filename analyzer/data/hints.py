"""What to do about an array that does not fit: the last words of a refusal."""

from typing import Any

import numpy as np

from .inputs import InputSpec


def type_hint(came: np.dtype[Any], wanted: np.dtype[Any]) -> str:
    """What to do about a dtype that is not converted by itself.

    >>> type_hint(np.dtype("u1"), np.dtype("f4"))
    "scale the pixels yourself, for instance x.astype('float32') / 255"
    """
    if came.kind == "O":
        return "object arrays are never read; are the rows of different lengths?"
    if came == np.uint8 and wanted.kind == "f":
        return f"scale the pixels yourself, for instance x.astype('{wanted}') / 255"
    if came.kind in "biuf" and wanted.kind in "biuf":
        return f"convert it yourself, for instance x.astype('{wanted}')"
    return f"give {wanted}"


def shape_hint(shape: tuple[int, ...], spec: InputSpec) -> str:
    """What probably went wrong with a shape, or nothing if no guess is good.

    >>> shape_hint((100, 28, 28), InputSpec("x", np.dtype("f4"), ("batch", 1, 28, 28), 0))
    'add the axis of length 1: np.expand_dims(x, 1)'
    >>> shape_hint((3, 32, 32), InputSpec("x", np.dtype("f4"), ("batch", 3, 32, 32), 0))
    'is it one sample? add the sample axis: np.expand_dims(x, 0)'
    >>> shape_hint((9, 32, 32, 3), InputSpec("x", np.dtype("f4"), ("batch", 3, 32, 32), 0))
    'are the channels last? np.moveaxis(x, -1, 1)'
    >>> shape_hint((9, 28, 28), InputSpec("x", np.dtype("f4"), ("batch", 784), 0))
    'fold it: x.reshape(-1, 784)'
    """
    wanted = spec.shape or ()
    axis = spec.sample_axis
    if len(shape) + 1 == len(wanted):
        for missing in range(len(wanted)):
            if missing != axis and wanted[missing] == 1 and _fits(shape, wanted, axis, without=missing):
                return f"add the axis of length 1: np.expand_dims(x, {missing})"
        if axis is not None and _fits(shape, wanted, axis, without=axis):
            return f"is it one sample? add the sample axis: np.expand_dims(x, {axis})"
    if len(shape) == len(wanted) > 2 and axis == 0:
        last_to_second = (shape[0], shape[-1], *shape[1:-1])
        if _fits(last_to_second, wanted, axis):
            return "are the channels last? np.moveaxis(x, -1, 1)"
        second_to_last = (shape[0], *shape[2:], shape[1])
        if _fits(second_to_last, wanted, axis):
            return "are the channels first? np.moveaxis(x, 1, -1)"
    fixed = [size for size in wanted[1:] if isinstance(size, int)]
    if (
        axis == 0
        and shape
        and len(fixed) == len(wanted) - 1
        and np.prod(shape[1:], dtype=int) == np.prod(fixed, dtype=int)
    ):
        return f"fold it: x.reshape({', '.join(map(str, (-1, *fixed)))})"
    return ""


def _fits(
    shape: tuple[int, ...], wanted: tuple[int | str | None, ...], sample_axis: int | None, *, without: int | None = None
) -> bool:
    kept = [(size, axis == sample_axis) for axis, size in enumerate(wanted) if axis != without]
    return all(
        free or not isinstance(size, int) or size == came for came, (size, free) in zip(shape, kept, strict=True)
    )
