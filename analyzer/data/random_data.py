"""`random:N`: N seeded random samples in the shapes the model declares."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..errors import DataError
from .batch import Array, Feed
from .input_spec import InputSpec, check_nameless, listed
from .validation import SLICE_BYTES

PREFIX = "random:"


def read_random(
    text: str, specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None, seed: int
) -> Iterator[Feed]:
    """Feeds of random samples: the same for the same seed, and the first of `random:9` are those of `random:3`.

    Floats are standard normal; uint8 is 0 to 255, as in images; other integers are 0 or 1, which every embedding, mask
    and flag allows; booleans are either. A shared input is drawn once.

    Args:
        text: `random:N`, or `random:N:height=64,width=64` with the sizes of dimensions that the model leaves open.
        specs: the model's inputs.
        columns: must be empty.
        labels: must be None.
        seed: of the generator; each input has its own, by its place.

    Raises:
        DataError: the text cannot be meant, or a dimension other than the samples' has no size.

    >>> spec = InputSpec("x", np.dtype("f4"), ("batch", 3, "width"), 0)
    >>> [feed] = read_random("random:2:width=5", [spec], columns={}, labels=None, seed=0)
    >>> feed.arrays["x"].shape
    (2, 3, 5)
    """
    check_nameless(columns=columns, labels=labels, source=text)
    samples, sizes = _parse(text)
    _check_sizes(text, specs, sizes)
    shapes = {spec.name: _row_shape(spec, sizes, text) for spec in specs}
    return _draw(samples, specs, shapes, seed)


def _parse(text: str) -> tuple[int, dict[str, int]]:
    count, _, rest = text.removeprefix(PREFIX).partition(":")
    pairs = [pair.partition("=")[::2] for pair in rest.split(",")] if rest else []
    if not (_positive(count) and all(name and _positive(size) for name, size in pairs)):
        raise DataError(f"'{text}': wants random:N or random:N:NAME=SIZE,NAME=SIZE with numbers of at least 1")
    return int(count), {name: int(size) for name, size in pairs}


def _positive(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) > 0


def _check_sizes(text: str, specs: Sequence[InputSpec], sizes: Mapping[str, int]) -> None:
    free = {
        size
        for spec in specs
        for axis, size in enumerate(spec.shape or ())
        if not isinstance(size, int) and axis != spec.sample_axis
    }
    names = sorted(size for size in free if size is not None)
    fixed = not free and all(spec.shape is not None for spec in specs)
    for name in sizes:
        if name not in names:
            known = "all its sizes are fixed, the number of samples aside" if fixed else f"open are {listed(names)}"
            raise DataError(f"'{text}': the model has no open dimension '{name}'; {known}")


def _row_shape(spec: InputSpec, sizes: Mapping[str, int], text: str) -> tuple[int, ...]:
    """Shape of one sample (of the whole, if shared)."""
    if spec.shape is None:
        raise DataError(f"'{text}': input '{spec.name}' declares no shape: give data in a file instead")
    if spec.dtype.kind not in "fiub":
        raise DataError(
            f"'{text}': input '{spec.name}' wants {spec.dtype}, which is not drawn: give data in a file instead"
        )
    shape = []
    for axis, size in enumerate(spec.shape):
        if axis == spec.sample_axis:
            continue
        known = sizes.get(size) if isinstance(size, str) else size
        if known is None:
            how = f"give it as {text}{',' if sizes else ':'}{size}=SIZE" if size else "give data in a file instead"
            raise DataError(f"'{text}': input '{spec.name}' wants {spec.wants}, axis {axis} has no size: {how}")
        shape.append(known)
    return tuple(shape)


def _draw(samples: int, specs: Sequence[InputSpec], shapes: Mapping[str, tuple[int, ...]], seed: int) -> Iterator[Feed]:
    generators = {spec.name: np.random.default_rng([seed, place]) for place, spec in enumerate(specs)}
    shared = {
        spec.name: _values(generators[spec.name], shapes[spec.name], spec.dtype)
        for spec in specs
        if spec.sample_axis is None
    }
    if len(shared) == len(specs):
        for _ in range(samples):
            yield Feed(
                {spec.name: _values(generators[spec.name], shapes[spec.name], spec.dtype) for spec in specs}, None
            )
        return
    row = sum(int(np.prod(shapes[spec.name], dtype=object)) * 8 for spec in specs if spec.sample_axis is not None)
    step = max(1, SLICE_BYTES // max(row, 1))
    for start in range(0, samples, step):
        count = min(step, samples - start)
        arrays = {}
        for spec in specs:
            if spec.sample_axis is None:
                arrays[spec.name] = shared[spec.name]
            else:
                values = _values(generators[spec.name], (count, *shapes[spec.name]), spec.dtype)
                arrays[spec.name] = np.moveaxis(values, 0, spec.sample_axis)
        yield Feed(arrays, None)


def _values(generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> Array:
    if dtype.kind == "f":
        return generator.standard_normal(shape).astype(dtype)
    return generator.integers(256 if dtype == np.uint8 else 2, size=shape).astype(dtype)
