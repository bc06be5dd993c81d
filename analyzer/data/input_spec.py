"""The inputs of a model: name, dtype, shape and sample axis of each, and which array of the data each one reads."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError

Shape = tuple[int | str | None, ...]


@dataclass(frozen=True)
class InputSpec:
    """One input of the model.

    Args:
        name: the input's name in the model.
        dtype: dtype of the input.
        shape: declared dimensions; a str is a symbol, None an unknown size. None if no rank is declared.
        sample_axis: axis of the samples; None if all samples share the value.
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
    def description(self) -> str:
        """Format the dtype and shape for messages.

        >>> InputSpec("x", np.dtype("f4"), ("batch", 3, None), 0).description
        'float32 (batch, 3, ?)'
        """
        return f"{self.dtype} {'of any shape' if self.shape is None else format_shape(self.shape)}"


def input_specs(declared: Sequence[tuple[str, np.dtype[Any], Shape | None]]) -> tuple[InputSpec, ...]:
    """Find the sample axis of every input from the declared shapes.

    The batch is the first symbol with "batch" in its name, on any axis (a state or time may be axis 0); without one, it
    is the first dimension of the first input that has dimensions. If the batch is

    - a symbol: the first axis with that symbol; an input without it uses axis 0 if its first dimension is a symbol or
      unknown too (exporters may name each input's batch differently), else it is shared;
    - unknown: axis 0 of every input whose first dimension is a symbol or unknown; other inputs are shared;
    - a number: axis 0 of every input whose first dimension is that number; other inputs are shared.

    Scalars are shared. The sample axis of an input of undeclared rank is 0.

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
    return tuple(
        InputSpec(name, np.dtype(dtype), shape, _find_sample_axis(shape, batch)) for name, dtype, shape in declared
    )


def fixed_batch(specs: Sequence[InputSpec]) -> int | None:
    """Batch size the model is fixed to; None if it accepts any.

    >>> fixed_batch(input_specs([("x", np.dtype("f4"), (1, 784))]))
    1
    """
    sizes = (spec.shape[spec.sample_axis] for spec in specs if spec.shape and spec.sample_axis is not None)
    return next((size for size in sizes if isinstance(size, int)), None)


def match_keys(
    available: Collection[str],
    specs: Sequence[InputSpec],
    *,
    columns: Mapping[str, str],
    labels: str | None,
    source: str,
) -> dict[str, str]:
    """The key of the array for every input.

    Args:
        available: keys of the data.
        specs: the model's inputs.
        columns: keys the user chose, by input.
        labels: key of the labels, if the user named one.
        source: name of the data in messages.

    Raises:
        DataError: a key is missing.

    >>> import numpy as np
    >>> match_keys(["images"], [InputSpec("x", np.dtype("f4"), None, 0)], columns={}, labels=None, source="here")
    {'x': 'images'}
    """
    if labels is not None and labels not in available:
        raise DataError(
            f"{source}: expected array '{labels}' for the labels, got {format_names(available)}; "
            "choose one of them with --labels KEY"
        )
    others = [key for key in available if key != labels]
    if len(specs) == 1 and len(others) == 1 and not columns:
        return {specs[0].name: others[0]}
    keys = {spec.name: columns.get(spec.name, spec.name) for spec in specs}
    for name, key in keys.items():
        if key not in available:
            raise DataError(
                f"{source}: expected array '{key}' for input '{name}', got {format_names(available)}; "
                f"choose one of them with --input {name}=KEY (inputs={{'{name}': KEY}} in Python)"
            )
    return keys


def require_one_input(
    specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None, source: str
) -> InputSpec:
    """The model's only input, for data that is one array without a name.

    Raises:
        DataError: the model has several inputs, or `columns` is not empty.
    """
    check_no_keys(columns=columns, labels=labels, source=source)
    if len(specs) != 1:
        raise DataError(
            f"{source}: expected arrays for {len(specs)} inputs ({format_names([spec.name for spec in specs])}), "
            "got one array without a name; give all of them by name, in an .npz or a dict"
        )
    return specs[0]


def check_no_keys(*, columns: Mapping[str, str], labels: str | None, source: str) -> None:
    """Check that no key was chosen, for data whose arrays have no names.

    Raises:
        DataError: `columns` is not empty, or a key of the labels is given.
    """
    chosen = [*columns.values(), *([] if labels is None else [labels])]
    if chosen:
        raise DataError(
            f"{source}: expected no choice of arrays, as they have no names, got {format_names(chosen)}; leave it out"
        )


def format_shape(shape: Shape) -> str:
    """Format a shape for messages.

    >>> format_shape((8, "height", None))
    '(8, height, ?)'
    """
    return f"({', '.join('?' if size is None else str(size) for size in shape)}{',' if len(shape) == 1 else ''})"


def format_names(names: Collection[str]) -> str:
    """Format at most twelve names, in quotes.

    >>> format_names(["a", "b"])
    "'a', 'b'"
    """
    shown = [f"'{name}'" for name in list(names)[:12]]
    return ", ".join(shown) + (f" and {len(names) - 12} more" if len(names) > 12 else "") if names else "none"


def _find_sample_axis(shape: Shape | None, batch: int | str | None) -> int | None:
    if shape is None:
        return 0
    if not shape:
        return None
    if isinstance(batch, int):
        return 0 if shape[0] == batch else None
    if batch is not None and batch in shape:
        return shape.index(batch)
    return None if isinstance(shape[0], int) else 0
