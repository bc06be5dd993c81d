"""A folder of images: one sample a file; the class sub-folders, if there are any, give the labels."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..errors import DataError, MissingDependencyError
from .conform import conform
from .feeds import Feed
from .inputs import InputSpec
from .naming import only_input
from .preprocess import read_preprocess
from .rows import Held

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
