"""Charts over depth as inline SVG: one band per site, of the same width in every chart."""

from collections.abc import Sequence
from html import escape
from itertools import groupby

from ..values.estimate import Estimate
from .formatting import share, truncate_middle

WIDTH, LEFT, RIGHT = 1080.0, 44.0, 8.0
TOP, BOTTOM = 8.0, 24.0
MAX_NAMED_SITES, MAX_NUMBERED_SITES = 8, 24
"""Largest numbers of sites for which the axis shows every name, or every number; above, numbers at round steps."""
GRID = (0.0, 0.25, 0.5, 0.75, 1.0)


def stacked_bars(names: Sequence[str], dead: Sequence[float], linear: Sequence[float], *, label: str) -> str:
    """Draw a bar of height 1 per site: dead at the bottom, linear at the top, nonlinear between them.

    Args:
        names: of the sites, printable.
        dead: shares.
        linear: shares.
        label: description of the chart for screen readers.
    """
    height = 170.0
    band, bar = _bands(len(names))
    parts = []
    for i, (name, low, high) in enumerate(zip(names, dead, linear, strict=True)):
        x = LEFT + band * i + (band - bar) / 2
        tooltip = (
            f"{i + 1}  {name}: dead {share(low)}, linear {share(high)}, nonlinear {share(max(0.0, 1 - low - high))}"
        )
        rows = (("nonlinear", 0.0, 1.0), ("dead", 0.0, _visible(low)), ("linear", 1 - _visible(high), _visible(high)))
        boxes = "".join(
            f'<rect class="{kind}" x="{x:.2f}" y="{_y(ground + part, height):.2f}" '
            f'width="{bar:.2f}" height="{part * height:.2f}"/>'
            for kind, ground, part in rows
            if part > 0
        )
        parts.append(f"<g><title>{escape(tooltip)}</title>{boxes}</g>")
    return _frame("".join(parts), names, height, label)


def line_chart(names: Sequence[str], values: Sequence[float | Estimate | None], *, label: str, kind: str) -> str:
    """Draw a dot per site with a value, joined to its neighbours; estimates get a whisker of one standard error.

    Args:
        names: of the sites, printable.
        values: shares; None leaves a gap.
        label: description of the chart for screen readers.
        kind: CSS class of the line.
    """
    height = 110.0
    band, _ = _bands(len(names))
    radius = max(2.0, min(4.0, band / 3))
    dots = [
        None if value is None else (LEFT + band * (i + 0.5), _y(min(float(value), 1.0), height), value, i)
        for i, value in enumerate(values)
    ]
    parts = []
    for known, run in groupby(dots, key=lambda dot: dot is not None):
        if known:
            points = " ".join(f"{dot[0]:.2f},{dot[1]:.2f}" for dot in run if dot)
            parts.append(f'<polyline class="{kind}" points="{points}"/>')
    for x, y, estimate, i in filter(None, dots):
        value, error = float(estimate), estimate.error if isinstance(estimate, Estimate) else 0.0
        ends = _y(min(1.0, value + error), height), _y(max(0.0, value - error), height)
        whisker = f'<path class="{kind}" d="M{x:.2f} {ends[0]:.2f}V{ends[1]:.2f}"/>' if error else ""
        tooltip = f"{i + 1}  {names[i]}: {share(value)}" + (f" ± {error:.2g} (estimate)" if error else "")
        mark = f'{whisker}<circle class="{kind}" cx="{x:.2f}" cy="{y:.2f}" r="{radius:.2f}"/>'
        parts.append(f"<g><title>{escape(tooltip)}</title>{mark}</g>")
    return _frame("".join(parts), names, height, label)


def _bands(sites: int) -> tuple[float, float]:
    """Return the width of a site's band and of the bar in it."""
    band = (WIDTH - LEFT - RIGHT) / sites
    return band, min(56.0, band * 0.78)


def _visible(part: float) -> float:
    """Return the height of a share, at least that of a visible line unless it is 0."""
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
        f"{grid}{inside}{_draw_axis(names, height)}</svg>"
    )


def _draw_axis(names: Sequence[str], height: float) -> str:
    """Draw the axis below the bands: names of few sites, numbers in the table of many."""
    band, _ = _bands(len(names))
    named = len(names) <= MAX_NAMED_SITES
    most = MAX_NUMBERED_SITES
    step = 1 if len(names) <= most else 5 if len(names) <= 5 * most else 10 * -(-len(names) // (10 * most))
    shown = [i for i in range(len(names)) if named or step == 1 or i == 0 or (i + 1) % step == 0]
    texts = [truncate_middle(names[i], int(band / 8)) if named else str(i + 1) for i in shown]
    return "".join(
        f'<text class="axis" x="{LEFT + band * (i + 0.5):.2f}" y="{TOP + height + 17:.2f}" text-anchor="middle">'
        f"{escape(text)}</text>"
        for i, text in zip(shown, texts, strict=True)
    )
