"""Cost of `relucid.analyze` relative to plain onnxruntime: time, memory, growth with the data, and a breakdown.

Run as `python benchmarks/analyze_overhead.py`; `--help` lists the options, benchmarks/README.md explains the tables.
"""

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

from costs import further, ratio, rounds
from fresh import run_fresh
from parts import profile, steps
from subjects import NETS, export_nets
from tables import describe_machine, print_table

GROWTH = (1, 4, 16)
TABLES = "compare,further,weigh,grow,explain"
PATTERNS = ("units", "points", "patterns")
EXACT, PAST = 2**22, 2**12
"""Capacities of pattern tables: one for all patterns of the data, and one that a few batches fill."""
ROWS: Mapping[str, tuple[tuple[str, ...], int]] = {
    "exact patterns": (PATTERNS, EXACT),
    "patterns past capacity": (PATTERNS, PAST),
    "with VNI": ((*PATTERNS, "vni"), EXACT),
}
"""Measures and capacity of each row."""


def contenders(
    name: str, path: Path, threads: int, *, portable: bool, share: int = 1
) -> dict[str, Callable[[], object]]:
    """Return plain onnxruntime and the rows of the table as calls, on 1 / `share` of the batches."""
    from plain import run_plain

    import relucid

    net = NETS[name]
    inputs = [net.inputs(seed) for seed in range(net.batches // share)]

    def row(measures: tuple[str, ...], capacity: int) -> Callable[[], object]:
        return lambda: relucid.analyze(
            path, inputs, measures=measures, capacity=capacity, threads=threads, portable=portable
        )

    return {"plain": lambda: run_plain(path, inputs, threads)} | {name: row(*its) for name, its in ROWS.items()}


def compare(paths: Mapping[str, Path], threads: int, repeats: int, *, portable: bool) -> None:
    """Print the ratios of time and of processor time."""
    found = {name: rounds(contenders(name, path, threads, portable=portable), repeats) for name, path in paths.items()}
    plain = [f"{median(c.wall for c in its['plain']) / NETS[name].batches * 1e3:.0f}" for name, its in found.items()]
    rows = [["plain onnxruntime, ms a batch", *plain]]
    for row in ROWS:
        both = [(ratio(its, row, "wall"), ratio(its, row, "processor")) for its in found.values()]
        rows.append([row, *(f"{wall:.2f}x ({processor:.2f}x)" for wall, processor in both)])
    print(f"## Time over plain onnxruntime, and processor time (medians of {repeats} rounds)\n")
    print_table(["", *(NETS[name].title for name in paths)], rows)


def further_batches(paths: Mapping[str, Path], threads: int, repeats: int, *, portable: bool) -> None:
    """Print the ratios for each further batch, without the cost of starting up."""
    found = {
        name: further(
            contenders(name, path, threads, portable=portable),
            contenders(name, path, threads, portable=portable, share=4),
            repeats,
        )
        for name, path in paths.items()
    }
    rows = [[row, *(f"{its[row].wall:.2f}x ({its[row].processor:.2f}x)" for its in found.values())] for row in ROWS]
    print(f"## Time of each further batch over plain onnxruntime, and processor time (medians of {repeats} rounds)\n")
    print_table(["", *(NETS[name].title for name in paths)], rows)


def compare_memory(paths: Mapping[str, Path], threads: int, kind: str) -> None:
    """Print peak memory, and the time of the alternatives to relucid."""
    from calibrator import run_calibrator
    from plain import run_plain

    heads = ["network", "peak memory", "memory above imports", "MinMax calibrator: time", "PyTorch hooks: time"]
    rows = []
    for name, path in paths.items():
        net = NETS[name]
        words = (name, path, net.batches, threads)
        plain, analysis = (run_fresh("fresh.py", each, *words) for each in ("plain", kind))
        above = (analysis["peak"] - analysis["imports"]) / (plain["peak"] - plain["imports"])
        hooks = run_fresh("hooks.py", name, path, net.batch, threads, 3)
        inputs = [net.inputs(seed) for seed in range(net.batches // 4)]
        calls = {
            "plain": lambda path=path, inputs=inputs: run_plain(path, inputs, threads),
            "calibrator": lambda path=path, inputs=inputs: run_calibrator(path, inputs, threads),
        }
        rows.append(
            [
                net.title,
                f"{plain['peak']:.0f} -> {analysis['peak']:.0f} MiB, {analysis['peak'] / plain['peak']:.2f}x",
                f"{above:.2f}x",
                f"{ratio(rounds(calls, 3), 'calibrator', 'wall'):.2f}x",
                f"{hooks['hooks'] / hooks['plain']:.0f}x",
            ]
        )
    print("## Memory with the default measures, and what one would do without relucid\n")
    print_table(heads, rows)


def grow(paths: Mapping[str, Path], threads: int, kind: str) -> None:
    """Print time and peak memory for more data."""
    rows = []
    for name, path in paths.items():
        batches = NETS[name].batches // 8
        found = [run_fresh("fresh.py", kind, name, path, batches * times, threads) for times in GROWTH]
        cells = [f"{one['seconds'] / found[0]['seconds']:.1f}x, {one['peak']:.0f} MiB" for one in found]
        rows.append([NETS[name].title, f"{batches * NETS[name].batch}", *cells])
    print("## Growth: time and peak memory\n")
    print_table(["network", "samples", *(f"{times} times" for times in GROWTH)], rows)


def explain(paths: Mapping[str, Path], threads: int, repeats: int, *, portable: bool) -> None:
    """Print the time of each part of the analysis."""
    print(f"## Where it goes, in processor time of plain onnxruntime (medians of {repeats} rounds)\n")
    parts = {
        NETS[name].title: profile(rounds(steps(path, NETS[name], threads, portable=portable), repeats), "processor")
        for name, path in paths.items()
    }
    heads = list(next(iter(parts.values())))
    print_table(
        ["network", *heads], [[title, *(f"{found[head]:.2f}" for head in heads)] for title, found in parts.items()]
    )


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count() or 1, help="threads of every contender; default: all cores"
    )
    parser.add_argument("--repeats", type=int, default=11, help="rounds; each contender runs once per round")
    parser.add_argument("--nets", default=",".join(NETS), help="networks, separated by commas")
    parser.add_argument("--portable", action="store_true", help="count with numpy, not with native probes")
    parser.add_argument("--tables", default=TABLES, help="tables, separated by commas")
    parser.add_argument("--quick", action="store_true", help="one round of everything: an impression, not a result")
    chosen = parser.parse_args()
    repeats = 1 if chosen.quick else chosen.repeats
    kind = "portable" if chosen.portable else "analyze"
    print(f"# Cost of `relucid analyze{' --portable' * chosen.portable}`\n")
    print(describe_machine(chosen.threads), end="\n\n", flush=True)
    with export_nets(chosen.nets.split(",")) as paths:
        tables = chosen.tables.split(",")
        if "compare" in tables:
            compare(paths, chosen.threads, repeats, portable=chosen.portable)
        if "further" in tables:
            further_batches(paths, chosen.threads, repeats, portable=chosen.portable)
        if "weigh" in tables:
            compare_memory(paths, chosen.threads, kind)
        if "grow" in tables:
            grow(paths, chosen.threads, kind)
        if "explain" in tables:
            explain(paths, chosen.threads, max(1, repeats // 2), portable=chosen.portable)


if __name__ == "__main__":
    main()
