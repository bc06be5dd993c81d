"""ActCooLR under Hugging Face's Trainer, as `optimizers=(optimizer, schedule)`, ends where a plain loop does."""

import pytest
import torch

pytest.importorskip("transformers", reason="transformers is not installed")
pytest.importorskip("accelerate", reason="accelerate, which the Trainer needs, is not installed")

from .. import two_processes
from .run_steered_transformers import train
from .steering import assert_ranks_agree, assert_same, batches, plain, samples

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")


def named(history):
    """Readings of a net inside a wrapper have its path before the names of their sites."""
    return [(reading.step, reading.rate, reading.distance, [*reading.sites.values()]) for reading in history]


@pytest.mark.parametrize("accumulate", [1, 2])
def test_it_is_the_plain_loop(tmp_path, accumulate):
    layers, schedule, trainer = train(
        tmp_path, samples(12), total=12 // accumulate, gradient_accumulation_steps=accumulate
    )
    model, reference = plain(batches(12), accumulate=accumulate)
    assert named(schedule.history) == named(reference.history)
    for ours, theirs in zip(layers.parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    logged = [row["learning_rate"] for row in trainer.state.log_history if "learning_rate" in row]
    assert len(logged) == 12 // accumulate
    assert [logged[reading.step] for reading in schedule.history] == [reading.rate for reading in schedule.history]


@pytest.mark.parametrize("stop", [3, 8])
def test_stopped_and_resumed_ends_bit_for_bit_the_same(tmp_path, stop):
    saving = {"save_strategy": "steps", "save_steps": stop, "num_train_epochs": 2}
    whole, schedule, _ = train(tmp_path / "whole", samples(6), total=12, num_train_epochs=2)
    train(tmp_path / "cut", samples(6), total=12, max_steps=stop, **saving)
    layers, again, _ = train(
        tmp_path / "cut", samples(6), total=12, from_=str(tmp_path / "cut" / f"checkpoint-{stop}"), num_train_epochs=2
    )
    assert again.last_epoch == 12
    assert_same((layers, again), (whole, schedule))


def test_two_processes_have_the_same_rates(tmp_path):
    two_processes.run("frameworks.run_steered_transformers", tmp_path)
    assert_ranks_agree(*(torch.load(tmp_path / f"{rank}.pt") for rank in range(2)), steps=6)
