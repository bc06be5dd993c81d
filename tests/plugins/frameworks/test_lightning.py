"""Lightning: gradients are those written out by hand, and a run that was stopped ends where an unbroken one does."""

import csv

import pytest
import torch

pytest.importorskip("lightning", reason="Lightning is not installed")

from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.plugins import MixedPrecision

from .. import two_processes
from .problem import assert_same, batches, gradients, net, objective
from .run_lightning import train

pytestmark = [
    pytest.mark.filterwarnings("ignore::Warning:lightning"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),
    pytest.mark.filterwarnings("ignore::lightning.pytorch.utilities.warnings.PossibleUserWarning"),
]


@pytest.mark.parametrize("accumulate", [1, 2])
def test_gradients_are_those_by_hand(tmp_path, accumulate):
    module, _ = train(tmp_path, batches(5), accumulate_grad_batches=accumulate)
    steps = [batches(5)[start : start + accumulate] for start in range(0, 5, accumulate)]
    assert_same(module.found, gradients((micro, accumulate) for micro in steps))


def test_the_loss_scale_of_half_precision_is_in_the_term_too(tmp_path):
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    precision = MixedPrecision("16-mixed", "cpu", scaler=scaler)
    module, _ = train(tmp_path, batches(1), plugins=[precision])
    model = net()
    with torch.autocast("cpu", torch.float16):
        loss = objective(model, batches(1)[0])
    reference = [gradient / 1024 for gradient in torch.autograd.grad(loss * 1024, list(model.parameters()))]
    for ours, theirs in zip(module.found[0], reference, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=2e-3, atol=2e-4)


def test_two_processes_average(tmp_path):
    two_processes.run("frameworks.run_lightning", tmp_path)
    data = batches(6)
    reference = gradients([(data[:4], 4.0), (data[4:], 4.0)])
    for rank in range(2):
        assert_same(torch.load(tmp_path / f"{rank}.pt"), reference)


@pytest.mark.parametrize("stop", [3, 8])
def test_stopped_and_resumed_ends_bit_for_bit_the_same(tmp_path, stop):
    whole, monitor = train(tmp_path, batches(5), warm=True, max_epochs=2)
    saving = ModelCheckpoint(tmp_path, filename="stopped", every_n_train_steps=stop)
    train(tmp_path, batches(5), warm=True, max_epochs=2, max_steps=stop, saving=saving)
    resumed, again = train(tmp_path, batches(5), warm=True, max_epochs=2, from_=str(tmp_path / "stopped.ckpt"))
    assert len(resumed.found) == 10 - stop
    for a, b in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)
    assert again.report == monitor.report


def test_the_monitor_writes_to_the_trainers_loggers(tmp_path):
    logger = CSVLogger(tmp_path)
    _, monitor = train(tmp_path, batches(5), logger=logger, log_every_n_steps=1)
    written = tmp_path / "lightning_logs" / "version_0" / "metrics.csv"
    rows = list(csv.DictReader(written.read_text().splitlines()))
    entropies = [row["relucid/1/entropy"] for row in rows if row["relucid/1/entropy"]]
    assert [float(entropy) for entropy in entropies] == [monitor.report["1"].entropy]
    assert sum(bool(row["relucid/separation"]) for row in rows) == 5
