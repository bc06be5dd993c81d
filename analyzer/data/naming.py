"""Which array of the data goes to which input: by name, by the user's choice, or because there is only one."""

from collections.abc import Collection, Mapping, Sequence

from ..errors import DataError
from .inputs import InputSpec


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
