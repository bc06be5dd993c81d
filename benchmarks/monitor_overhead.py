"""Cost of a monitor in steps that it samples and in steps that it does not, and of its hooks alone.

Steps with and without a monitor alternate, so that changes in the speed of the machine affect both; the median of the
pairs is printed. The hooks alone are timed on an identity model, which is more reliable on a busy machine.

    python benchmarks/monitor_overhead.py [--threads 2] [--rounds 40]
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from nets import mlp, resnet20
from torch import nn

from relucid.plugins.torch import Monitor

NEVER = 10**9


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    nothing, watched = nn.Identity(), nn.Identity()
    idle(watched)
    x = torch.zeros(1)
    hooks = statistics.median(seconds(lambda: watched(x)) - seconds(lambda: nothing(x)) for _ in range(2000))
    print(f"hooks of a forward that is not watched: {hooks * 1e6:.1f} us")
    for name, make, x in (("mlp", mlp, torch.randn(128, 784)), ("resnet20", resnet20, torch.randn(128, 3, 32, 32))):
        plain, resting, watching = make(), make(), make()
        idle(resting)
        Monitor(watching, every=1)
        models = (plain, resting, watching)
        rounds = [[seconds(partial(step, model, x)) for model in models] for _ in range(options.rounds)]
        base = statistics.median(times[0] for times in rounds)
        rest = statistics.median(times[1] / times[0] for times in rounds)
        full = statistics.median(times[2] for times in rounds)
        print(
            f"{name}, batch 128: step {base * 1e3:.1f} ms; not watched {rest:.3f}x, by its hooks "
            f"{1 + hooks / base:.5f}x; watched {full * 1e3:.1f} ms, with every=100 {1 + (full / base - 1) / 100:.3f}x"
        )


def idle(model: nn.Module) -> None:
    """Attach a monitor that does not sample any further forward."""
    monitor = Monitor(model, every=NEVER)
    monitor.load_state_dict(monitor.state_dict() | {"steps": 1})


def step(model: nn.Module, x: torch.Tensor) -> None:
    """Run a forward and a backward."""
    model(x).square().mean().backward()
    model.zero_grad()


def seconds(act: Callable[[], object]) -> float:
    """Return the duration of one call."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
