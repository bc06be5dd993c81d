"""The problem that every adapter is tested on, with the reference gradients of its training."""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

RATE, STRENGTH, SIZE = 0.1, 0.5, 4
Batch = tuple[Tensor, Tensor]


def net() -> nn.Sequential:
    """Two layers of units, the same numbers every time."""
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 2)
    return model


def batches(count: int = 5) -> list[Batch]:
    """Batches of `SIZE` samples and their classes."""
    generator = torch.Generator().manual_seed(1)
    rows = torch.randn(count * SIZE, 3, generator=generator).split(SIZE)
    return [(x, (x.sum(1) > 0).long()) for x in rows]


def samples(count: int = 5) -> list[Batch]:
    """The same, one by one, for a loader."""
    return [(x, y) for xs, ys in batches(count) for x, y in zip(xs, ys, strict=True)]


def objective(model: nn.Sequential, batch: Batch) -> Tensor:
    """Cross-entropy and lambda times the mean deficit of units and points, J (7) to (12), spelt out."""
    x, y = batch
    z1 = model[0](x)
    z2 = model[2](F.relu(z1))
    deficits = [0.5 * F.relu(1 - z.amax(axis)) + 0.5 * F.relu(z.amin(axis) + 1) for z in (z1, z2) for axis in (0, 1)]
    return F.cross_entropy(model[4](F.relu(z2)), y) + STRENGTH * torch.cat(deficits).mean()


def gradients(steps: Iterable[tuple[Sequence[Batch], float]]) -> list[list[Tensor]]:
    """The gradients of each step of plain gradient descent.

    Args:
        steps: for each optimizer step its micro-batches (of all processes), and the divisor of the sum of their
            objectives.
    """
    model, found = net(), []
    for micro, divisor in steps:
        total = sum((objective(model, batch) for batch in micro), start=torch.zeros(()))
        found.append(torch.autograd.grad(total / divisor, list(model.parameters())))
        with torch.no_grad():
            for parameter, gradient in zip(model.parameters(), found[-1], strict=True):
                parameter.sub_(RATE * gradient)
    return [list(step) for step in found]


def assert_same(ours: Sequence[Sequence[Tensor]], reference: Sequence[Sequence[Tensor]]) -> None:
    """Step by step, parameter by parameter."""
    assert len(ours) == len(reference)
    for one, other in zip(ours, reference, strict=True):
        for a, b in zip(one, other, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)
