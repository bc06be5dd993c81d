"""H section 4.2: PSB against samples, trained at few, pruned, in fewer bits, with attention (Fig 4.2 to 4.5)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..recipe import RunConfig
from .costs import compute_savings, draw_savings, write_savings
from .curves import draw_curves, fit_convergence
from .maps import compute_maps, draw_maps, write_maps
from .plans import POWERS, Plan, by_samples, evaluate, fig4_5, table4_2
from .scores import Score, average_scores, read_published_table, write_comparison
from .sizes import AFTER, BEFORE, RESNET, SMALL, load_data, size_of, take_evenly
from .subjects import load_third_party, third_party_files, train_subject

SEEDS, FEW_SEEDS, REPETITIONS = (0, 1, 2, 3, 4), (0, 1, 2), 100
QUICK_SEEDS, QUICK_POWERS, QUICK_REPETITIONS = (0, 1, 2), (1, 4, 16), 10
COST_POWERS = (1, 2, 4, 8, 16, 32)
COSTS, OTHERS = "costs", "third-party"
"""Names of two further sets of plans: of Fig 4.5, with the net of Table 4.2 on half of the images, and of all
third-party models."""
MAPPED = 3
"""Number of images with error maps and masks."""


def make_plans(config: RunConfig) -> dict[str, list[Plan]]:
    """Return the plans of each network by its name, of Fig 4.5 under COSTS, of third-party models under OTHERS."""
    powers = QUICK_POWERS if config.quick else POWERS
    seeds, few = (QUICK_SEEDS, QUICK_SEEDS) if config.quick else (SEEDS, FEW_SEEDS)
    line = partial(by_samples, samples=powers, seeds=seeds)
    return {
        RESNET: [*line("fig4_3", "psb"), *table4_2(seeds=few)],
        COSTS: fig4_5(samples=QUICK_POWERS if config.quick else COST_POWERS, seeds=few[:1]),
        BEFORE: line("fig4_3", "psb"),
        AFTER: line("fig4_3", "psb"),
        OTHERS: line("fig4_3", "psb"),
    } | {f"{SMALL}-{n}": line("fig4_2", f"trained at {n or 'float'}") for n in size_of(config).trained_at}


def steps(config: RunConfig) -> int:
    """Return the number of epochs of all nets, passes over the images, and draws of the error maps."""
    epochs = sum(size_of(config).epochs_by_net.values())
    passes = {name: sum(len(plan.passes) for plan in plans) for name, plans in make_plans(config).items()}
    others = len(third_party_files(config)) * passes.pop(OTHERS)
    return epochs + sum(passes.values()) + others + _repetitions(config)


def run(config: RunConfig, advance: Callable[[int], None]) -> list[str]:
    """Train and evaluate what is missing in psb.csv, draw the figures, and return the tables.

    Raises:
        OptionError: no data set was given.
    """
    plans, published = make_plans(config), {} if config.published is None else read_published_table(config.published)
    size, data = size_of(config), load_data(config)
    config.out.mkdir(parents=True, exist_ok=True)
    numbers = config.out / "psb.csv"
    scores: list[Score] = []
    for subject in load_third_party(config, size):
        scores += evaluate(subject, plans[OTHERS], numbers, advance=advance)
    resnet = train_subject(config, size, data, RESNET, advance)
    scores += evaluate(resnet, plans[RESNET], numbers, advance=advance)
    for name in size.epochs_by_net:
        if name != RESNET:
            subject = train_subject(config, size, data, name, advance)
            scores += evaluate(subject, plans[name], numbers, advance=advance)
    fewer = replace(resnet, images=take_evenly(resnet.images, size.images // 2))
    scores += evaluate(fewer, plans[COSTS], numbers, advance=advance)
    lines = fig4_3(scores, config.out / "fig4_3.png")
    lines += ["", *fig4_2(scores, config.out / "fig4_2.png")]
    lines += ["", *write_comparison(scores, published, config.out / "table4_2.csv")]
    savings = compute_savings([score for score in scores if score.part == "fig4_5"])
    write_savings(config.out / "fig4_5.csv", savings)
    draw_savings(savings, config.out / "fig4_5.png", title="Attention: accuracy lost and cost saved")
    mapped = [number * len(resnet.images) // MAPPED + 1 for number in range(MAPPED)]
    repetitions = _repetitions(config)
    maps = compute_maps(resnet, mapped, repetitions=repetitions, advance=advance)
    write_maps(maps, config.out / "fig4_4.csv")
    draw_maps(maps, config.out / "fig4_4.png", title=f"Errors at 32 samples, mean of {repetitions} draws")
    return [*lines, "", f"{numbers}, csv files and pictures of each figure are written to {config.out}."]


def fig4_3(scores: Sequence[Score], picture: Path) -> list[str]:
    """Draw accuracy against samples for the networks trained in float, and return the fits of their convergence."""
    nets = dict.fromkeys(score.net for score in scores if score.part == "fig4_3")
    groups = {net: [score for score in scores if (score.part, score.net) == ("fig4_3", net)] for net in nets}
    pair = {net: rows for net, rows in groups.items() if net.startswith((BEFORE, AFTER))}
    others = {net: rows for net, rows in groups.items() if net not in pair}
    panels = [("trained in float, converted in place", others), ("batch norms before and after additions", pair)]
    draw_curves(panels, picture, title="PSB: accuracy against samples; dashed: float")
    lines = [f"{'net':<36} {'float':>7} {'limit':>7} {'slope':>7} {'error ~ n^':>11}  samples: accuracy"]
    for net, rows in groups.items():
        accuracy, limit, slope, power = fit_convergence(rows)
        accuracies = ", ".join(f"{key[0]}: {mean}" for key, mean in average_scores(rows, "samples").items() if key[0])
        lines.append(f"{net:<36} {accuracy:>7.1f} {limit:>7.1f} {slope:>7.1f} {power:>11.2f}  {accuracies}")
    return lines


def fig4_2(scores: Sequence[Score], picture: Path) -> list[str]:
    """Draw and return the cross table of numbers of samples in training and in evaluation."""
    rows = [score for score in scores if score.part == "fig4_2"]
    cases = {str(key[0]): [row for row in rows if row.case == key[0]] for key in average_scores(rows, "case")}
    draw_curves(
        [("eight convolutions, trained at ...", cases)],
        picture,
        title="PSB trained from scratch; dashed: in float",
        black="trained at float",
    )
    samples = sorted({row.samples for row in rows})
    lines = [f"{'':<18}" + "".join(f"{n or 'float':>13}" for n in samples)]
    for case, each in cases.items():
        found = {key[0]: mean for key, mean in average_scores(each, "samples").items()}
        lines.append(f"{case:<18}" + "".join(f"{found[n]!s:>13}" for n in samples))
    return lines


def _repetitions(config: RunConfig) -> int:
    return QUICK_REPETITIONS if config.quick else REPETITIONS
