"""Hugging Face's Trainer: gradients by hand, also where the model divides its loss itself; stopped runs end alike."""

import pytest
import torch

pytest.importorskip("transformers", reason="transformers is not installed")
pytest.importorskip("accelerate", reason="accelerate, which the Trainer needs, is not installed")

from relucid.plugins.frameworks.transformers import FILE

from .. import two_processes
from .problem import assert_same, batches, gradients, samples
from .run_transformers import Net, ScaledNet, train

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("model", [Net, ScaledNet])
def test_gradients_are_those_by_hand(tmp_path, accumulate, model):
    _, _, found, _ = train(tmp_path, samples(5), model=model(), gradient_accumulation_steps=accumulate)
    steps = [batches(5)[start : start + accumulate] for start in range(0, 5, accumulate)]
    assert_same(found, gradients((micro, len(micro)) for micro in steps))


def test_two_processes_average(tmp_path):
    two_processes.run("frameworks.run_transformers", tmp_path)
    data = batches(6)
    reference = gradients([(data[:4], 4.0), (data[4:], 2.0)])
    for rank in range(2):
        for name in ("mean", "scaled"):
            assert_same(torch.load(tmp_path / f"{name}{rank}.pt"), reference)


@pytest.mark.parametrize("stop", [3, 8])
def test_stopped_and_resumed_ends_bit_for_bit_the_same(tmp_path, stop):
    saving = {"save_strategy": "steps", "save_steps": stop, "num_train_epochs": 2}
    whole, monitor, _, _ = train(tmp_path / "whole", samples(5), warm=True, num_train_epochs=2)
    train(tmp_path / "cut", samples(5), warm=True, max_steps=stop, **saving)
    checkpoint = tmp_path / "cut" / f"checkpoint-{stop}"
    resumed, again, found, _ = train(tmp_path / "cut", samples(5), warm=True, from_=str(checkpoint), num_train_epochs=2)
    assert len(found) == 10 - stop
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
    assert again.report == monitor.report


def test_a_checkpoint_without_our_file_is_a_warning(tmp_path):
    train(tmp_path, samples(5), save_strategy="steps", save_steps=5)
    (tmp_path / "checkpoint-5" / FILE).unlink()
    with pytest.warns(UserWarning, match="restart from step 0"):
        train(tmp_path, samples(5), from_=str(tmp_path / "checkpoint-5"), num_train_epochs=2)


def test_the_monitor_logs_through_the_trainer(tmp_path):
    _, monitor, _, trainer = train(tmp_path, samples(5))
    rows = [row for row in trainer.state.log_history if "relucid/samples" in row]
    assert [row["relucid/layers.1/entropy"] for row in rows] == [monitor.report["layers.1"].entropy]


def test_evaluation_is_without_the_term(tmp_path):
    model, _, _, trainer = train(tmp_path, samples(5), per_device_eval_batch_size=20)
    data = [{"x": x, "labels": int(y)} for x, y in samples(5)]
    x, y = (torch.cat(part) for part in zip(*batches(5), strict=True))
    assert trainer.evaluate(data)["eval_loss"] == pytest.approx(model(x, y)["loss"].item(), rel=1e-5)
