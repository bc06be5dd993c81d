"""H section 4.2: PSB against samples, trained at few, pruned, in fewer bits, with attention (Fig 4.2 to 4.5)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..recipe import Recipe, RunConfig
from .costs import draw_savings, savings, write_savings
from .foreign import FOREIGN, foreign
from .lines import convergence, draw_lines
from .maps import draw_maps, maps, write_maps
from .plans import POWERS, Plan, by_samples, fig4_5, judge, table4_2
from .sizes import AFTER, BEFORE, RESNET, SMALL, data_of, size_of, spread_over
from .subjects import Trained
from .tables import Score, means, read_table, table

SEEDS, FEW_SEEDS, REPETITIONS = (0, 1, 2, 3, 4), (0, 1, 2), 100
QUICK_SEEDS, QUICK_POWERS, QUICK_REPETITIONS = (0, 1, 2), (1, 4, 16), 10
COST_POWERS = (1, 2, 4, 8, 16, 32)
COSTS = "costs"
"""Name of the plans of Fig 4.5, which are about the same net as Table 4.2 on half of the images."""
SHOWN = 3
"""Images that errors and masks are drawn of."""


def plans(order: RunConfig) -> dict[str, list[Plan]]:
    """What each network is judged in, by its name; a name of FOREIGN stands for all of them, COSTS for RESNET."""
    powers = QUICK_POWERS if order.quick else POWERS
    seeds, few = (QUICK_SEEDS, QUICK_SEEDS) if order.quick else (SEEDS, FEW_SEEDS)
    line = partial(by_samples, samples=powers, seeds=seeds)
    return {
        RESNET: [*line("fig4_3", "psb"), *table4_2(seeds=few)],
        COSTS: fig4_5(samples=QUICK_POWERS if order.quick else COST_POWERS, seeds=few[:1]),
        BEFORE: line("fig4_3", "psb"),
        AFTER: line("fig4_3", "psb"),
        FOREIGN[0].name: line("fig4_3", "psb"),
    } | {f"{SMALL}-{n}": line("fig4_2", f"trained at {n or 'float'}") for n in size_of(order).trained_at}


def steps(order: RunConfig) -> int:
    """Epochs of all nets, passes over the images, and draws of the error maps."""
    size = size_of(order)
    epochs = sum(size.epochs_by_net.values())
    others = 0 if order.models is None else sum((order.models / f"{known.name}.onnx").exists() for known in FOREIGN)
    passes = {name: sum(len(plan.passes) for plan in each) for name, each in plans(order).items()}
    one = passes.pop(FOREIGN[0].name)
    return epochs + sum(passes.values()) + others * one + _repetitions(order)


def run(order: RunConfig, told: Callable[[int], None]) -> list[str]:
    """Train and judge what is missing in psb.csv, draw the figures, and say how they compare.

    Raises:
        OptionError: no data were given.
    """
    wanted, published = plans(order), {} if order.published is None else read_table(order.published)
    nets = Trained(order, size_of(order), data_of(order))
    order.out.mkdir(parents=True, exist_ok=True)
    numbers = order.out / "psb.csv"
    made: list[Score] = []
    for subject in foreign(order, nets.size):
        made += judge(subject, wanted[FOREIGN[0].name], numbers, told=told)
    resnet = nets.subject(RESNET, told)
    made += judge(resnet, wanted[RESNET], numbers, told=told)
    for name in nets.size.epochs_by_net:
        if name != RESNET:
            made += judge(nets.subject(name, told), wanted[name], numbers, told=told)
    fewer = replace(resnet, judged=spread_over(resnet.judged, nets.size.images // 2))
    made += judge(fewer, wanted[COSTS], numbers, told=told)
    lines = fig4_3(made, order.out / "fig4_3.png")
    lines += ["", *fig4_2(made, order.out / "fig4_2.png")]
    lines += ["", *table(made, published, order.out / "table4_2.csv")]
    costs = savings([score for score in made if score.part == "fig4_5"])
    write_savings(order.out / "fig4_5.csv", costs)
    draw_savings(costs, order.out / "fig4_5.png", title="Attention: accuracy lost and cost saved")
    shown = [place * len(resnet.judged) // SHOWN + 1 for place in range(SHOWN)]
    found = maps(resnet, shown, repetitions=_repetitions(order), told=told)
    write_maps(found, order.out / "fig4_4.csv")
    draw_maps(found, order.out / "fig4_4.png", title=f"Errors at 32 samples, mean of {_repetitions(order)} draws")
    return [*lines, "", f"{numbers}, csv files and pictures of each figure are written to {order.out}."]


def fig4_3(scores: Sequence[Score], picture: Path) -> list[str]:
    """Draw accuracy against samples for every network that was trained in float, and say how each converges."""
    groups = _by_net([score for score in scores if score.part == "fig4_3"])
    pair = {net: rows for net, rows in groups.items() if net.startswith((BEFORE, AFTER))}
    others = {net: rows for net, rows in groups.items() if net not in pair}
    panels = [("trained in float, converted in place", others), ("batch norms before and after additions", pair)]
    draw_lines(panels, picture, title="PSB: accuracy against samples; dashed: float")
    lines = [f"{'net':<36} {'float':>7} {'limit':>7} {'slope':>7} {'error ~ n^':>11}  samples: accuracy"]
    for net, rows in groups.items():
        found = convergence(rows)
        told = ", ".join(f"{key[0]}: {mean}" for key, mean in means(rows, "samples").items() if key[0])
        lines.append(
            f"{net:<36} {found.in_float:>7.1f} {found.limit:>7.1f} {found.slope:>7.1f} {found.power:>11.2f}  {told}"
        )
    return lines


def fig4_2(scores: Sequence[Score], picture: Path) -> list[str]:
    """Draw the cross table of samples trained at and evaluated at, and tell it."""
    rows = [score for score in scores if score.part == "fig4_2"]
    cases = {str(key[0]): [row for row in rows if row.case == key[0]] for key in means(rows, "case")}
    draw_lines(
        [("eight convolutions, trained at ...", cases)],
        picture,
        title="PSB trained from scratch; dashed: in float",
        black="trained at float",
    )
    samples = sorted({row.samples for row in rows})
    lines = [f"{'':<18}" + "".join(f"{n or 'float':>13}" for n in samples)]
    for case, each in cases.items():
        found = {key[0]: mean for key, mean in means(each, "samples").items()}
        lines.append(f"{case:<18}" + "".join(f"{found[n]!s:>13}" for n in samples))
    return lines


def _by_net(scores: Sequence[Score]) -> dict[str, list[Score]]:
    nets = dict.fromkeys(score.net for score in scores)
    return {net: [score for score in scores if score.net == net] for net in nets}


def _repetitions(order: RunConfig) -> int:
    return QUICK_REPETITIONS if order.quick else REPETITIONS


RECIPE = Recipe(steps, run)
