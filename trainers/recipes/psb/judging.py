"""A network judged in float and as a PSB model: accuracy and error of one pass over the images."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ....analyzer.model.loading import Model, parse
from ....analyzer.runtime.session import Session, open_session
from ....plugins import psb
from ...datasets.labelled import Labelled

BATCH = 250
MOST_SAMPLES = 64
Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained network and what it is judged by.

    Args:
        net: its name, with how it was trained.
        source: gives the model in float, as `psb.rewrite` takes it.
        judged: images as it takes them, and their classes.
        calibration: images of the training part, to choose the fixed point by.
    """

    net: str
    source: Callable[[], Any]
    judged: Labelled
    calibration: Array

    def psb_model(self, **how: Any) -> psb.Rewritten:
        """The PSB model, its fixed point calibrated."""
        return psb.rewrite(self.source(), calibrate=self.calibration, most_samples=MOST_SAMPLES, **how)

    @cached_property
    def float_scores(self) -> Array:
        """What the model in float says of each image (sample, class)."""
        return run(started(parse(self.source())), self.judged.x).scores


@dataclass(frozen=True, eq=False)
class Pass:
    """What a model said in one pass.

    Args:
        scores: (sample, class).
        coverage: share of positions inside the masks; 1 where there is none.
    """

    scores: Array
    coverage: float


def started(model: Model) -> Session:
    """A session on as many threads as torch may take."""
    return open_session(model, threads=torch.get_num_threads())


def run(session: Session, x: Array, *, seed: int = 0, **inputs: int) -> Pass:
    """One pass over images, with new draws for each 250 of them, as the authors draw anew for each batch.

    Args:
        session: of a model in float, or of a PSB model.
        x: the images.
        seed: of the pass; each batch has one of its own that follows from it.
        inputs: samples, and base with attention; none in float.
    """
    name, _, shape = session.inputs()[0]
    outputs = [value.name for value in session.model.ir.graph.outputs if value.name]
    size = shape[0] if shape and isinstance(shape[0], int) else BATCH
    more = {key: np.array(value) for key, value in inputs.items()}
    scores, inside = [], []
    for number, rows in enumerate(_parts(x, size)):
        if inputs:
            more["seed"] = np.array((seed << 20) + number * size // BATCH)
        found = session.run(outputs, {name: rows, **more})
        scores.append(found[outputs[0]].reshape(len(rows), -1))
        inside += [found["mask"].mean()] * len(rows) if "mask" in found else []
    return Pass(np.concatenate(scores), float(np.mean(inside)) if inside else 1.0)


def accuracy(scores: Array, y: Array) -> float:
    """Share of images whose class has the largest score.

    >>> accuracy(np.array([[0.0, 1.0], [2.0, 1.0]]), np.array([1, 1]))
    0.5
    """
    return float((scores.argmax(1) == y).mean())


def error(scores: Array, in_float: Array) -> float:
    """Root mean square of a difference, over that of the scores in float.

    >>> error(np.array([[3.0, 5.0]]), np.array([[3.0, 4.0]])).__round__(3)
    0.2
    """
    return float(np.sqrt(np.square(scores - in_float).mean() / np.square(in_float).mean()))


def _parts(x: Array, size: int) -> Iterator[Array]:
    for first in range(0, len(x), size):
        yield x[first : first + size]
