"""ActCooLR on two processes: every process has the same rate, that of all samples together."""

import pytest
import torch
import torch.nn.functional as F

from .. import two_processes
from .steering import assert_ranks_agree, batches, net, steered


def test_two_processes_have_the_rates_of_one_that_sees_all(tmp_path):
    two_processes.run("frameworks.run_steered_plain", tmp_path)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert_ranks_agree(first, second, steps=6)

    model = net()
    optimizer, schedule = steered(model, model, total=6)
    data = batches(12)
    for pair in zip(data[::2], data[1::2], strict=True):
        x, y = (torch.cat(part) for part in zip(*pair, strict=True))
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        schedule.step()
    assert first["rates"] == pytest.approx([reading.rate for reading in schedule.history], rel=0.05)
    assert first["distances"] == pytest.approx([reading.distance for reading in schedule.history], abs=0.04)
