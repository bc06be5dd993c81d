"""What a model wants of its data: for every input a name, a dtype, a shape, and the axis along which samples lie."""

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


def check_columns(columns: Mapping[str, str] | None, specs: Sequence[InputSpec]) -> dict[str, str]:
    """The user's choice of columns, once every name on its left is an input of the model.

    Raises:
        DataError: a name is not an input.
    """
    names = [spec.name for spec in specs]
    for name in columns or {}:
        if name not in names:
            raise DataError(f"the model has no input '{name}': its inputs are {listed(names)}")
    return dict(columns or {})


def keys_of(
    available: Collection[str],
    specs: Sequence[InputSpec],
    *,
    columns: Mapping[str, str],
    labels: str | None,
    source: str,
) -> dict[str, str]:
    """The key of every input among those the data has.

    Args:
        available: the keys the data has.
        specs: the model's inputs.
        columns: keys the user chose, by input.
        labels: key of the labels, if the user named one.
        source: what messages call the data.

    Raises:
        DataError: a key is not there.

    >>> import numpy as np
    >>> keys_of(["images"], [InputSpec("x", np.dtype("f4"), None, 0)], columns={}, labels=None, source="here")
    {'x': 'images'}
    """
    if labels is not None and labels not in available:
        raise DataError(f"{source}: labels want array '{labels}', which is not among {listed(available)}")
    others = [key for key in available if key != labels]
    if len(specs) == 1 and len(others) == 1 and not columns:
        return {specs[0].name: others[0]}
    keys = {spec.name: columns.get(spec.name, spec.name) for spec in specs}
    for name, key in keys.items():
        if key not in available:
            raise DataError(
                f"{source}: input '{name}' wants array '{key}', which is not among {listed(available)}: "
                f"choose one with --input {name}=KEY (inputs={{'{name}': KEY}} in Python)"
            )
    return keys


def only_input(specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None, source: str) -> InputSpec:
    """The model's one input, for data that is one array without a name.

    Raises:
        DataError: the model has several inputs, or the user chose a column.
    """
    check_nameless(columns=columns, labels=labels, source=source)
    if len(specs) != 1:
        raise DataError(
            f"{source}: the model wants {len(specs)} inputs ({listed([spec.name for spec in specs])}), came one array "
            "without a name: give them all by name, in an .npz or a dict"
        )
    return specs[0]


def check_nameless(*, columns: Mapping[str, str], labels: str | None, source: str) -> None:
    """Refuse a choice of columns where the data has no names to choose from.

    Raises:
        DataError: columns or a key for the labels were given.
    """
    chosen = [*columns.values(), *([] if labels is None else [labels])]
    if chosen:
        raise DataError(f"{source}: its arrays have no names, so {listed(chosen)} cannot be chosen from it")


def listed(names: Collection[str]) -> str:
    """Names in quotes, the first twelve.

    >>> listed(["a", "b"])
    "'a', 'b'"
    """
    shown = [f"'{name}'" for name in list(names)[:12]]
    return ", ".join(shown) + (f" and {len(names) - 12} more" if len(names) > 12 else "") if names else "nothing"
