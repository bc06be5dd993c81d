"""What `relucid.analyze` costs over plain onnxruntime: time, memory, growth, and where it goes.

Run as `python benchmarks/analyze_overhead.py`; `--help` tells the options, README.md beside it what is printed.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

from images import smooth

HERE = Path(__file__).parent
GROWTH = (1, 4, 16)


@dataclass(frozen=True)
class Net:
    """A network to time.

    Args:
        title: its name in the tables.
        shape: of one sample.
        batch: samples in a run of plain onnxruntime.
        batches: how many of them are run.
    """

    title: str
    shape: tuple[int, ...]
    batch: int
    batches: int


NETS = {
    "resnet18": Net("ResNet-18, 224 x 224, batch 8", (3, 224, 224), 8, 8),
    "resnet20": Net("ResNet-20, 32 x 32, batch 128", (3, 32, 32), 128, 8),
    "mlp": Net("MLP 784-5x512-10, batch 1024", (784,), 1024, 32),
}


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


def rounds(calls: Mapping[str, Callable[[], object]], repeats: int) -> Costs:
    """The costs of all calls, once in every round, after one round to warm up; each round goes the other way."""
    for call in calls.values():
        call()
    costs: dict[str, list[Cost]] = {name: [] for name in calls}
    for place in range(repeats):
        for name in list(calls)[:: 1 if place % 2 else -1]:
            costs[name].append(cost(calls[name]))
    return costs


def ratio(costs: Costs, name: str, kind: str, base: str = "plain") -> float:
    """Median over the rounds of one call's cost over that of another in the same round."""
    pairs = zip(costs[name], costs[base], strict=True)
    return median(getattr(one, kind) / getattr(other, kind) for one, other in pairs)


def contenders(path: Path, net: Net, threads: int) -> dict[str, Callable[[], object]]:
    """What is compared, each from the file to its last number, on the same images in memory."""
    from calibrator import run_calibrator
    from plain import run_plain

    import relucid

    images = [smooth(net.batch, net.shape, seed=seed) for seed in range(net.batches)]
    return {
        "plain": lambda: run_plain(path, images, threads),
        "analyze": lambda: relucid.analyze(path, images, threads=threads),
        "calibrator": lambda: run_calibrator(path, images, threads),
    }


def steps(path: Path, net: Net, threads: int) -> dict[str, Callable[[], object]]:
    """The analysis with more and more switched on."""
    from unittest.mock import patch

    from plain import open_plain, run_plain

    from relucid.analyzer.analysis import observe
    from relucid.analyzer.collect import Collector
    from relucid.analyzer.model import load
    from relucid.analyzer.options import Options
    from relucid.analyzer.stream import Stream

    images = [smooth(net.batch, net.shape, seed=seed) for seed in range(net.batches)]

    def seen(*measures: str, samples: int | None = None, without: Sequence[tuple[type, str]] = ()) -> object:
        options = Options(measures=measures, threads=threads, limit=samples)
        with ExitStack() as stack:
            for owner, method in without:
                stack.enter_context(patch.object(owner, method, lambda *_, **__: None))
            return observe(load(path), images, options)

    every = ("units", "points", "patterns", "vni")
    return {
        "plain": lambda: run_plain(path, images, threads),
        "plain start": lambda: open_plain(path, threads),
        "start": lambda: seen("units", samples=1),
        "taps": lambda: seen("units", without=[(Stream, "_reduce")]),
        "extents": lambda: seen("units", "points", without=[(Collector, "take")]),
        "patterns": lambda: seen("units", "points", "patterns", without=[(Collector, "take")]),
        "co-moments": lambda: seen("units", "points", "vni", without=[(Collector, "take")]),
        "unmerged": lambda: seen(*every, without=[(Collector, "take")]),
        "all": lambda: seen(*every),
    }


def profile(costs: Costs, kind: str) -> dict[str, float]:
    """Cost of each part of the analysis, in costs of plain onnxruntime."""
    of = {name: ratio(costs, name, kind) for name in costs}
    return {
        "start-up": of["start"] - of["plain start"],
        "runtime with taps": of["taps"] - of["start"] + of["plain start"],
        "extents and points": of["extents"] - of["taps"],
        "patterns": of["patterns"] - of["extents"],
        "co-moments": of["co-moments"] - of["extents"],
        "merging": of["all"] - of["unmerged"],
        "all": of["all"],
    }


def job(kind: str, path: Path, net: Net, batches: int, threads: int) -> dict[str, float]:
    """Seconds, and megabytes at the peak and after the imports, of one run in this process, which must be fresh.

    The images are made batch by batch, so that they never stand in memory together; the time to make them is left out.
    """
    import plain

    if kind == "analyze":
        from relucid.analyzer import analysis
    imports = peak()
    making = 0.0

    def images() -> Iterator[object]:
        nonlocal making
        for seed in range(batches):
            start = time.perf_counter()
            batch = smooth(net.batch, net.shape, seed=seed)
            making += time.perf_counter() - start
            yield batch

    start = time.perf_counter()
    if kind == "analyze":
        analysis.analyze(path, images(), threads=threads)
    else:
        plain.run_plain(path, images(), threads)
    return {"seconds": time.perf_counter() - start - making, "peak": peak(), "imports": imports}


