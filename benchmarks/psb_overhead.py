"""Cost of a model rewritten by `relucid psb` relative to the float model in onnxruntime, and a breakdown of its time.

Run as `python benchmarks/psb_overhead.py`; `--help` lists the options, benchmarks/README.md explains the tables.
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
from subjects import NETS, export_nets
from tables import describe_machine, print_table

Run = Callable[[], object]

TITLES = {"resnet18": "ResNet-18, 224 x 224", "resnet20": "ResNet-20, 32 x 32"}
SAMPLES = (1, 4, 16, 64)
PARTS = ("drawing", "windows", "product", "the rest")


def contenders(path: Path, rewritten: Path, x: np.ndarray, samples: Sequence[int], threads: int) -> dict[str, Run]:
    """Return calls of one inference: the float model, and the rewritten one at each number of samples."""
    plain, ours = open_plain(path, threads), open_plain(rewritten, threads)
    name = plain.get_inputs()[0].name
    feeds = [{name: x, "samples": np.array(n)} for n in samples]
    calls: dict[str, Run] = {"plain": lambda: plain.run(None, {name: x})}
    return calls | {str(n): lambda feed=feed: ours.run(None, feed) for n, feed in zip(samples, feeds, strict=True)}


def rewrite(path: Path, folder: Path, x: np.ndarray) -> Path:
    """Rewrite the model, with its fixed point calibrated on a few images, and save it."""
    from relucid.plugins import psb

    out = folder / f"{path.stem}.psb.onnx"
    psb.save(psb.rewrite(path, calibrate=x), out)
    return out


def profile_parts(rewritten: Path, x: np.ndarray, samples: int, threads: int) -> dict[str, float]:
    """Return the share of each part in the time of one inference, from onnxruntime's profile of its nodes.

    Drawing the weights is identified by its types (uint64, int32, bool, and float64 matrices), gathering the windows of
    a convolution by Gather, the product by MatMul. Of all runs of the same node the shortest counts, since on a busy
    machine the others measure other processes.
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
    durations: dict[tuple[str, str], list[int]] = {}
    for event in events:
        node = event.get("cat") == "Node" and event["name"].endswith("kernel_time")
        if node and event["args"]["op_name"] != "Scan":  # its inner nodes have their own events
            work = json.dumps([event["name"], event["args"]["input_type_shape"]])  # names are not unique across Scans
            durations.setdefault((part_of(event["args"]), work), []).append(event["dur"])
    spent: Counter[str] = Counter()
    for (part, _), times in durations.items():
        spent[part] += min(times) * len(times)
    return {one: spent[one] / spent.total() for one in PARTS}


def part_of(node: Mapping[str, object]) -> str:
    """Return the part a node belongs to, from its operator and types."""
    shapes = [one for side in ("input_type_shape", "output_type_shape") for one in node[side]]
    types = {kind for one in shapes for kind in one}
    if types & {"uint64", "int32", "bool"}:
        return "drawing"
    output = node["output_type_shape"][0] if node["output_type_shape"] else {}
    if node["op_name"] in {"Mul", "Reshape"} and "double" in output:
        return "drawing"
    return {"Gather": "windows", "MatMul": "product", "FusedMatMul": "product"}.get(str(node["op_name"]), "the rest")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count() or 1, help="threads of all contenders; default: all cores"
    )
    parser.add_argument("--repeats", type=int, default=5, help="rounds; each contender runs once per round")
    parser.add_argument("--nets", default=",".join(TITLES), help="networks, separated by commas")
    parser.add_argument("--batches", default="1,8,32", help="batch sizes, separated by commas")
    parser.add_argument("--samples", default=",".join(map(str, SAMPLES)), help="values of n, separated by commas")
    chosen = parser.parse_args()
    batches = [int(batch) for batch in chosen.batches.split(",")]
    samples = [int(n) for n in chosen.samples.split(",")]
    print("# Cost of progressive stochastic binarization over the float model\n")
    print(describe_machine(chosen.threads), end="\n\n", flush=True)
    rows, shares = [], []
    with export_nets(chosen.nets.split(",")) as paths, tempfile.TemporaryDirectory() as folder:
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
                found = profile_parts(rewritten, x, 16, chosen.threads)
                shares.append([TITLES[name], str(batch), *(f"{found[part]:.0%}" for part in PARTS)])
    print(f"## Processor time (and time) over the float model, medians of {chosen.repeats} rounds\n")
    print_table(["network", "batch", "float, ms", *(f"n = {n}" for n in samples)], rows)
    print("## Where it goes at n = 16\n")
    print_table(["network", "batch", *PARTS], shares)


if __name__ == "__main__":
    main()
