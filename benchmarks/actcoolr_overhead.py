"""What ActCooLR costs: time and memory of training with it over training at a fixed rate, on the same net and data.

A round is as many steps as lie between two measurements, so that there is one in each; the two take turns, and a ratio
is the median over the rounds, so that a machine that changes its pace changes it for both. Processor time is that of
all threads, and what to trust on a busy machine. The first step, before which rates are tried, is told apart. Memory is
what the first steps add to a fresh process at their peak, that fit included; there freed memory goes back to the system
at once, so that the peak is what was in use and not what the allocator kept.

    python benchmarks/actcoolr_overhead.py [--device cpu] [--threads 2] [--rounds 20] [--every 8]
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from separation_overhead import mlp, peak, resnet20
from torch import nn
from torch.nn import functional

from relucid.plugins.torch import ActCooLR

VARIANTS = ("plain", "actcoolr")
NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "CIFAR ResNet-20, batch 128": (resnet20, (128, 3, 32, 32)),
    "MLP 784-5x512-10, batch 128": (mlp, (128, 784)),
    "MLP 784-5x512-10, batch 1024": (mlp, (1024, 784)),
}
Times = tuple[float, float]
AT_ONCE = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
"""What makes glibc give memory back."""


def stepper(net: str, variant: str, device: str, every: int) -> Callable[[], None]:
    """One training step of a fresh net; labels are new in each, lest it know them and nothing be left to learn."""
    torch.manual_seed(0)
    make, shape = NETS[net]
    model = make().to(device)
    x = torch.randn(shape, device=device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9)
    schedule = None
    if variant == "actcoolr":
        schedule = ActCooLR(optimizer, model, total_steps=10_000, start_temperature=1.0, probe_every=every)

    def step() -> None:
        y = torch.randint(0, 10, shape[:1], device=device)
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()
        if device == "cuda":
            torch.cuda.synchronize()

    return step


def measured(act: Callable[[], None], times: int) -> Times:
    """Seconds, and processor seconds of all threads."""
    start = time.perf_counter(), time.process_time()
    for _ in range(times):
        act()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def rounds_of(net: str, device: str, rounds: int, every: int) -> tuple[dict[str, Times], dict[str, list[Times]]]:
    """The first step of each, and its rounds, after one to warm up."""
    steps = {variant: stepper(net, variant, device, every) for variant in VARIANTS}
    first = {variant: measured(step, 1) for variant, step in steps.items()}
    found: dict[str, list[Times]] = {variant: [] for variant in VARIANTS}
    for turn in range(rounds + 1):
        order = VARIANTS if turn % 2 else VARIANTS[::-1]
        for variant in order:
            times = measured(steps[variant], every)
            if turn:
                found[variant].append(times)
    return first, found


def megabytes(net: str, variant: str, device: str, every: int) -> float:
    """Memory that the first steps add at their peak, in this process."""
    step = stepper(net, variant, device, every)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        measure, unit = torch.cuda.max_memory_allocated, 2**20
    else:
        before, measure, unit = peak(), peak, 2**10
    for _ in range(2 * every):
        step()
    return (measure() - before) / unit


def main() -> None:
    """Print one row for each net."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--every", type=int, default=8)
    parser.add_argument("--nets", default="", help="only those whose names contain this")
    parser.add_argument("--memory-of", nargs=2, metavar=("NET", "VARIANT"), help="print one row's memory, for itself")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.memory_of:
        print(megabytes(*options.memory_of, options.device, options.every))
        return
    print(
        f"torch {torch.__version__}, {options.device}, {options.threads} threads, median of {options.rounds} rounds of "
        f"{options.every} steps"
    )
    print(f"{'':30}{'ms a step':>10}{'time':>8}{'processor':>11}{'first step':>12}{'MB':>7}{'memory':>9}")
    for net in NETS:
        if options.nets not in net:
            continue
        first, times = rounds_of(net, options.device, options.rounds, options.every)
        ratios = [
            statistics.median(ours[kind] / plain[kind] for ours, plain in zip(*reversed(times.values()), strict=True))
            for kind in range(2)
        ]
        plain = statistics.median(wall for wall, _ in times["plain"]) / options.every
        command = [sys.executable, __file__, "--device", options.device, "--threads", str(options.threads)]
        command += ["--every", str(options.every)]
        memory = [
            float(
                subprocess.run(
                    [*command, "--memory-of", net, variant],
                    capture_output=True,
                    text=True,
                    check=True,
                    env={**os.environ, **AT_ONCE},
                ).stdout
            )
            for variant in VARIANTS
        ]
        print(
            f"{net:30}{plain * 1e3:>10.1f}{ratios[0]:>7.3f}x{ratios[1]:>10.3f}x"
            f"{first['actcoolr'][1] / first['plain'][1]:>11.1f}x{memory[1]:>7.0f}{memory[1] / memory[0]:>8.2f}x"
        )


if __name__ == "__main__":
    main()
