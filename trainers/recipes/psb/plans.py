"""What is judged for each PSB figure and table, and the judging of what is not judged yet."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from ....analyzer.model.loading import parse
from ....plugins import psb
from ....plugins.psb.rewriting.float_model import prepare_float_model
from .judging import Subject, accuracy, error, run, started
from .tables import Score, append_scores, read_scores

POWERS = (1, 2, 4, 8, 16, 32, 64)
PRUNED = {"pruning 25%": 0.25, "pruning 50%": 0.5}
COMBINED: dict[str, Any] = {"prune": 0.25, "levels": psb.Levels(4, "ends")}


@dataclass(frozen=True)
class Plan:
    """One model of a figure or table, and the passes it is judged in.

    Args:
        part: the figure or table.
        case: what is done to the network.
        passes: base, samples and seed of each pass; samples 0 for float.
        how: options of `psb.rewrite`.
        like: with random attention, the case of the same part and samples whose mean coverage it takes.
    """

    part: str
    case: str
    passes: tuple[tuple[int, int, int], ...]
    how: dict[str, Any] = field(default_factory=dict)
    like: str | None = None


def by_samples(part: str, case: str, *, samples: Sequence[int], seeds: Sequence[int]) -> list[Plan]:
    """A network in float and at some numbers of samples: a line of Fig 4.3, a row of Fig 4.2."""
    passes = ((0, 0, 0), *((0, n, seed) for n in samples for seed in seeds))
    return [Plan(part, case, passes)]


def table4_2(*, seeds: Sequence[int]) -> list[Plan]:
    """The rows of Table 4.2: pruning, few bits of probability, attention beside a random choice of equal cost, all."""

    def at(*settings: tuple[int, int]) -> tuple[tuple[int, int, int], ...]:
        return tuple((base, n, seed) for base, n in settings for seed in seeds if n or seed == seeds[0])

    def named(case: str, passes: tuple[tuple[int, int, int], ...], like: str | None = None, **how: Any) -> Plan:
        return Plan("table4_2", case, passes, how, like)

    ends = {f"discrete p {bits}-bit": psb.Levels(bits, "ends") for bits in (4, 2, 1)}
    nearest = {f"discrete p {bits}-bit, nearest": psb.Levels(bits) for bits in (4, 2, 1)}
    both: list[dict[str, Any]] = [{"attention": name, "mask": True} for name in ("entropy", "entropy+margin")]
    low, high = at((2, 32)), at((4, 32))
    return [
        named("baseline", at((0, 0), (0, 32), (0, 16), (0, 4))),
        *(named(case, at((0, 0), (0, 16)), prune=share) for case, share in PRUNED.items()),
        *(named(case, at((0, 16)), levels=levels) for case, levels in (ends | nearest).items()),
        named("attention entropy", low, **both[0]),
        named("attention random, as entropy", low, "attention entropy", attention="random", mask=True),
        named("attention entropy+margin", high, **both[1]),
        named("attention random, as margin", high, "attention entropy+margin", attention="random", mask=True),
        named("combined entropy", low, **both[0], **COMBINED),
        named("combined entropy+margin", high, **both[1], **COMBINED),
    ]


def fig4_5(*, samples: Sequence[int], seeds: Sequence[int]) -> list[Plan]:
    """All pairs of base and refined samples, for both selections and, at their coverages, random ones."""
    passes = tuple((base, n, seed) for n in samples for base in samples if base <= n for seed in seeds)
    plans = [Plan("fig4_5", "everywhere", tuple((0, n, seed) for n in samples for seed in seeds))]
    for selection in ("entropy", "entropy+margin"):
        plans += [
            Plan("fig4_5", selection, passes, {"attention": selection, "mask": True}),
            Plan("fig4_5", f"random, as {selection}", passes, {"attention": "random", "mask": True}, selection),
        ]
    return plans


def judge(subject: Subject, plans: Iterable[Plan], path: Path, *, told: Callable[[int], None]) -> list[Score]:
    """The scores of all passes of the plans; those that the file has not are made now and added to it."""
    made: list[Score] = []
    for plan in plans:
        wanted = {(plan.part, subject.net, plan.case, *each, len(subject.judged)): each for each in plan.passes}
        done = {score.key: score for score in read_scores(path) if score.key in wanted}
        told(len(done))
        missing = [each for key, each in wanted.items() if key not in done]
        if any(n for _, n, _ in missing):
            how = plan.how
            if plan.like is not None:
                how = how | {"coverage": fmean(score.coverage for score in made if score.case == plan.like)}
            session = started(parse(subject.psb_model(**how).ir))
        for base, n, seed in missing:
            if n:
                inputs = {"samples": n} | ({"base": base} if base else {})
                found = run(session, subject.judged.x, seed=seed, **inputs)
            else:
                model = prepare_float_model(subject.source(), prune=plan.how.get("prune", 0.0))
                found = run(started(model), subject.judged.x)
            score = Score(
                part=plan.part,
                net=subject.net,
                case=plan.case,
                base=base,
                samples=n,
                seed=seed,
                images=len(subject.judged),
                coverage=found.coverage,
                accuracy=accuracy(found.scores, subject.judged.y),
                error=error(found.scores, subject.float_scores),
            )
            append_scores(path, [score])
            done[score.key] = score
            told(1)
        made += [done[key] for key in wanted]
    return made
