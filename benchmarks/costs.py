"""Costs of calls, compared in pairs: what slows the whole machine down hits both and cancels out."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Cost:
    """What one call took: seconds on the clock, and of the processor, in all threads together."""

    wall: float
    processor: float


Costs = Mapping[str, Sequence[Cost]]


def cost(call: Callable[[], object]) -> Cost:
    """Time one call."""
    wall, processor = time.perf_counter(), time.process_time()
    call()
    return Cost(time.perf_counter() - wall, time.process_time() - processor)


def rounds(calls: Mapping[str, Callable[[], object]], repeats: int, base: str = "plain") -> Costs:
    """The costs of all calls, each beside one of the base, after one call to warm up.

    In every round each call is made once, right before or after the base in turn; the costs of the base it is compared
    with stand under its name with the base's behind it.
    """
    for call in calls.values():
        call()
    costs: dict[str, list[Cost]] = {base: []} | {key: [] for name in calls for key in (name, paired(name, base))}
    for place in range(repeats):
        for name, call in calls.items():
            if name == base:
                continue
            for one in (base, name) if place % 2 else (name, base):
                found = cost(calls[base] if one == base else call)
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
    """Medians of the ratio, to the base, of what each call takes on more data less what it takes on fewer.

    What comes once, as starting up does, is in both and drops out. The four calls of a ratio follow one another.
    """
    for call in (*more.values(), *fewer.values()):
        call()
    ratios: dict[str, list[Cost]] = {name: [] for name in more if name != base}
    for place in range(repeats):
        for name, found in ratios.items():
            order = (name, base) if place % 2 else (base, name)
            taken = {one: difference(cost(more[one]), cost(fewer[one])) for one in order}
            found.append(Cost(taken[name].wall / taken[base].wall, taken[name].processor / taken[base].processor))
    return {
        name: Cost(median(one.wall for one in found), median(one.processor for one in found))
        for name, found in ratios.items()
    }


def difference(a: Cost, b: Cost) -> Cost:
    """What one call took more than another."""
    return Cost(a.wall - b.wall, a.processor - b.processor)


def paired(name: str, base: str) -> str:
    """Under which name stand the costs of the base that a call is compared with."""
    return f"{name} over {base}"


def ratio(costs: Costs, name: str, kind: str, base: str = "plain") -> float:
    """Median over the rounds of one call's cost over that of the base beside it."""
    pairs = zip(costs[name], costs[paired(name, base)], strict=True)
    return median(getattr(one, kind) / getattr(other, kind) for one, other in pairs)
