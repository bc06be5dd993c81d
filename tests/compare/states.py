"""States of a small convolutional net during its training on the UCI digits, as ONNX models.

Weights are rounded to 1/32, so that every sum of the net is exact in float32 whatever its order: no sign then depends
on how a runtime adds, and counts can be compared to the last one.
"""

from functools import cache

import numpy as np
import onnx

from ..small import model

STEPS = 32
GRAPH = """g (float[N, 1, 8, 8] image) => (float[N, 10] scores) {
    z1 = Conv<pads = [1, 1, 1, 1]>(image, W1, b1)
    h1 = Relu(z1)
    z2 = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(h1, W2, b2)
    h2 = Relu(z2)
    flat = Flatten(h2)
    z3 = Gemm<transB = 1>(flat, W3, b3)
    h3 = Relu(z3)
    scores = Gemm<transB = 1>(h3, W4, b4)
}"""


@cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """All digits: images (sample, 1, 8, 8) in [0, 1], multiples of 1/16, and classes."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return (images.reshape(-1, 1, 8, 8) / 16).astype(np.float32), labels


@cache
def course(*, rate: float, epochs: int, seed: int = 0) -> tuple[onnx.ModelProto, ...]:
    """The net before training and after each epoch of SGD, the same batches at every rate."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(6, 8, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(128, 16),
        nn.ReLU(),
        nn.Linear(16, 10),
    )
    optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9)
    images, labels = (torch.tensor(each) for each in digits())
    generator = torch.Generator().manual_seed(seed)
    states = [exported(net)]
    for _ in range(epochs):
        for batch in torch.randperm(len(images), generator=generator).split(32):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(images[batch]), labels[batch]).backward()
            optimizer.step()
        states.append(exported(net))
    return tuple(states)


def exported(net: object) -> onnx.ModelProto:
    """The net as an ONNX model, its weights rounded."""
    layers = [layer for layer in net if hasattr(layer, "weight")]  # type: ignore[attr-defined]
    weights = {}
    for number, layer in enumerate(layers, 1):
        for letter, values in (("W", layer.weight), ("b", layer.bias)):
            weights[f"{letter}{number}"] = (np.round(values.detach().numpy() * STEPS) / STEPS).astype(np.float32)
    return model(GRAPH, **weights)
