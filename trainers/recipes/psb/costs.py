"""Accuracy lost and cost saved by attention, for each pair of base and refined samples (Fig 4.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import fmean

from ....analyzer.errors import import_optional
from ....plugins.psb import relative_cost
from ..figure import new_figure, save_figure
from ..results_csv import columns_of, four_decimals, write_table
from .scores import Score, average_scores

SELECTIONS = ("random, as entropy", "entropy", "random, as entropy+margin", "entropy+margin")


@dataclass(frozen=True)
class Saving:
    """One entry of Fig 4.5.

    Args:
        selection: how positions are selected.
        base: samples of the first pass, n.
        samples: samples inside the mask, m.
        coverage: share of positions inside the mask.
        accuracy: mean over seeds, in per cent.
        loss: accuracy at m samples everywhere less this accuracy, in points.
        cost: (n + coverage m) / m, relative to m samples everywhere.
    """

    selection: str
    base: int
    samples: int
    coverage: float
    accuracy: float
    loss: float
    cost: float


def compute_savings(scores: Sequence[Score]) -> list[Saving]:
    """Return the entries of Fig 4.5 from the scores of `plans.fig4_5`, ordered by selection."""
    everywhere = {key[0]: mean.mean for key, mean in average_scores(_select(scores, "everywhere"), "samples").items()}
    savings = []
    for selection in SELECTIONS:
        rows = _select(scores, selection)
        for (base, samples), mean in average_scores(rows, "base", "samples").items():
            coverage = fmean(row.coverage for row in rows if (row.base, row.samples) == (base, samples))
            savings.append(
                Saving(
                    selection,
                    int(base),
                    int(samples),
                    coverage,
                    mean.mean,
                    everywhere[samples] - mean.mean,
                    relative_cost(int(base), int(samples), coverage),
                )
            )
    return savings


def write_savings(path: Path, rows: Sequence[Saving]) -> None:
    """Write the entries as a csv file."""
    write_table(path, columns_of(Saving), [astuple(row) for row in rows], number=four_decimals)


def draw_savings(rows: Sequence[Saving], path: Path, *, title: str) -> None:
    """Draw one panel per selection; each cell shows the loss in points, and the cost below it.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    matplotlib = import_optional("matplotlib", package="matplotlib", task="drawing")
    bases, samples = sorted({row.base for row in rows}), sorted({row.samples for row in rows})
    figure = new_figure(1.5 * len(samples) + 2, 1.35 * len(samples) + 1.4, title=title)
    norm = matplotlib.colors.Normalize(0, max(row.loss for row in rows))
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    for axis, selection in zip(axes.flat, SELECTIONS, strict=True):
        found = {(row.base, row.samples): row for row in rows if row.selection == selection}
        table = [[_loss(found, base, n) for n in samples] for base in bases]
        axis.imshow(table, norm=norm, cmap="magma_r", aspect="auto", origin="lower")
        axis.set_title(f"{selection}: {fmean(row.coverage for row in found.values()):.0%} of positions", fontsize=9)
        axis.set_xticks(range(len(samples)), samples, fontsize=8)
        axis.set_yticks(range(len(bases)), bases, fontsize=8)
        for (base, n), row in found.items():
            ink = "white" if norm(row.loss) > 0.5 else "black"
            text = f"{row.loss:+.1f}\n{row.cost:.2f}"
            axis.text(samples.index(n), bases.index(base), text, ha="center", va="center", fontsize=7.5, color=ink)
    for axis in axes[-1]:
        axis.set_xlabel("refined samples m")
    for axis in axes[:, 0]:
        axis.set_ylabel("base samples n")
    colours = matplotlib.cm.ScalarMappable(norm, "magma_r")
    figure.colorbar(colours, ax=axes, label="points lost against m samples everywhere; below, relative cost", pad=0.01)
    save_figure(figure, path, dpi=110)


def _select(scores: Sequence[Score], case: str) -> list[Score]:
    return [score for score in scores if score.case == case]


def _loss(found: Mapping[tuple[int, int], Saving], base: int, samples: int) -> float:
    row = found.get((base, samples))
    return float("nan") if row is None else row.loss
