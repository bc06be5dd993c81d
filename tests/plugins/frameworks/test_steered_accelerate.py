"""ActCooLR under Accelerate, which calls a schedule several times a step: where a plain loop ends, to the last bit."""

import pytest
import torch

pytest.importorskip("accelerate", reason="accelerate is not installed")

from .. import two_processes
from .run_steered_accelerate import train
from .steering import assert_ranks_agree, assert_same, batches, plain, samples


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("prepared_first", [False, True])
def test_it_is_the_plain_loop(accumulate, prepared_first):
    found = train(samples(12), total=12 // accumulate, accumulate=accumulate, prepared_first=prepared_first)
    assert_same(found, plain(batches(12), accumulate=accumulate))
    assert found[1].last_epoch == 12 // accumulate


@pytest.mark.parametrize("stop", [3, 8])
def test_stopped_and_resumed_ends_bit_for_bit_the_same(tmp_path, stop):
    train(samples(12), total=12, folder=tmp_path, stop=stop)
    assert_same(train(samples(12), total=12, folder=tmp_path, skip=stop), plain(batches(12)))


def test_two_processes_have_the_same_rates(tmp_path):
    """There it is called twice a step."""
    two_processes.run("frameworks.run_steered_accelerate", tmp_path)
    assert_ranks_agree(*(torch.load(tmp_path / f"{rank}.pt") for rank in range(2)), steps=6)
