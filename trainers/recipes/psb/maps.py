"""Where PSB errs and where attention looks: error maps of some layers, averaged over draws, beside masks (Fig 4.4)."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....analyzer.atomic_write import write_atomically
from ....analyzer.errors import import_optional
from ....analyzer.model.loading import Model, parse
from ....analyzer.passes.expose_values import InstrumentPass
from ....plugins import psb
from ....plugins.psb.rewriting.float_model import prepare_float_model
from .judging import Array, Subject, started

SAMPLES, BASE = 32, 2
EPSILON = 1e-7


@dataclass(frozen=True, eq=False)
class Maps:
    """What is drawn for some images.

    Args:
        images: as they are shown (image, row, column, colour), in [0, 1].
        masks: what attention looks at twice, without and with a margin (image, 2, row, column).
        layers: number and name of each layer.
        absolute: |psb - float|, mean over draws and channels, by layer (image, row, column).
        relative: the same over the mean of |float| over the channels, by layer (image, row, column).
    """

    images: NDArray[np.float32]
    masks: NDArray[np.float32]
    layers: tuple[tuple[int, str], ...]
    absolute: tuple[Array, ...]
    relative: tuple[Array, ...]


def maps(subject: Subject, rows: Sequence[int], *, repetitions: int, told: Callable[[int], None]) -> Maps:
    """Errors at the first, the middle and the last convolution, and masks.

    The thesis divides by the float value of each channel; values near zero, which ReLUs cut off next, would rule such a
    map, so channels are averaged above and below the line before dividing.

    Args:
        subject: a network of convolutions that averages its last feature map.
        rows: which of its images.
        repetitions: draws that are averaged.
        told: called with 1 after each.
    """
    x = subject.judged.x[list(rows)]
    rewritten = subject.psb_model()
    convolutions = [(k, layer.name) for k, layer in enumerate(rewritten.layers) if layer.kind == "Conv"]
    layers = (convolutions[0], convolutions[len(convolutions) // 2], convolutions[-1])
    in_float = prepare_float_model(subject.source())
    values = _values(rewritten, [name for _, name in layers])
    there = _tapped(in_float, values)(x)
    sums = [np.zeros_like(value, dtype=np.float64) for value in there]
    drawn = _tapped(parse(rewritten.ir), values)
    for seed in range(repetitions):
        for total, value, found in zip(sums, there, drawn(x, samples=SAMPLES, seed=seed), strict=True):
            np.add(total, np.abs(found - value), out=total)
        told(1)
    absolute = tuple((total / repetitions).mean(1) for total in sums)
    size = [np.abs(value).mean(1) + EPSILON for value in there]
    shown = x.transpose(0, 2, 3, 1)
    lowest, highest = shown.min((1, 2, 3), keepdims=True), shown.max((1, 2, 3), keepdims=True)
    return Maps(
        (shown - lowest) / (highest - lowest),
        np.concatenate([_mask(subject, x, selection) for selection in ("entropy", "entropy+margin")], 1),
        layers,
        absolute,
        tuple(errors / of for errors, of in zip(absolute, size, strict=True)),
    )


def draw_maps(found: Maps, path: Path, *, title: str) -> None:
    """Write the picture: for each image a row of image, masks, absolute and relative errors of each layer.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    figures = import_optional("matplotlib.figure", package="matplotlib", task="drawing")
    count = len(found.images)
    columns = 3 + 2 * len(found.layers)
    figure = figures.Figure(figsize=(1.75 * columns, 1.85 * count + 0.7), layout="constrained")
    figure.suptitle(title)
    captions = ["image", "mask", "mask with margin"]
    captions += [f"{kind} error, layer {number}" for kind in ("absolute", "relative") for number, _ in found.layers]
    for row, line in enumerate(figure.subplots(count, columns, squeeze=False)):
        image = found.images[row]
        line[0].imshow(image if image.shape[-1] == 3 else image[..., 0], cmap="gray")
        for axis, mask in zip(line[1:3], found.masks[row], strict=True):
            axis.imshow(mask, cmap="gray", vmin=0, vmax=1)
        for axis, errors in zip(line[3:], (*found.absolute, *found.relative), strict=True):
            drawn = axis.imshow(errors[row], cmap="magma", vmin=0)
            figure.colorbar(drawn, ax=axis, fraction=0.05, pad=0.02).ax.tick_params(labelsize=6)
        for axis, caption in zip(line, captions, strict=True):
            axis.set_xticks([])
            axis.set_yticks([])
            if row == 0:
                axis.set_title(caption, fontsize=8)
    with write_atomically(path) as part:
        figure.savefig(part, format="png", dpi=110)


def write_maps(found: Maps, path: Path) -> None:
    """Write the means of the maps of each image and layer, and the share of each mask, as a csv file, whole."""
    with write_atomically(path) as part, part.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image", "layer", "node", "absolute", "relative", "mask", "mask_with_margin"])
        for image, masks in enumerate(found.masks):
            for place, (number, name) in enumerate(found.layers):
                errors = [float(kind[place][image].mean()) for kind in (found.absolute, found.relative)]
                shares = [float(mask.mean()) for mask in masks]
                writer.writerow([image, number, name, *(round(v, 6) for v in (*errors, *shares))])


def _values(rewritten: psb.Rewritten, names: Sequence[str]) -> list[str]:
    """What the nodes of these names make; the model in float calls it the same."""
    made = {node.name: str(node.outputs[0].name) for node in rewritten.ir.graph}
    return [made[name] for name in names]


def _tapped(model: Model, values: Sequence[str]) -> Callable[..., list[Array]]:
    """What gives these values of a model for some images."""
    tapping, copy = InstrumentPass(values), model.ir.clone()
    tapping(copy)
    session = started(replace(model, ir=copy))
    names = [tapping.tapped[value] for value in values]

    def taps(x: Array, **inputs: int) -> list[Array]:
        feed = {session.inputs()[0][0]: x} | {name: np.array(n) for name, n in inputs.items()}
        found = session.run(names, feed)
        return [found[name] for name in names]

    return taps


def _mask(subject: Subject, x: Array, selection: str) -> NDArray[np.float32]:
    session = started(parse(subject.psb_model(attention=selection, mask=True, base=BASE, refine=SAMPLES).ir))
    mask: NDArray[np.float32] = session.run(["mask"], {session.inputs()[0][0]: x})["mask"]
    return mask
