"""What a model rewritten by `relucid psb` costs over the float model in onnxruntime, and where the time goes.

Run as `python benchmarks/psb_overhead.py`; `--help` tells the options, README.md beside it what is printed.
"""

import argparse
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
from costs import ratio, rounds
from plain import open_plain, options
from subjects import NETS, exported
from tables import machine, table

Run = Callable[[], object]

TITLES = {"resnet18": "ResNet-18, 224 x 224", "resnet20": "ResNet-20, 32 x 32"}
SAMPLES = (1, 4, 16, 64)
PARTS = ("drawing", "windows", "product", "the rest")


def contenders(path: Path, rewritten: Path, x: np.ndarray, samples: Sequence[int], threads: int) -> dict[str, Run]:
    """One inference of a batch: the float model, and the rewritten one at each number of samples."""
    plain, ours = open_plain(path, threads), open_plain(rewritten, threads)
    name = plain.get_inputs()[0].name
    knobs = [{name: x, "samples": np.array(n)} for n in samples]
    calls: dict[str, Run] = {"plain": lambda: plain.run(None, {name: x})}
    return calls | {str(n): lambda feed=feed: ours.run(None, feed) for n, feed in zip(samples, knobs, strict=True)}


def rewrite(path: Path, folder: Path, x: np.ndarray) -> Path:
    """The model as shifts, its fixed point chosen on a few images."""
    from relucid.plugins import psb

    out = folder / f"{path.stem}.psb.onnx"
    psb.save(psb.rewrite(path, calibrate=x), out)
    return out


def parts(rewritten: Path, x: np.ndarray, samples: int, threads: int) -> dict[str, float]:
    """Share of the time of each part of one inference, as onnxruntime's profile of its nodes tells.

    The weights of a call are the only numbers in unsigned words, in int32 and in truth values, and the only matrices of
    float64 with two axes; a Gather by int64 puts the windows of a convolution together; a MatMul multiplies. Of all
    runs of the same work the shortest counts: on a busy machine the others tell of its neighbours.
    """
    with tempfile.TemporaryDirectory() as folder:
        chosen = options(threads)
        chosen.enable_profiling = True
        chosen.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(rewritten, chosen, providers=["CPUExecutionProvider"])
        feed = {session.get_inputs()[0].name: x, "samples": np.array(samples)}
        for _ in range(5):
            session.run(None, feed)
        events = json.loads(Path(session.end_profiling()).read_text())
    seen: dict[tuple[str, str], list[int]] = {}
    for event in events:
        node = event.get("cat") == "Node" and event["name"].endswith("kernel_time")
        if node and event["args"]["op_name"] != "Scan":  # the nodes inside it have events of their own
            work = json.dumps([event["name"], event["args"]["input_type_shape"]])  # names inside different Scans agree
            seen.setdefault((part_of(event["args"]), work), []).append(event["dur"])
    spent: Counter[str] = Counter()
    for (part, _), times in seen.items():
        spent[part] += min(times) * len(times)
    return {one: spent[one] / spent.total() for one in PARTS}


def part_of(node: Mapping[str, object]) -> str:
    """Which part a node belongs to, by what it computes on."""
    shapes = [one for way in ("input_type_shape", "output_type_shape") for one in node[way]]
    types = {kind for one in shapes for kind in one}
    if types & {"uint64", "int32", "bool"}:
        return "drawing"
    made = node["output_type_shape"][0] if node["output_type_shape"] else {}
    if node["op_name"] in {"Mul", "Reshape"} and "double" in made:
        return "drawing"
    return {"Gather": "windows", "MatMul": "product", "FusedMatMul": "product"}.get(str(node["op_name"]), "the rest")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of all; default: all cores")
    parser.add_argument("--repeats", type=int, default=5, help="rounds in which each contender runs once")
    parser.add_argument("--nets", default=",".join(TITLES), help="which networks, separated by commas")
    parser.add_argument("--batches", default="1,8,32", help="samples at once, separated by commas")
    parser.add_argument("--samples", default=",".join(map(str, SAMPLES)), help="numbers of samples")
    chosen = parser.parse_args()
    batches = [int(batch) for batch in chosen.batches.split(",")]
    samples = [int(n) for n in chosen.samples.split(",")]
    print("# Cost of progressive stochastic binarization over the float model\n")
    print(machine(chosen.threads), end="\n\n", flush=True)
    rows, shares = [], []
    with exported(chosen.nets.split(",")) as paths, tempfile.TemporaryDirectory() as folder:
        for name, path in paths.items():
            rewritten = rewrite(path, Path(folder), NETS[name].inputs(0, samples=2))
            for batch in batches:
                x = NETS[name].inputs(1, samples=batch)
                costs = rounds(contenders(path, rewritten, x, samples, chosen.threads), chosen.repeats)
                plain = median(one.processor for one in costs["plain"]) * 1e3
                cells = [
                    f"{ratio(costs, str(n), 'processor'):.2f}x ({ratio(costs, str(n), 'wall'):.2f}x)" for n in samples
                ]
                rows.append([TITLES[name], str(batch), f"{plain:.1f}", *cells])
                found = parts(rewritten, x, 16, chosen.threads)
                shares.append([TITLES[name], str(batch), *(f"{found[part]:.0%}" for part in PARTS)])
    print(f"## Processor time (and time) over the float model, medians of {chosen.repeats} rounds\n")
    table(["network", "batch", "float, ms", *(f"n = {n}" for n in samples)], rows)
    print("## Where it goes at n = 16\n")
    table(["network", "batch", *PARTS], shares)


if __name__ == "__main__":
    main()