def peak() -> float:
    """Most memory this process has held, in MiB (Linux; `ru_maxrss` would count what its parent held)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 2**10


def fresh(script: str, *words: object) -> dict[str, float]:
    """What a script beside this one prints as json, run in a fresh process."""
    command = [sys.executable, str(HERE / script), *map(str, words)]
    result: dict[str, float] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return result


@contextmanager
def exported(names: Sequence[str]) -> Iterator[dict[str, Path]]:
    """The networks as files in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.onnx" for name in names}
        for name, path in paths.items():
            command = [sys.executable, str(HERE / "nets.py"), name, str(path)]
            subprocess.run(command, check=True, capture_output=True)
        yield paths


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a markdown table; all columns but the first are numbers."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    print("\n".join(f"| {' | '.join(line)} |" for line in lines), end="\n\n", flush=True)


def machine(threads: int) -> str:
    """The processor, what runs on it, and how busy it is with other things."""
    from threadpoolctl import threadpool_info

    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    blas = ", ".join(f"{one['internal_api']} {one['version']} ({one.get('architecture')})" for one in threadpool_info())
    packages = ", ".join(f"{name} {version(name)}" for name in ("onnxruntime", "numpy", "torch"))
    load = os.getloadavg()[1]
    return (
        f"{model}, {os.cpu_count()} cores, {threads} threads used, load of the last minutes {load:.1f}; "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {packages}, {blas}."
    )


def compare(paths: Mapping[str, Path], threads: int, repeats: int, *, slow: int) -> None:
    """Print the table of ratios."""
    heads = ["network", "plain, ms a batch", "analyze: time", "processor time"]
    heads += ["peak memory", "memory above imports", "MinMax calibrator: time", "PyTorch hooks: time"]
    rows = []
    for name, path in paths.items():
        net = NETS[name]
        costs = rounds(contenders(path, net, threads), repeats)
        words = ("--net", name, "--path", path, "--batches", net.batches, "--threads", threads)
        plain, analysis = (fresh(Path(__file__).name, "--job", kind, *words) for kind in ("plain", "analyze"))
        above = (analysis["peak"] - analysis["imports"]) / (plain["peak"] - plain["imports"])
        hooks = fresh("hooks.py", name, path, net.batch, threads, slow)
        rows.append(
            [
                net.title,
                f"{median(c.wall for c in costs['plain']) / net.batches * 1e3:.0f}",
                f"{ratio(costs, 'analyze', 'wall'):.2f}x",
                f"{ratio(costs, 'analyze', 'processor'):.2f}x",
                f"{plain['peak']:.0f} -> {analysis['peak']:.0f} MiB, {analysis['peak'] / plain['peak']:.2f}x",
                f"{above:.2f}x",
                f"{ratio(costs, 'calibrator', 'wall'):.2f}x",
                f"{hooks['hooks'] / hooks['plain']:.0f}x",
            ]
        )
    print(f"## Over plain onnxruntime (medians of {repeats} rounds; of {slow} for the hooks, which are slow)\n")
    table(heads, rows)


def grow(paths: Mapping[str, Path], threads: int) -> None:
    """Print what more data cost."""
    rows = []
    for name, path in paths.items():
        batches = NETS[name].batches // 4
        words = ("--job", "analyze", "--net", name, "--path", path, "--threads", threads)
        found = [fresh(Path(__file__).name, *words, "--batches", batches * times) for times in GROWTH]
        cells = [f"{one['seconds'] / found[0]['seconds']:.1f}x, {one['peak']:.0f} MiB" for one in found]
        rows.append([NETS[name].title, f"{batches * NETS[name].batch}", *cells])
    print("## Growth: time and peak memory of `analyze`\n")
    table(["network", "samples", *(f"{times} times" for times in GROWTH)], rows)


def explain(paths: Mapping[str, Path], threads: int, repeats: int) -> None:
    """Print where the time goes."""
    print(f"## Where it goes, in processor time of plain onnxruntime (medians of {repeats} rounds)\n")
    parts = {
        NETS[name].title: profile(rounds(steps(path, NETS[name], threads), repeats), "processor")
        for name, path in paths.items()
    }
    heads = list(next(iter(parts.values())))
    table(["network", *heads], [[title, *(f"{found[head]:.2f}" for head in heads)] for title, found in parts.items()])


def main() -> None:
    """Print all tables, or do one job of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count() or 1, help="of every contender; default: all cores"
    )
    parser.add_argument("--repeats", type=int, default=11, help="rounds in which each contender runs once")
    parser.add_argument("--nets", default=",".join(NETS), help="which networks, separated by commas")
    parser.add_argument("--quick", action="store_true", help="one round of everything: a look, not a result")
    for hidden in ("--job", "--net", "--path", "--batches"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.job:
        found = job(chosen.job, Path(chosen.path), NETS[chosen.net], int(chosen.batches), chosen.threads)
        print(json.dumps(found))
        return
    repeats = 1 if chosen.quick else chosen.repeats
    print("# Cost of `relucid analyze` with its default measures\n")
    print(machine(chosen.threads), end="\n\n", flush=True)
    with exported(chosen.nets.split(",")) as paths:
        compare(paths, chosen.threads, repeats, slow=min(3, repeats))
        grow(paths, chosen.threads)
        explain(paths, chosen.threads, max(1, repeats // 2))


if __name__ == "__main__":
    main()
