"""What Separation costs: time and memory of a training step with it over one without, on the same net and data.

Beside it the obvious code, which finds the same extremes by `amax` and `amin` and leaves their gradients to autograd.
Steps of the three take turns, and the ratio is the median over the rounds, so that a machine that changes its pace
changes it for all; processor time is that of all threads, and what to trust on a busy machine. Memory is what the
steps add to a fresh process at their peak.

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
    """Two convolutions with batch norms beside an identity, which is padded where the shape changes (option A)."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.conv1 = nn.Conv2d(width // stride, width, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        """Features to features."""
        y = self.norm2(self.conv2(functional.relu(self.norm1(self.conv1(x)))))
        if self.stride == 2:
            x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, x.shape[1] // 2, x.shape[1] // 2))
        return functional.relu(x + y)


def resnet20() -> nn.Module:
    """ResNet-20 for CIFAR: 19 ReLUs."""
    blocks = [Block(16 * 2**stage, 2 if stage and not depth else 1) for stage in range(3) for depth in range(3)]
    stem = (nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def mlp() -> nn.Module:
    """784-5x512-10."""
    layers = [layer for fan_in in (784, 512, 512, 512, 512) for layer in (nn.Linear(fan_in, 512), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(512, 10))


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "CIFAR ResNet-20, batch 128": (resnet20, (128, 3, 32, 32)),
    "MLP 784-5x512-10, batch 1024": (mlp, (1024, 784)),
}


class Obvious:
    """The same penalty, written down as it is defined."""

    def __init__(self, model: nn.Module) -> None:
        self.layers: list[Extremes] = []
        self.capture = Capture(model, self)

    def begin(self) -> bool:
        """Every forward counts."""
        return True

    def see(self, _: object, z: Tensor) -> None:
        """Units and points of a layer."""
        unit, point = (0, *range(2, z.dim())), tuple(range(1, z.dim()))
        high, low = (torch.cat([side(unit), side(point)]) for side in (z.amax, z.amin))
        self.layers.append(Extremes(high, low))

    def end(self, _: object) -> None:
        """Nothing to do."""

    def penalty(self) -> Tensor:
        """Mean deficit."""
        layers, self.layers = self.layers, []
        return penalty(layers, [1e-3] * len(layers))


def stepper(net: str, variant: str, device: str) -> Callable[[], None]:
    """One training step of a fresh net."""
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
    """Time and processor time of every step, after two to warm up."""
    steps = {variant: stepper(net, variant, device) for variant in VARIANTS}
    times: dict[str, list[tuple[float, float]]] = {variant: [] for variant in VARIANTS}
    for turn in range(rounds + 2):
        for variant, step in steps.items():
            start = time.perf_counter(), time.process_time()
            step()
            if turn >= 2:
                times[variant].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return times


def ratios(times: dict[str, list[tuple[float, float]]], variant: str) -> tuple[float, float]:
    """Medians over the rounds of time and processor time over those of the plain step beside it."""
    pairs = list(zip(times[variant], times["plain"], strict=True))
    wall, processor = (statistics.median(own[kind] / plain[kind] for own, plain in pairs) for kind in range(2))
    return wall, processor


def megabytes(net: str, variant: str, device: str) -> float:
    """Memory that a few steps add at their peak, in this process."""
    step = stepper(net, variant, device)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        measure, unit = torch.cuda.max_memory_allocated, 2**20
    else:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
        before, measure, unit = peak(), peak, 2**10
    for _ in range(4):
        step()
    return (measure() - before) / unit


def peak() -> int:
    """Most memory the process had in use, in kB (Linux)."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])


def main() -> None:
    """Print one row for each net and variant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--memory-of", nargs=2, metavar=("NET", "VARIANT"), help="print one row's memory, for itself")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.memory_of:
        print(megabytes(*options.memory_of, options.device))
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
