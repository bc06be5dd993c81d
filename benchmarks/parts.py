"""Breakdown of the time of an analysis, measured by enabling its parts one after another."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

from costs import Costs, ratio
from subjects import Net


def steps(path: Path, net: Net, threads: int, *, portable: bool) -> dict[str, Callable[[], object]]:
    """Return calls of the analysis with more and more parts enabled."""
    from plain import open_plain, run_plain

    from relucid.analyzer.analysis import observe
    from relucid.analyzer.model import load
    from relucid.analyzer.native import PatternTable
    from relucid.analyzer.options import Options
    from relucid.analyzer.runtime.stream import PROOF
    from relucid.analyzer.stats import Patterns

    inputs = [net.inputs(seed) for seed in range(net.batches)]

    def run(*measures: str, samples: int | None = None, without: Sequence[tuple[type, str]] = ()) -> object:
        options = Options(measures=measures, threads=threads, limit=samples, portable=portable)
        with ExitStack() as stack:
            for owner, method in without:
                stack.enter_context(patch.object(owner, method, lambda *_, **__: None))
            return observe(load(path), inputs, options)

    counting = (Patterns, "of") if portable else (PatternTable, "add")
    return {
        "plain": lambda: run_plain(path, inputs, threads),
        "plain start": lambda: open_plain(path, threads),
        "start": lambda: run("units", samples=PROOF + 1),
        "extents": lambda: run("units", "points"),
        "keys": lambda: run("patterns", without=[] if portable else [counting]),
        "patterns": lambda: run("patterns"),
        "co-moments": lambda: run("vni"),
        "all": lambda: run("units", "points", "patterns", "vni"),
    }


def profile(costs: Costs, kind: str) -> dict[str, float]:
    """Return the cost of each part of the analysis, relative to plain onnxruntime."""
    of = {name: ratio(costs, name, kind) for name in costs if " over " not in name and name != "plain"}
    return {
        "start-up": of["start"] - of["plain start"],
        "run, extents and points": of["extents"] - of["start"] + of["plain start"],
        "keys of patterns": of["keys"] - of["extents"],
        "tables of patterns": of["patterns"] - of["keys"],
        "co-moments": of["co-moments"] - of["extents"],
        "all": of["all"],
    }
