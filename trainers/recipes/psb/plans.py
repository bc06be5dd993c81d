"""The evaluations behind the PSB figures and tables: which models in which passes, and their scores."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ....analyzer.model.loading import Model, parse
from ....analyzer.runtime.session import Session, open_session
from ....plugins import psb
from ....plugins.psb.rewriting.float_model import prepare_float_model
from ...datasets.labelled import Labelled
from .scores import Score, append_scores, read_scores

IMAGES_PER_DRAW = 250
MOST_SAMPLES = 64
POWERS = (1, 2, 4, 8, 16, 32, 64)
PRUNED = {"pruning 25%": 0.25, "pruning 50%": 0.5}
COMBINED: dict[str, Any] = {"prune": 0.25, "levels": psb.Levels(4, "ends")}
Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained network with its evaluation data.

    Args:
        net: name of the network, with the settings of its training.
        source: returns the float model, in a form that `psb.rewrite` accepts.
        images: preprocessed images to evaluate on, with their classes.
        calibration: training images to calibrate the fixed point on.
    """

    net: str
    source: Callable[[], Any]
    images: Labelled
    calibration: Array

    def psb_model(self, **options: Any) -> psb.Rewritten:
        """Rewrite the model, with calibrated fixed point."""
        return psb.rewrite(self.source(), calibrate=self.calibration, most_samples=MOST_SAMPLES, **options)

    @cached_property
    def float_scores(self) -> Array:
        """Scores of the float model (sample, class)."""
        return run_pass(open_model(parse(self.source())), self.images.x)[0]


@dataclass(frozen=True)
class Plan:
    """One model of a figure or table, with the passes it is evaluated in.

    Args:
        part: the figure or table.
        case: label of the model.
        passes: base, samples and seed of each pass; samples 0 for float.
        options: options of `psb.rewrite`.
        like: for random attention, the case of the same part and samples whose mean coverage is used.
    """

    part: str
    case: str
    passes: tuple[tuple[int, int, int], ...]
    options: dict[str, Any] = field(default_factory=dict)
    like: str | None = None


def by_samples(part: str, case: str, *, samples: Sequence[int], seeds: Sequence[int]) -> list[Plan]:
    """Return the plan of a line of Fig 4.3 or a row of Fig 4.2: a network in float and at several sample counts."""
    passes = ((0, 0, 0), *((0, n, seed) for n in samples for seed in seeds))
    return [Plan(part, case, passes)]


def table4_2(*, seeds: Sequence[int]) -> list[Plan]:
    """Return the rows of Table 4.2: pruning, few bits of probability, attention and random masks of equal cost, all."""

    def at(*settings: tuple[int, int]) -> tuple[tuple[int, int, int], ...]:
        return tuple((base, n, seed) for base, n in settings for seed in seeds if n or seed == seeds[0])

    def row(case: str, passes: tuple[tuple[int, int, int], ...], like: str | None = None, **options: Any) -> Plan:
        return Plan("table4_2", case, passes, options, like)

    ends = {f"discrete p {bits}-bit": psb.Levels(bits, "ends") for bits in (4, 2, 1)}
    nearest = {f"discrete p {bits}-bit, nearest": psb.Levels(bits) for bits in (4, 2, 1)}
    entropy: dict[str, Any] = {"attention": "entropy", "mask": True}
    margin = entropy | {"attention": "entropy+margin"}
    low, high = at((2, 32)), at((4, 32))
    return [
        row("baseline", at((0, 0), (0, 32), (0, 16), (0, 4))),
        *(row(case, at((0, 0), (0, 16)), prune=share) for case, share in PRUNED.items()),
        *(row(case, at((0, 16)), levels=levels) for case, levels in (ends | nearest).items()),
        row("attention entropy", low, **entropy),
        row("attention random, as entropy", low, "attention entropy", attention="random", mask=True),
        row("attention entropy+margin", high, **margin),
        row("attention random, as margin", high, "attention entropy+margin", attention="random", mask=True),
        row("combined entropy", low, **entropy, **COMBINED),
        row("combined entropy+margin", high, **margin, **COMBINED),
    ]


