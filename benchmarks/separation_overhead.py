"""Cost of Separation: time and memory of a training step with it, relative to one without.

It is compared with the obvious code, which computes the same extremes by `amax` and `amin` and leaves their gradients
to autograd. Steps of the three alternate and a ratio is the median over the rounds, so that changes in the speed of the
machine affect all alike. Processor time is summed over threads; it is the more reliable number on a busy machine.
Memory is the peak that the steps add to a fresh process.

    python benchmarks/separation_overhead.py [--device cpu] [--threads 2] [--rounds 20] [--markdown]
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from relucid.plugins.torch import Capture, Separation
from relucid.plugins.torch.separation.extreme_values import Extremes
from relucid.plugins.torch.separation.separation_loss import penalty

VARIANTS = ("plain", "separation", "obvious")


class Block(nn.Module):
    """Two convolutions with batch norms and an identity shortcut, padded where the shape changes (option A)."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.conv1 = nn.Conv2d(width // stride, width, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """Map features (sample, channel, row, column) to the block's width."""
        y = self.norm2(self.conv2(functional.relu(self.norm1(self.conv1(x)))))
        if self.stride == 2:
            x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, x.shape[1] // 2, x.shape[1] // 2))
        return functional.relu(x + y)


def resnet20() -> nn.Module:
    """Build ResNet-20 for CIFAR, with 19 ReLUs."""
    blocks = [Block(16 * 2**stage, 2 if stage and not depth else 1) for stage in range(3) for depth in range(3)]
    stem = (nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def mlp() -> nn.Module:
    """Build the MLP 784-5x512-10."""
    layers = [layer for fan_in in (784, 512, 512, 512, 512) for layer in (nn.Linear(fan_in, 512), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(512, 10))


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "CIFAR ResNet-20, batch 128": (resnet20, (128, 3, 32, 32)),
    "MLP 784-5x512-10, batch 1024": (mlp, (1024, 784)),
}


class Obvious:
    """The same penalty, implemented directly from its definition."""

    def __init__(self, model: nn.Module) -> None:
        self.layers: list[Extremes] = []
        self.capture = Capture(model, self)

    def begin(self) -> bool:
        """Accept every forward."""
        return True

    def see(self, _: object, z: Tensor) -> None:
        """Store the extremes of units and points of a layer."""
        unit, point = (0, *range(2, z.dim())), tuple(range(1, z.dim()))
        high, low = (torch.cat([side(unit), side(point)]) for side in (z.amax, z.amin))
        self.layers.append(Extremes(high, low))

    def end(self, _: object) -> None:
        """Nothing to do."""

    def penalty(self) -> Tensor:
        """Return the mean deficit."""
        layers, self.layers = self.layers, []
        return penalty(layers, [1e-3] * len(layers))


def make_step(net: str, variant: str, device: str) -> Callable[[], None]:
    """Return a function that makes one training step of a new net."""
    torch.manual_seed(0)
    make, shape = NETS[net]
    model = make().to(device)
    x, y = torch.randn(shape, device=device), torch.randint(0, 10, shape[:1], device=device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9)
    term = {"separation": Separation, "obvious": Obvious}.get(variant, lambda _: None)(model)

    def step() -> None:
        loss = functional.cross_entropy(model(x), y)
        if term is not None:
            loss = loss + term.penalty()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()

    return step


def seconds(net: str, device: str, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Return time and processor time of every step, after two to warm up."""
    steps = {variant: make_step(net, variant, device) for variant in VARIANTS}
    times: dict[str, list[tuple[float, float]]] = {variant: [] for variant in VARIANTS}
    for turn in range(rounds + 2):
        for variant, step in steps.items():
            start = time.perf_counter(), time.process_time()
            step()
            if turn >= 2:
                times[variant].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return times


def ratios(times: dict[str, list[tuple[float, float]]], variant: str) -> tuple[float, float]:
    """Return medians over the rounds of the ratios of time and processor time to those of the plain step."""
    pairs = list(zip(times[variant], times["plain"], strict=True))
    wall, processor = (statistics.median(own[kind] / plain[kind] for own, plain in pairs) for kind in range(2))
    return wall, processor


def measure_memory(net: str, variant: str, device: str) -> float:
    """Return the peak memory that a few steps add in this process, in MiB."""
    step = make_step(net, variant, device)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        measure, unit = torch.cuda.max_memory_allocated, 2**20
    else:
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
        before, measure, unit = peak(), peak, 2**10
    for _ in range(4):
        step()
    return (measure() - before) / unit


def peak() -> int:
    """Return the peak memory of the process in kB (Linux)."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])


def main() -> None:
    """Print one row per net and variant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--memory-of", nargs=2, metavar=("NET", "VARIANT"), help="print the memory of one row only")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.memory_of:
        print(measure_memory(*options.memory_of, options.device))
        return
    title = f"torch {torch.__version__}, {options.device}, {options.threads} threads, medians of {options.rounds} steps"
    print(f"{title}, load {os.getloadavg()[0]:.1f}\n")
    line = "| {} | {} | {} | {} | {} | {} | {} |" if options.markdown else "{:30}{:12}{:>8}{:>8}{:>12}{:>7}{:>8}"
    print(line.format("network", "step", "ms", "time", "processor", "MiB", "memory"))
    if options.markdown:
        print("| --- | --- |" + " ---: |" * 5)
    for net in NETS:
        times = seconds(net, options.device, options.rounds)
        plain_memory = 0.0
        for variant in VARIANTS:
            command = [sys.executable, __file__, "--device", options.device, "--threads", str(options.threads)]
            run = subprocess.run([*command, "--memory-of", net, variant], capture_output=True, text=True, check=True)
            memory = float(run.stdout)
            plain_memory = memory if variant == "plain" else plain_memory
            wall, processor = ratios(times, variant)
            milliseconds = statistics.median(step[0] for step in times[variant]) * 1e3
            figures = f"{milliseconds:.1f}", f"{wall:.2f}x", f"{processor:.2f}x", f"{memory:.0f}"
            print(line.format(net, variant, *figures, f"{memory / plain_memory:.2f}x"))


if __name__ == "__main__":
    main()
