"""A folder of images: one sample a file; the class sub-folders, if there are any, give the labels."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError, MissingDependencyError
from .batch import Array, Feed
from .input_spec import InputSpec, listed, only_input
from .rows import Held
from .validation import conform, open_file

if TYPE_CHECKING:
    from PIL.Image import Image


Size = int | tuple[int, int] | None
CHANNELS = {"RGB": 3, "BGR": 3, "L": 1}
INTERPOLATIONS = {"nearest": 0, "lanczos": 1, "bilinear": 2, "bicubic": 3}  # as PIL.Image.Resampling numbers them


@dataclass(frozen=True)
class Preprocess:
    """The steps, in the order in which they are taken.

    Args:
        color: RGB, BGR or L (one channel).
        resize: the shorter side in pixels, the other keeps the proportion; or (height, width). None keeps the size.
        interpolation: nearest, bilinear, bicubic or lanczos.
        crop: the side of a square from the middle, or (height, width). None keeps all.
        scale: what pixels 0..255 are multiplied by; 1/255 by default, 1 for dtype uint8.
        mean: subtracted after scaling; one number, or one a channel.
        std: divided by after that; one number, or one a channel.
        layout: NCHW (channels first) or NHWC (channels last).
        dtype: of the array, float or uint8.
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
                f"{source}: wants 8 bits a channel, came mode {image.mode}: convert it to 8 bits, or to .npz"
            )
        pixels = self._cropped(self._resized(image.convert("L" if self.color == "L" else "RGB")), source)
        array = np.asarray(pixels).reshape(pixels.height, pixels.width, CHANNELS[self.color])
        if self.color == "BGR":
            array = array[:, :, ::-1]
        if self.dtype != "uint8":
            scale = 1 / 255 if self.scale is None else self.scale
            array = ((array * scale - np.asarray(self.mean)) / np.asarray(self.std)).astype(self.dtype)
        return np.ascontiguousarray(array.transpose(2, 0, 1) if self.layout == "NCHW" else array)[None]

    def _resized(self, image: "Image") -> "Image":
        if self.resize is None:
            return image
        if isinstance(self.resize, int):
            short = min(image.size)
            width, height = (max(1, self.resize * side // short) for side in image.size)
        else:
            height, width = self.resize
        return image.resize((width, height), INTERPOLATIONS[self.interpolation])

    def _cropped(self, image: "Image", source: str) -> "Image":
        if self.crop is None:
            return image
        height, width = (self.crop, self.crop) if isinstance(self.crop, int) else self.crop
        if height > image.height or width > image.width:
            raise DataError(
                f"{source}: the crop wants {height} x {width} pixels, came {image.height} x {image.width}: resize first"
            )
        top, left = round((image.height - height) / 2), round((image.width - width) / 2)
        return image.crop((left, top, left + width, top + height))


def read_preprocess(path: Path) -> Preprocess:
    """The settings of a JSON file, checked.

    Raises:
        DataError: no such file, one that cannot be read or is not JSON, an unknown setting, or a value that cannot be
            meant.
    """
    if not path.is_file():
        raise DataError(f"--preprocess: no such file: {path}")
    with open_file(path, source=path.name) as file:
        text = file.read()
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise DataError(f"{path.name}: not JSON ({error})") from error
    if not isinstance(settings, dict):
        raise DataError(f"{path.name}: wants a JSON object, came {type(settings).__name__}")
    return preprocess_of(settings, source=path.name)


def preprocess_of(settings: dict[str, Any], *, source: str) -> Preprocess:
    """The settings as a value, checked.

    Raises:
        DataError: an unknown setting, or a value that cannot be meant.

    >>> preprocess_of({"resize": 256, "crop": [224, 224]}, source="cfg.json").crop
    (224, 224)
    """
    known = [field.name for field in fields(Preprocess)]
    for name, value in settings.items():
        if name not in known:
            raise DataError(f"{source}: no setting '{name}'; there are {listed(known)}")
        wanted = _wanted(name, value, settings)
        if wanted:
            raise DataError(f"{source}: '{name}' wants {wanted}, came {json.dumps(value)}")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()
    }
    return Preprocess(**values)


def _wanted(name: str, value: Any, settings: dict[str, Any]) -> str:
    """What the setting wants, if the value is not it."""
    choices = {
        "color": tuple(CHANNELS),
        "interpolation": tuple(INTERPOLATIONS),
        "layout": ("NCHW", "NHWC"),
        "dtype": ("float16", "float32", "float64", "uint8"),
    }
    if name in choices:
        return "" if value in choices[name] else f"one of {listed(choices[name])}"
    if name in {"resize", "crop"}:
        sides = value if isinstance(value, list) and len(value) == 2 else [value]
        fine = value is None or all(type(side) is int and side > 0 for side in sides)
        return "" if fine else "a number of pixels, or [height, width]"
    if settings.get("dtype") == "uint8":
        return "no value where the dtype is uint8"
    if name == "scale":
        return "" if _is_number(value) else "a number"
    channels = CHANNELS[settings.get("color", "RGB")]
    fine = _is_number(value) or (isinstance(value, list) and len(value) == channels and all(map(_is_number, value)))
    if name == "std":
        fine = fine and bool(np.all(np.asarray(value)))
    return "" if fine else f"a number or {channels} numbers" + (" other than 0" if name == "std" else "")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and bool(np.isfinite(value))


SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}