def fig4_5(*, samples: Sequence[int], seeds: Sequence[int]) -> list[Plan]:
    """Return all pairs of base and refined samples, for both selections and for random ones of equal coverage."""
    passes = tuple((base, n, seed) for n in samples for base in samples if base <= n for seed in seeds)
    plans = [Plan("fig4_5", "everywhere", tuple((0, n, seed) for n in samples for seed in seeds))]
    for selection in ("entropy", "entropy+margin"):
        plans += [
            Plan("fig4_5", selection, passes, {"attention": selection, "mask": True}),
            Plan("fig4_5", f"random, as {selection}", passes, {"attention": "random", "mask": True}, selection),
        ]
    return plans


def evaluate(subject: Subject, plans: Iterable[Plan], path: Path, *, advance: Callable[[int], None]) -> list[Score]:
    """Return the scores of all passes of the plans; compute those missing in the file and append them to it."""
    scores: list[Score] = []
    for plan in plans:
        keys = {(plan.part, subject.net, plan.case, *each, len(subject.images)): each for each in plan.passes}
        done = {score.key: score for score in read_scores(path) if score.key in keys}
        advance(len(done))
        missing = [each for key, each in keys.items() if key not in done]
        if any(n for _, n, _ in missing):
            options = plan.options
            if plan.like is not None:
                options = options | {"coverage": fmean(score.coverage for score in scores if score.case == plan.like)}
            session = open_model(parse(subject.psb_model(**options).ir))
        for base, n, seed in missing:
            if n:
                inputs = {"samples": n} | ({"base": base} if base else {})
                logits, coverage = run_pass(session, subject.images.x, seed=seed, **inputs)
            else:
                model = prepare_float_model(subject.source(), prune=plan.options.get("prune", 0.0))
                logits, coverage = run_pass(open_model(model), subject.images.x)
            score = Score(
                part=plan.part,
                net=subject.net,
                case=plan.case,
                base=base,
                samples=n,
                seed=seed,
                images=len(subject.images),
                coverage=coverage,
                accuracy=accuracy(logits, subject.images.y),
                error=relative_error(logits, subject.float_scores),
            )
            append_scores(path, [score])
            done[score.key] = score
            advance(1)
        scores += [done[key] for key in keys]
    return scores


def open_model(model: Model) -> Session:
    """Open a session with as many threads as torch uses."""
    return open_session(model, threads=torch.get_num_threads())


def run_pass(session: Session, x: Array, *, seed: int = 0, **inputs: int) -> tuple[Array, float]:
    """Run a model on all images, with new draws for each 250 of them, as the authors draw for each batch.

    Args:
        session: session of a float or a PSB model.
        x: the images.
        seed: seed of the pass, from which the seed of each batch is derived.
        inputs: samples, and base with attention; none in float.

    Returns:
        Scores (sample, class), and the share of positions inside the attention masks, 1 without masks.
    """
    name, _, shape = session.inputs()[0]
    outputs = [value.name for value in session.model.ir.graph.outputs if value.name]
    size = shape[0] if shape and isinstance(shape[0], int) else IMAGES_PER_DRAW
    more = {key: np.array(value) for key, value in inputs.items()}
    scores, inside = [], []
    for number, rows in enumerate(_split(x, size)):
        if inputs:
            more["seed"] = np.array((seed << 20) + number * size // IMAGES_PER_DRAW)
        found = session.run(outputs, {name: rows, **more})
        scores.append(found[outputs[0]].reshape(len(rows), -1))
        inside += [found["mask"].mean()] * len(rows) if "mask" in found else []
    return np.concatenate(scores), float(np.mean(inside)) if inside else 1.0


def accuracy(scores: Array, y: Array) -> float:
    """Return the share of images whose class has the largest score.

    >>> accuracy(np.array([[0.0, 1.0], [2.0, 1.0]]), np.array([1, 1]))
    0.5
    """
    return float((scores.argmax(1) == y).mean())


def relative_error(scores: Array, in_float: Array) -> float:
    """Return the root mean square of the difference, divided by that of the float scores.

    >>> relative_error(np.array([[3.0, 5.0]]), np.array([[3.0, 4.0]])).__round__(3)
    0.2
    """
    return float(np.sqrt(np.square(scores - in_float).mean() / np.square(in_float).mean()))


def _split(x: Array, size: int) -> Iterator[Array]:
    for first in range(0, len(x), size):
        yield x[first : first + size]
