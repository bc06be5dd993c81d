"""Cost of ActCooLR: time and memory of training with it, relative to training at a fixed rate.

A round has as many steps as there are between two measurements, so each contains one measurement. Both variants
alternate and a ratio is the median over the rounds, so that changes in the speed of the machine affect both alike.
Processor time is summed over threads; it is the more reliable number on a busy machine. The first step, before which
rates are tried, is reported separately. Memory is the peak that the first steps, with the first fit, add to a fresh
process, which returns freed memory to the system at once, so that the peak excludes what the allocator keeps.

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
"""Environment in which glibc returns freed memory to the system."""


def make_step(net: str, variant: str, device: str, every: int) -> Callable[[], None]:
    """Return a function that makes one training step of a new net, each with new labels so that the loss stays high."""
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


def measure(act: Callable[[], None], times: int) -> Times:
    """Return seconds, and processor seconds of all threads."""
    start = time.perf_counter(), time.process_time()
    for _ in range(times):
        act()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def measure_rounds(net: str, device: str, rounds: int, every: int) -> tuple[dict[str, Times], dict[str, list[Times]]]:
    """Return the times of the first step and of all rounds of each variant, after one round to warm up."""
    steps = {variant: make_step(net, variant, device, every) for variant in VARIANTS}
    first = {variant: measure(step, 1) for variant, step in steps.items()}
    rounds_by_variant: dict[str, list[Times]] = {variant: [] for variant in VARIANTS}
    for turn in range(rounds + 1):
        order = VARIANTS if turn % 2 else VARIANTS[::-1]
        for variant in order:
            times = measure(steps[variant], every)
            if turn:
                rounds_by_variant[variant].append(times)
    return first, rounds_by_variant


def measure_memory(net: str, variant: str, device: str, every: int) -> float:
    """Return the peak memory that the first steps add in this process, in MiB."""
    step = make_step(net, variant, device, every)
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
    """Print one row per net."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--every", type=int, default=8)
    parser.add_argument("--nets", default="", help="only nets whose names contain this")
    parser.add_argument("--memory-of", nargs=2, metavar=("NET", "VARIANT"), help="print the memory of one row only")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.memory_of:
        print(measure_memory(*options.memory_of, options.device, options.every))
        return
    print(
        f"torch {torch.__version__}, {options.device}, {options.threads} threads, median of {options.rounds} rounds of "
        f"{options.every} steps"
    )
    print(f"{'':30}{'ms a step':>10}{'time':>8}{'processor':>11}{'first step':>12}{'MB':>7}{'memory':>9}")
    for net in NETS:
        if options.nets not in net:
            continue
        first, times = measure_rounds(net, options.device, options.rounds, options.every)
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
