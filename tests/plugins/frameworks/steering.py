"""The problem of the tests of ActCooLR under trainers, and the result of a plain loop, which all must reproduce."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relucid.plugins.torch import ActCooLR

SIZE = 16
Batch = tuple[Tensor, Tensor]
OPTIONS = {"start_temperature": 1.0, "probe_every": 2}


def net() -> nn.Sequential:
    """Two layers of units, the same numbers every time."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))


def batches(count: int) -> list[Batch]:
    """Batches of `SIZE` samples and their classes."""
    rows = torch.randn(count * SIZE, 3, generator=torch.Generator().manual_seed(1)).split(SIZE)
    return [(x, (x.sum(1) > 0).long()) for x in rows]


def samples(count: int) -> list[Batch]:
    """The same, one by one, for a loader."""
    return [(x, y) for xs, ys in batches(count) for x, y in zip(xs, ys, strict=True)]


def steered(model: nn.Module, layers: nn.Module, *, total: int) -> tuple[torch.optim.Optimizer, ActCooLR]:
    """An optimizer and its schedule."""
    optimizer = torch.optim.SGD(layers.parameters(), lr=0.1, momentum=0.9)
    return optimizer, ActCooLR(optimizer, model, total_steps=total, **OPTIONS)


def plain(data: Sequence[Batch], *, accumulate: int = 1, total: int | None = None) -> tuple[nn.Module, ActCooLR]:
    """A plain loop; a short last group of micro-batches is divided by how many it has."""
    model = net().train()
    groups = [data[first : first + accumulate] for first in range(0, len(data), accumulate)]
    optimizer, schedule = steered(model, model, total=total or len(groups))
    for group in groups:
        for x, y in group:
            (F.cross_entropy(model(x), y) / accumulate).backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return model, schedule


def assert_same(ours: tuple[nn.Module, ActCooLR], reference: tuple[nn.Module, ActCooLR]) -> None:
    """Parameters, rates and readings, to the last bit."""
    (model, schedule), (plain_model, plain_schedule) = ours, reference
    assert schedule.history == plain_schedule.history
    assert schedule.get_last_lr() == plain_schedule.get_last_lr()
    for one, other in zip(model.parameters(), plain_model.parameters(), strict=True):
        assert torch.equal(one, other)


def summarize(model: nn.Module, schedule: ActCooLR) -> dict:
    """The results of one process, to be compared with those of the other."""
    return {
        "parameters": [parameter.detach() for parameter in model.parameters()],
        "rates": [reading.rate for reading in schedule.history],
        "distances": [reading.distance for reading in schedule.history],
        "last": schedule.get_last_lr(),
        "steps": schedule.last_epoch,
    }


def assert_ranks_agree(first: dict, second: dict, *, steps: int) -> None:
    """Both processes have the same bits, measured on the samples of both."""
    assert first["steps"] == second["steps"] == steps
    assert first["rates"] == second["rates"]
    assert first["distances"] == second["distances"]
    assert first["last"] == second["last"]
    assert len(set(first["rates"])) == len(first["rates"]) > 1
    for one, other in zip(first["parameters"], second["parameters"], strict=True):
        assert torch.equal(one, other)
