"""Error maps of PSB layers, averaged over draws, and the masks of attention (Fig 4.4)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ....analyzer.model.loading import Model, parse
from ....plugins import psb
from ....plugins.psb.graph_values import open_tapped
from ....plugins.psb.rewriting.float_model import prepare_float_model
from ..figure import new_figure, save_figure
from ..results_csv import six_decimals, write_table
from .plans import Array, Subject, open_model

SAMPLES, BASE = 32, 2
EPSILON = 1e-7


@dataclass(frozen=True, eq=False)
class ErrorMaps:
    """Error maps and masks of some images.

    Args:
        images: images scaled for display (image, row, column, colour), in [0, 1].
        masks: masks of attention, without and with a margin (image, 2, row, column).
        layers: number and name of each layer.
        absolute: |psb - float|, mean over draws and channels, by layer (image, row, column).
        relative: the same over the mean of |float| over the channels, by layer (image, row, column).
    """

    images: NDArray[np.float32]
    masks: NDArray[np.float32]
    layers: tuple[tuple[int, str], ...]
    absolute: tuple[Array, ...]
    relative: tuple[Array, ...]


def compute_maps(
    subject: Subject, rows: Sequence[int], *, repetitions: int, advance: Callable[[int], None]
) -> ErrorMaps:
    """Compute the errors at the first, the middle and the last convolution, and the masks.

    The thesis divides by the float value of each channel; values near zero, which the next ReLU cuts off, would
    dominate such a map, so numerator and denominator are averaged over channels before dividing.

    Args:
        subject: a convolutional network that averages its last feature map.
        rows: indices of its images.
        repetitions: number of draws to average.
        advance: called with 1 after each draw.
    """
    x = subject.images.x[list(rows)]
    rewritten = subject.psb_model()
    convolutions = [(k, layer.name) for k, layer in enumerate(rewritten.layers) if layer.kind == "Conv"]
    layers = (convolutions[0], convolutions[len(convolutions) // 2], convolutions[-1])
    in_float = prepare_float_model(subject.source())
    values = _outputs_of(rewritten, [name for _, name in layers])
    exact = _read_values(in_float, values)(x)
    sums = [np.zeros_like(value, dtype=np.float64) for value in exact]
    draw = _read_values(parse(rewritten.ir), values)
    for seed in range(repetitions):
        for total, value, found in zip(sums, exact, draw(x, samples=SAMPLES, seed=seed), strict=True):
            np.add(total, np.abs(found - value), out=total)
        advance(1)
    absolute = tuple((total / repetitions).mean(1) for total in sums)
    size = [np.abs(value).mean(1) + EPSILON for value in exact]
    shown = x.transpose(0, 2, 3, 1)
    lowest, highest = shown.min((1, 2, 3), keepdims=True), shown.max((1, 2, 3), keepdims=True)
    return ErrorMaps(
        (shown - lowest) / (highest - lowest),
        np.concatenate([_mask(subject, x, selection) for selection in ("entropy", "entropy+margin")], 1),
        layers,
        absolute,
        tuple(errors / of for errors, of in zip(absolute, size, strict=True)),
    )


def draw_maps(maps: ErrorMaps, path: Path, *, title: str) -> None:
    """Draw one row per image: the image, its masks, absolute and relative errors of each layer.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    count = len(maps.images)
    columns = 3 + 2 * len(maps.layers)
    figure = new_figure(1.75 * columns, 1.85 * count + 0.7, title=title)
    captions = ["image", "mask", "mask with margin"]
    captions += [f"{kind} error, layer {number}" for kind in ("absolute", "relative") for number, _ in maps.layers]
    for row, line in enumerate(figure.subplots(count, columns, squeeze=False)):
        image = maps.images[row]
        line[0].imshow(image if image.shape[-1] == 3 else image[..., 0], cmap="gray")
        for axis, mask in zip(line[1:3], maps.masks[row], strict=True):
            axis.imshow(mask, cmap="gray", vmin=0, vmax=1)
        for axis, errors in zip(line[3:], (*maps.absolute, *maps.relative), strict=True):
            drawn = axis.imshow(errors[row], cmap="magma", vmin=0)
            figure.colorbar(drawn, ax=axis, fraction=0.05, pad=0.02).ax.tick_params(labelsize=6)
        for axis, caption in zip(line, captions, strict=True):
            axis.set_xticks([])
            axis.set_yticks([])
            if row == 0:
                axis.set_title(caption, fontsize=8)
    save_figure(figure, path, dpi=110)


def write_maps(maps: ErrorMaps, path: Path) -> None:
    """Write the mean errors of each image and layer, and the share of each mask, as a csv file."""
    rows = []
    for image, masks in enumerate(maps.masks):
        for index, (number, name) in enumerate(maps.layers):
            errors = [float(kind[index][image].mean()) for kind in (maps.absolute, maps.relative)]
            rows.append([image, number, name, *errors, *(float(mask.mean()) for mask in masks)])
    columns = ("image", "layer", "node", "absolute", "relative", "mask", "mask_with_margin")
    write_table(path, columns, rows, number=six_decimals)


def _outputs_of(rewritten: psb.Rewritten, names: Sequence[str]) -> list[str]:
    """Return the output values of the nodes with these names; they have the same names in the float model."""
    outputs = {node.name: str(node.outputs[0].name) for node in rewritten.ir.graph}
    return [outputs[name] for name in names]


def _read_values(model: Model, values: Sequence[str]) -> Callable[..., list[Array]]:
    """Return a function that computes these values of a model for some images."""
    session, run = open_tapped(replace(model, ir=model.ir.clone()), values, threads=torch.get_num_threads())

    def read(x: Array, **inputs: int) -> list[Array]:
        found = run({session.inputs()[0][0]: x} | {name: np.array(n) for name, n in inputs.items()})
        return [found[value] for value in values]

    return read


def _mask(subject: Subject, x: Array, selection: str) -> NDArray[np.float32]:
    session = open_model(parse(subject.psb_model(attention=selection, mask=True, base=BASE, refine=SAMPLES).ir))
    mask: NDArray[np.float32] = session.run(["mask"], {session.inputs()[0][0]: x})["mask"]
    return mask
