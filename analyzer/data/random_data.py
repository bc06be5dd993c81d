"""`random:N`: N seeded random samples in the declared shapes of the inputs."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ..errors import DataError
from .batch import Array, Samples
from .input_spec import InputSpec, check_no_keys, format_names
from .validation import SLICE_BYTES

RANDOM_PREFIX = "random:"


def read_random(
    text: str, specs: Sequence[InputSpec], *, columns: Mapping[str, str], labels: str | None, seed: int
) -> Iterator[Samples]:
    """Random samples: equal for equal seeds, and the first samples of `random:9` are those of `random:3`.

    Floats are standard normal; uint8 is 0 to 255, as in images; other integers are 0 or 1, which is valid for every
    embedding, mask and flag; booleans are either. A shared input is drawn once.

    Args:
        text: `random:N`, or `random:N:height=64,width=64` with the sizes of the model's open dimensions.
        specs: the model's inputs.
        columns: must be empty.
        labels: must be None.
        seed: seed of the generators; each input has one, which depends on its position among the inputs.

    Raises:
        DataError: the text is malformed, or a dimension other than the sample axis has no size.

    >>> spec = InputSpec("x", np.dtype("f4"), ("batch", 3, "width"), 0)
    >>> [(arrays, labels)] = read_random("random:2:width=5", [spec], columns={}, labels=None, seed=0)
    >>> arrays["x"].shape
    (2, 3, 5)
    """
    check_no_keys(columns=columns, labels=labels, source=text)
    samples, sizes = _parse(text)
    _check_sizes(text, specs, sizes)
    shapes = {spec.name: _sample_shape(spec, sizes, text) for spec in specs}
    return _draw(samples, specs, shapes, seed)


def _parse(text: str) -> tuple[int, dict[str, int]]:
    count, _, rest = text.removeprefix(RANDOM_PREFIX).partition(":")
    pairs = [pair.partition("=")[::2] for pair in rest.split(",")] if rest else []
    if not (_is_positive(count) and all(name and _is_positive(size) for name, size in pairs)):
        raise DataError(f"expected random:N or random:N:NAME=SIZE,NAME=SIZE with numbers of at least 1, got '{text}'")
    return int(count), {name: int(size) for name, size in pairs}


def _is_positive(text: str) -> bool:
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
            hint = "all but the number of samples are fixed" if fixed else f"those are {format_names(names)}"
            raise DataError(f"'{text}': expected open dimensions of the model, got '{name}'; {hint}")


def _sample_shape(spec: InputSpec, sizes: Mapping[str, int], text: str) -> tuple[int, ...]:
    """Shape of one sample; of a shared input, of the whole array."""
    if spec.shape is None:
        raise DataError(f"'{text}': expected a declared shape for input '{spec.name}', got none; give data in a file")
    if spec.dtype.kind not in "fiub":
        raise DataError(
            f"'{text}': expected numbers or booleans, got {spec.dtype} for input '{spec.name}'; give data in a file"
        )
    shape = []
    for axis, size in enumerate(spec.shape):
        if axis == spec.sample_axis:
            continue
        known = sizes.get(size) if isinstance(size, str) else size
        if known is None:
            hint = f"give it as {text}{',' if sizes else ':'}{size}=SIZE" if size else "give data in a file"
            where = f"axis {axis} of input '{spec.name}', {spec.description}"
            raise DataError(f"'{text}': expected a size for {where}, got none; {hint}")
        shape.append(known)
    return tuple(shape)


def _draw(
    samples: int, specs: Sequence[InputSpec], shapes: Mapping[str, tuple[int, ...]], seed: int
) -> Iterator[Samples]:
    generators = {spec.name: np.random.default_rng([seed, position]) for position, spec in enumerate(specs)}
    shared = {
        spec.name: _draw_values(generators[spec.name], shapes[spec.name], spec.dtype)
        for spec in specs
        if spec.sample_axis is None
    }
    if len(shared) == len(specs):
        for _ in range(samples):
            arrays = {spec.name: _draw_values(generators[spec.name], shapes[spec.name], spec.dtype) for spec in specs}
            yield arrays, None
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
                values = _draw_values(generators[spec.name], (count, *shapes[spec.name]), spec.dtype)
                arrays[spec.name] = np.moveaxis(values, 0, spec.sample_axis)
        yield arrays, None


def _draw_values(generator: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> Array:
    if dtype.kind == "f":
        return generator.standard_normal(shape).astype(dtype)
    return generator.integers(256 if dtype == np.uint8 else 2, size=shape).astype(dtype)
