"""A folder of images: one sample per file, labels from class sub-folders, pixels converted as a JSON file defines."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError, import_optional
from .batch import Array, Samples
from .input_spec import InputSpec, format_names, require_one_input
from .lazy_array import LazyArray
from .validation import conform, open_file

if TYPE_CHECKING:
    from PIL.Image import Image

Size = int | tuple[int, int] | None

IMAGE_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
CHANNELS = {"RGB": 3, "BGR": 3, "L": 1}
INTERPOLATIONS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3}  # as PIL.Image.Resampling numbers them
CHOICES = {
    "color": tuple(CHANNELS),
    "interpolation": tuple(INTERPOLATIONS),
    "layout": ("NCHW", "NHWC"),
    "dtype": ("float16", "float32", "float64", "uint8"),
}


def read_images(
    folder: Path,
    specs: Sequence[InputSpec],
    *,
    columns: Mapping[str, str],
    labels: str | None,
    preprocess: Path | None,
) -> Iterator[Samples]:
    """One sample per image, in the order of their paths.

    If the folder has sub-folders with images, each is a class: its label is its name if all names are numbers, else its
    index among the sorted names. Images in the folder itself have no labels; a mix of both raises an error.

    Args:
        folder: the images, or a folder of images for each class.
        specs: the model's one input.
        columns: must be empty.
        labels: must be None.
        preprocess: JSON file with the settings of `Preprocess`; required, there is no default.

    Raises:
        DataError: no preprocessing, no images, a file that is not an image, or a result that does not fit the input.
        MissingDependencyError: pillow is not installed.
    """
    spec = require_one_input(specs, columns=columns, labels=labels, source=folder.name)
    files = _find_images(folder)
    if preprocess is None:
        raise DataError(
            f"{folder.name}: expected --preprocess cfg.json for an image folder, got none; write one that defines how "
            "images become arrays (color, resize, crop, scale, mean, std, layout, dtype)"
        )
    settings = read_preprocess(preprocess)
    import_optional("PIL", package="pillow", task="reading images")
    from PIL import Image  # noqa: PLC0415

    for file, label in files:
        source = str(file.relative_to(folder))
        try:
            with Image.open(file) as image:
                array = settings.apply(image, source=source)
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise DataError(
                f"{source}: expected an image, got a file that cannot be read as one ({error}); remove or replace it"
            ) from error
        classes = None if label is None else LazyArray.of(np.array([label]))
        yield from conform({spec.name: LazyArray.of(array)}, specs, source=source, labels=classes)


@dataclass(frozen=True)
class Preprocess:
    """The steps from an image to an array, in the order of the arguments.

    Args:
        color: RGB, BGR or L (one channel).
        resize: the shorter side in pixels, with the aspect ratio kept; or (height, width). None keeps the size.
        interpolation: nearest, bilinear, bicubic or lanczos.
        crop: the side of a centred square, or (height, width). None keeps all.
        scale: factor for the pixels 0..255; 1/255 by default, 1 for dtype uint8.
        mean: subtracted after scaling; one number, or one per channel.
        std: divisor after the subtraction; one number, or one per channel.
        layout: NCHW (channels first) or NHWC (channels last).
        dtype: dtype of the array, a float or uint8.
    """

    color: str = "RGB"
    resize: Size = None
    interpolation: str = "bilinear"
    crop: Size = None
    scale: float | None = None
    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 1.0
    layout: str = "NCHW"
    dtype: str = "float32"

    def apply(self, image: "Image", *, source: str) -> Array:
        """The image as an array of one sample (1, channel, height, width), or channels last.

        Raises:
            DataError: the crop is larger than the image, or its pixels have more than 8 bits.
        """
        if image.mode in {"I", "F"} or image.mode.startswith("I;"):
            raise DataError(
                f"{source}: expected 8 bits per channel, got mode {image.mode}; convert it to 8 bits, or to .npz"
            )
        pixels = self._crop(self._resize(image.convert("L" if self.color == "L" else "RGB")), source)
        array = np.asarray(pixels).reshape(pixels.height, pixels.width, CHANNELS[self.color])
        if self.color == "BGR":
            array = array[:, :, ::-1]
        if self.dtype != "uint8":
            scale = 1 / 255 if self.scale is None else self.scale
            array = ((array * scale - np.asarray(self.mean)) / np.asarray(self.std)).astype(self.dtype)
        return np.ascontiguousarray(array.transpose(2, 0, 1) if self.layout == "NCHW" else array)[None]

    def _resize(self, image: "Image") -> "Image":
        if self.resize is None:
            return image
        if isinstance(self.resize, int):
            short = min(image.size)
            width, height = (max(1, self.resize * side // short) for side in image.size)
        else:
            height, width = self.resize
        return image.resize((width, height), INTERPOLATIONS[self.interpolation])

    def _crop(self, image: "Image", source: str) -> "Image":
        if self.crop is None:
            return image
        height, width = (self.crop, self.crop) if isinstance(self.crop, int) else self.crop
        if height > image.height or width > image.width:
            raise DataError(
                f"{source}: expected at least {height} x {width} pixels for the crop, "
                f"got {image.height} x {image.width}; resize first"
            )
        top, left = round((image.height - height) / 2), round((image.width - width) / 2)
        return image.crop((left, top, left + width, top + height))


def read_preprocess(path: Path) -> Preprocess:
    """Read and check the settings of a JSON file.

    Raises:
        DataError: the file does not exist, cannot be read or is not JSON, or a setting is unknown or invalid.
    """
    if not path.is_file():
        raise DataError(f"--preprocess: expected a JSON file, got no such file: {path}; check the path")
    with open_file(path, source=path.name) as file:
        text = file.read()
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise DataError(f"{path.name}: expected JSON, got text that is not JSON ({error}); correct it") from error
    if not isinstance(settings, dict):
        raise DataError(f"{path.name}: expected a JSON object, got {type(settings).__name__}; write {{...}}")
    return parse_preprocess(settings, source=path.name)


def parse_preprocess(settings: dict[str, Any], *, source: str) -> Preprocess:
    """The checked settings.

    Raises:
        DataError: a setting is unknown or invalid.

    >>> parse_preprocess({"resize": 256, "crop": [224, 224]}, source="cfg.json").crop
    (224, 224)
    """
    known = [field.name for field in fields(Preprocess)]
    for name, value in settings.items():
        if name not in known:
            raise DataError(f"{source}: expected settings among {format_names(known)}, got '{name}'; remove it")
        expected = _explain_setting(name, value, settings)
        if expected:
            raise DataError(f"{source}: expected {expected} for '{name}', got {json.dumps(value)}")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()
    }
    return Preprocess(**values)


def _explain_setting(name: str, value: Any, settings: dict[str, Any]) -> str:
    """The expected values of a setting; empty if the value is one of them."""
    if name in CHOICES:
        return "" if value in CHOICES[name] else f"one of {format_names(CHOICES[name])}"
    if name in {"resize", "crop"}:
        sides = value if isinstance(value, list) and len(value) == 2 else [value]
        valid = value is None or all(type(side) is int and side > 0 for side in sides)
        return "" if valid else "a number of pixels, or [height, width],"
    if settings.get("dtype") == "uint8":
        return "no value with dtype uint8"
    if name == "scale":
        return "" if _is_number(value) else "a number"
    channels = CHANNELS[settings.get("color", "RGB")]
    valid = _is_number(value) or (isinstance(value, list) and len(value) == channels and all(map(_is_number, value)))
    if name == "std":
        valid = valid and bool(np.all(np.asarray(value)))
    return "" if valid else f"a number or {channels} numbers" + (" other than 0" if name == "std" else "")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and bool(np.isfinite(value))


def _find_images(folder: Path) -> list[tuple[Path, int | None]]:
    """The image files of a folder with their labels, in order."""
    flat = _list_images(folder)
    classes = {path.name: _list_images(path) for path in sorted(folder.iterdir()) if path.is_dir()}
    classes = {name: files for name, files in classes.items() if files}
    if not flat and not classes:
        raise DataError(
            f"{folder.name}: expected images ({' '.join(sorted(IMAGE_SUFFIXES))}), images in a folder for each class, "
            "or test_data_set_*/input_0.pb, got none of them; check the folder"
        )
    if flat and classes:
        raise DataError(
            f"{folder.name}: expected images either in the folder itself or in class folders, got both; "
            "keep one of the two"
        )
    numbers = all(name.isascii() and name.isdigit() for name in classes)
    labelled = [
        (file, int(name) if numbers else place) for place, (name, files) in enumerate(classes.items()) for file in files
    ]
    return [*((file, None) for file in flat), *labelled]


def _list_images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
