"""Accelerate: no adapter is needed; gradients equal the reference, and its checkpoints contain both plugins."""

import pytest
import torch

pytest.importorskip("accelerate", reason="accelerate is not installed")

from .. import two_processes
from .problem import assert_same, batches, gradients, samples
from .run_accelerate import train


@pytest.mark.parametrize("accumulate", [1, 2])
def test_gradients_are_those_by_hand(accumulate):
    _, _, found = train(samples(5), accumulate=accumulate)
    steps = [batches(5)[start : start + accumulate] for start in range(0, 5, accumulate)]
    assert_same(found, gradients((micro, accumulate) for micro in steps))


def test_two_processes_average(tmp_path):
    two_processes.run("frameworks.run_accelerate", tmp_path)
    data = batches(6)
    reference = gradients([(data[:4], 4.0), (data[4:], 4.0)])
    for rank in range(2):
        assert_same(torch.load(tmp_path / f"{rank}.pt"), reference)


@pytest.mark.parametrize("stop", [3, 8])
def test_stopped_and_resumed_ends_bit_for_bit_the_same(tmp_path, stop):
    whole, monitor, _ = train(samples(5), epochs=2, folder=tmp_path)
    train(samples(5), epochs=2, folder=tmp_path, stop=stop)
    resumed, again, _ = train(samples(5), epochs=2, folder=tmp_path, skip=stop)
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
    assert again.report == monitor.report