def read_images(
    folder: Path,
    specs: Sequence[InputSpec],
    *,
    columns: Mapping[str, str],
    labels: str | None,
    preprocess: Path | None,
) -> Iterator[Feed]:
    """Feeds of one image each, in the order of their paths.

    Where the folder holds sub-folders of images, each is a class: its label is its name if all names are numbers, else
    its place among the names in order. Images that lie in the folder itself have no labels; both at once are refused.

    Args:
        folder: the images, or a folder of images for each class.
        specs: the model's one input.
        columns: must be empty.
        labels: must be None.
        preprocess: JSON file with the settings of `Preprocess`; images cannot be read without, there is no guess.

    Raises:
        DataError: no preprocessing, no images, a file that is not an image, or a result that does not fit the input.
        MissingDependencyError: pillow is not installed.
    """
    spec = only_input(specs, columns=columns, labels=labels, source=folder.name)
    files = _files(folder)
    if preprocess is None:
        raise DataError(
            f"{folder.name}: an image folder wants --preprocess cfg.json, which says how images become arrays "
            "(color, resize, crop, scale, mean, std, layout, dtype)"
        )
    steps = read_preprocess(preprocess)
    try:
        from PIL import Image, UnidentifiedImageError  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependencyError("reading images wants pillow: pip install pillow") from error
    for file, label in files:
        source = str(file.relative_to(folder))
        try:
            with Image.open(file) as image:
                array = steps.apply(image, source=source)
        except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise DataError(f"{source}: cannot be read as an image ({error})") from error
        classes = None if label is None else Held(np.array([label]))
        yield from conform({spec.name: Held(array)}, specs, source=source, labels=classes)


def _files(folder: Path) -> list[tuple[Path, int | None]]:
    flat = _images(folder)
    classes = {path.name: _images(path) for path in sorted(folder.iterdir()) if path.is_dir()}
    classes = {name: files for name, files in classes.items() if files}
    if not flat and not classes:
        raise DataError(
            f"{folder.name}: wants images ({' '.join(sorted(SUFFIXES))}), images in a folder for each class, "
            "or test_data_set_*/input_0.pb; came none of them"
        )
    if flat and classes:
        raise DataError(f"{folder.name}: holds images both by themselves and in class folders; keep one of the two")
    numbers = all(name.isascii() and name.isdigit() for name in classes)
    labelled = [
        (file, int(name) if numbers else place) for place, (name, files) in enumerate(classes.items()) for file in files
    ]
    return [*((file, None) for file in flat), *labelled]


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
