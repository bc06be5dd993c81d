"""What a model wants of its data: for every input a name, a dtype, a shape, and the axis along which samples lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Shape = tuple[int | str | None, ...]


@dataclass(frozen=True)
class InputSpec:
    """One input of the model.

    Args:
        name: the input's name in the model.
        dtype: what the model takes.
        shape: declared dimensions; a str is a symbol, None an unknown size. None as a whole: the rank is not declared.
        sample_axis: axis along which samples lie; None if all samples share the value.
    """

    name: str
    dtype: np.dtype[Any]
    shape: Shape | None
    sample_axis: int | None

    def axis_of(self, rank: int) -> int | None:
        """Sample axis of an array of this rank: a 0-d array for an input of undeclared rank is shared.

        >>> InputSpec("x", np.dtype("f4"), None, 0).axis_of(0) is None
        True
        """
        return None if self.shape is None and rank == 0 else self.sample_axis

    @property
    def wants(self) -> str:
        """Dtype and shape as a message shows them.

        >>> InputSpec("x", np.dtype("f4"), ("batch", 3, None), 0).wants
        'float32 (batch, 3, ?)'
        """
        return f"{self.dtype} {'of any shape' if self.shape is None else described(self.shape)}"


def described(shape: Shape) -> str:
    """A shape as a message shows it.

    >>> described((8, "height", None))
    '(8, height, ?)'
    """
    return f"({', '.join('?' if size is None else str(size) for size in shape)}{',' if len(shape) == 1 else ''})"


def input_specs(declared: Sequence[tuple[str, np.dtype[Any], Shape | None]]) -> tuple[InputSpec, ...]:
    """Find the sample axis of every input from the declared shapes.

    The batch is the first symbol with "batch" in its name, wherever it stands (a state or time may come first); without
    one, the first dimension of the first input that has one. Where it is

    - a symbol: the axis at which that symbol stands (first, if twice); an input without it has its samples along axis 0
      if its first dimension is a symbol or unknown too (exporters may name each input's batch differently), else it is
      shared;
    - unknown: axis 0 of every input whose first dimension is a symbol or unknown; other inputs are shared;
    - a number: axis 0 of every input whose first dimension is that number; other inputs are shared.

    Scalars are shared. An input of undeclared rank has its samples along axis 0.

    Args:
        declared: (name, dtype, shape) of every input, in the model's order.

    >>> f4, i8 = np.dtype("f4"), np.dtype("i8")
    >>> specs = input_specs([("input", f4, ("batch", "sequence")), ("state", f4, (2, "batch", 128)), ("sr", i8, ())])
    >>> [spec.sample_axis for spec in specs]
    [0, 1, None]
    """
    shapes = [shape for _, _, shape in declared if shape]
    named = (size for shape in shapes for size in shape if isinstance(size, str) and "batch" in size.lower())
    batch = next(named, next((shape[0] for shape in shapes), None))
    return tuple(InputSpec(name, np.dtype(dtype), shape, _sample_axis(shape, batch)) for name, dtype, shape in declared)


def _sample_axis(shape: Shape | None, batch: int | str | None) -> int | None:
    if shape is None:
        return 0
    if not shape:
        return None
    if isinstance(batch, int):
        return 0 if shape[0] == batch else None
    if batch is not None and batch in shape:
        return shape.index(batch)
    return None if isinstance(shape[0], int) else 0


def fixed_batch(specs: Sequence[InputSpec]) -> int | None:
    """Number of samples the model takes at a time; None if any number will do.

    >>> fixed_batch(input_specs([("x", np.dtype("f4"), (1, 784))]))
    1
    """
    sizes = (spec.shape[spec.sample_axis] for spec in specs if spec.shape and spec.sample_axis is not None)
    return next((size for size in sizes if isinstance(size, int)), None)
