"""Costs of calls, measured in pairs, so that slowdowns of the whole machine cancel out."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Cost:
    """Cost of one call: wall-clock seconds, and processor seconds of all threads."""

    wall: float
    processor: float


Costs = Mapping[str, Sequence[Cost]]


def measure(call: Callable[[], object]) -> Cost:
    """Measure one call."""
    wall, processor = time.perf_counter(), time.process_time()
    call()
    return Cost(time.perf_counter() - wall, time.process_time() - processor)


def rounds(calls: Mapping[str, Callable[[], object]], repeats: int, base: str = "plain") -> Costs:
    """Measure all calls, each paired with a call of the base, after one call to warm up.

    In every round each call is made once, alternately right before and right after the base. The costs of the base that
    a call is paired with have the key `paired(name, base)`.
    """
    for call in calls.values():
        call()
    costs: dict[str, list[Cost]] = {base: []} | {key: [] for name in calls for key in (name, paired(name, base))}
    for turn in range(repeats):
        for name, call in calls.items():
            if name == base:
                continue
            for one in (base, name) if turn % 2 else (name, base):
                found = measure(calls[base] if one == base else call)
                costs[paired(name, base) if one == base else name].append(found)
                if one == base:
                    costs[base].append(found)
    return costs


def further(
    more: Mapping[str, Callable[[], object]],
    fewer: Mapping[str, Callable[[], object]],
    repeats: int,
    base: str = "plain",
) -> dict[str, Cost]:
    """Return medians of the ratio, to the base, of the cost on more data less the cost on fewer data.

    One-time costs such as starting up cancel out. The four calls of a ratio are made one after another.
    """
    for call in (*more.values(), *fewer.values()):
        call()
    ratios: dict[str, list[Cost]] = {name: [] for name in more if name != base}
    for turn in range(repeats):
        for name, found in ratios.items():
            order = (name, base) if turn % 2 else (base, name)
            extra = {one: difference(measure(more[one]), measure(fewer[one])) for one in order}
            found.append(Cost(extra[name].wall / extra[base].wall, extra[name].processor / extra[base].processor))
    return {
        name: Cost(median(one.wall for one in found), median(one.processor for one in found))
        for name, found in ratios.items()
    }


def difference(a: Cost, b: Cost) -> Cost:
    """Return the difference of two costs."""
    return Cost(a.wall - b.wall, a.processor - b.processor)


def paired(name: str, base: str) -> str:
    """Return the key of the costs of the base that a call is paired with."""
    return f"{name} over {base}"


def ratio(costs: Costs, name: str, kind: str, base: str = "plain") -> float:
    """Return the median over the rounds of the ratio of a call's cost to that of the paired base."""
    pairs = zip(costs[name], costs[paired(name, base)], strict=True)
    return median(getattr(one, kind) / getattr(other, kind) for one, other in pairs)
