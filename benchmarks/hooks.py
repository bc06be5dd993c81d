"""The straightforward alternative: PyTorch forward hooks on ReLU modules, with ranges and distinct patterns per batch.

Run as `python benchmarks/hooks.py NAME FILE BATCH THREADS REPEATS`, where FILE is the network NAME as ONNX. Prints the
median seconds of one batch as json: `hooks`, and `plain` for onnxruntime.
"""

import json
import sys
import time
from collections.abc import Callable
from statistics import median

import torch
from nets import build
from plain import open_plain
from subjects import NETS
from torch import nn


def measure(_: nn.Module, inputs: tuple[torch.Tensor], __: torch.Tensor) -> None:
    """Compute ranges, activity and patterns of an activation's input, with units on axis 1, or on the last of three."""
    z = inputs[0].transpose(0, 2 if inputs[0].ndim == 3 else 1).flatten(1)
    torch.aminmax(z, dim=1)
    active = z > 0
    active.sum(dim=1)
    torch.unique(active.T, dim=0, return_counts=True)


def seconds(run: Callable[[], object]) -> float:
    """Return the duration of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main(name: str, path: str, batch: int, threads: int, repeats: int) -> None:
    """Time both on the same batch, alternately."""
    torch.set_num_threads(threads)
    net = build(name)
    for layer in net.modules():
        if isinstance(layer, nn.ReLU | nn.GELU):
            layer.register_forward_hook(measure)
    images = NETS[name].inputs(0, samples=batch)
    tensor = torch.from_numpy(images)
    session = open_plain(path, threads)
    feed = {session.get_inputs()[0].name: images}
    session.run(None, feed)
    with torch.inference_mode():
        pairs = [(seconds(lambda: session.run(None, feed)), seconds(lambda: net(tensor))) for _ in range(repeats)]
    sys.stdout.write(json.dumps({"plain": median(p for p, _ in pairs), "hooks": median(h for _, h in pairs)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *(int(word) for word in sys.argv[3:]))
