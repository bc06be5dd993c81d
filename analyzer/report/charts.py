"""Pictures along depth as inline SVG: a band for each site, the same bands in every picture, one above the other."""

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import NamedTuple

from .formatting import middle, share

WIDTH, LEFT, RIGHT = 1080.0, 44.0, 8.0
TOP, BOTTOM = 8.0, 24.0
NAMED = 8
TICKS = 24
GRID = (0.0, 0.25, 0.5, 0.75, 1.0)


class Dot(NamedTuple):
    """One value on a line: a share and its standard error, 0 if it is exact."""

    value: float
    error: float


def stacks(names: Sequence[str], dead: Sequence[float], linear: Sequence[float], *, label: str) -> str:
    """Bars of height 1: dead from the ground, linear from the sky, what is left between them nonlinear.

    Args:
        names: of the sites, printable.
        dead: shares.
        linear: shares.
        label: what the picture shows, for those who cannot see it.
    """
    height = 170.0
    band, bar = _bands(len(names))
    parts = []
    for i, (name, low, high) in enumerate(zip(names, dead, linear, strict=True)):
        x = LEFT + band * i + (band - bar) / 2
        told = f"{i + 1}  {name}: dead {share(low)}, linear {share(high)}, nonlinear {share(max(0.0, 1 - low - high))}"
        rows = (("nonlinear", 0.0, 1.0), ("dead", 0.0, _visible(low)), ("linear", 1 - _visible(high), _visible(high)))
        boxes = "".join(
            f'<rect class="{kind}" x="{x:.2f}" y="{_y(ground + part, height):.2f}" '
            f'width="{bar:.2f}" height="{part * height:.2f}"/>'
            for kind, ground, part in rows
            if part > 0
        )
        parts.append(f"<g><title>{escape(told)}</title>{boxes}</g>")
    return _frame("".join(parts), names, height, label)


def line(names: Sequence[str], values: Sequence[Dot | None], *, label: str, kind: str) -> str:
    """A dot for each site that has a value, joined to its neighbours; estimates have a whisker of one standard error.

    Args:
        names: of the sites, printable.
        values: shares; None leaves a gap.
        label: what the picture shows, for those who cannot see it.
        kind: its class in the style sheet.
    """
    height = 110.0
    band, _ = _bands(len(names))
    radius = max(2.0, min(4.0, band / 3))
    places = [
        None if dot is None else (LEFT + band * (i + 0.5), _y(min(dot.value, 1.0), height), dot, i)
        for i, dot in enumerate(values)
    ]
    parts = []
    for known, run in groupby(places, key=lambda place: place is not None):
        if known:
            points = " ".join(f"{place[0]:.2f},{place[1]:.2f}" for place in run if place)
            parts.append(f'<polyline class="{kind}" points="{points}"/>')
    for place in filter(None, places):
        x, y, dot, i = place
        error = f" ± {dot.error:.2g} (estimate)" if dot.error else ""
        ends = _y(min(1.0, dot.value + dot.error), height), _y(max(0.0, dot.value - dot.error), height)
        whisker = f'<path class="{kind}" d="M{x:.2f} {ends[0]:.2f}V{ends[1]:.2f}"/>' if dot.error else ""
        told = escape(f"{i + 1}  {names[i]}: {share(dot.value)}{error}")
        mark = f'{whisker}<circle class="{kind}" cx="{x:.2f}" cy="{y:.2f}" r="{radius:.2f}"/>'
        parts.append(f"<g><title>{told}</title>{mark}</g>")
    return _frame("".join(parts), names, height, label)


def _bands(sites: int) -> tuple[float, float]:
    """Width of a site's band and of the bar in it."""
    band = (WIDTH - LEFT - RIGHT) / sites
    return band, min(56.0, band * 0.78)


def _visible(part: float) -> float:
    """A share that is not 0 never becomes too thin to see."""
    return max(part, 0.012) if part > 0 else 0.0


def _y(value: float, height: float) -> float:
    return TOP + height * (1 - value)


def _frame(inside: str, names: Sequence[str], height: float, label: str) -> str:
    grid = "".join(
        f'<path class="grid" d="M{LEFT} {_y(at, height):.2f}H{WIDTH - RIGHT}"/>'
        f'<text class="axis" x="{LEFT - 8}" y="{_y(at, height) + 4:.2f}" text-anchor="end">{at:g}</text>'
        for at in GRID
    )
    return (
        f'<svg viewBox="0 0 {WIDTH:.0f} {TOP + height + BOTTOM:.0f}" role="img" aria-label="{escape(label)}">'
        f"{grid}{inside}{_depths(names, height)}</svg>"
    )


def _depths(names: Sequence[str], height: float) -> str:
    """Below the bands: few sites have their names, many their numbers in the table."""
    band, _ = _bands(len(names))
    named = len(names) <= NAMED
    step = 1 if len(names) <= TICKS else 5 if len(names) <= 5 * TICKS else 10 * -(-len(names) // (10 * TICKS))
    shown = [i for i in range(len(names)) if named or step == 1 or i == 0 or (i + 1) % step == 0]
    texts = [middle(names[i], int(band / 8)) if named else str(i + 1) for i in shown]
    return "".join(
        f'<text class="axis" x="{LEFT + band * (i + 0.5):.2f}" y="{TOP + height + 17:.2f}" text-anchor="middle">'
        f"{escape(text)}</text>"
        for i, text in zip(shown, texts, strict=True)
    )
