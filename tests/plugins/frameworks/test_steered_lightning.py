"""ActCooLR under Lightning ends where a plain loop does, to the last bit, and so does a run that was stopped."""

import pytest
import torch

pytest.importorskip("lightning", reason="Lightning is not installed")

from lightning.pytorch.callbacks import LearningRateMonitor, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.plugins import MixedPrecision

from .. import two_processes
from .run_steered_lightning import train
from .steering import assert_ranks_agree, assert_same, batches, plain

pytestmark = [
    pytest.mark.filterwarnings("ignore::Warning:lightning"),
    pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning"),
    pytest.mark.filterwarnings("ignore::lightning.pytorch.utilities.warnings.PossibleUserWarning"),
]


@pytest.mark.parametrize("accumulate", [1, 2])
def test_it_is_the_plain_loop(tmp_path, accumulate):
    module = train(tmp_path, batches(12), total=12 // accumulate, accumulate_grad_batches=accumulate)
    assert_same((module.net, module.schedule), plain(batches(12), accumulate=accumulate))
    assert module.schedule.last_epoch == 12 // accumulate


@pytest.mark.parametrize("stop", [3, 8])
def test_stopped_and_resumed_ends_bit_for_bit_the_same(tmp_path, stop):
    saving = ModelCheckpoint(tmp_path, filename="stopped", every_n_train_steps=stop)
    train(tmp_path, batches(6), total=12, max_epochs=2, max_steps=stop, saving=saving)
    module = train(tmp_path, batches(6), total=12, max_epochs=2, from_=str(tmp_path / "stopped.ckpt"))
    assert_same((module.net, module.schedule), plain(batches(6) * 2))
    assert module.schedule.last_epoch == 12


def test_a_step_that_the_scaler_skips_is_none(tmp_path):
    """A loss scale so large that the first gradients overflow; it halves until they do not."""
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**126, backoff_factor=2.0**-60)
    module = train(tmp_path, batches(12), total=12, plugins=[MixedPrecision("16-mixed", "cpu", scaler=scaler)])
    assert 0 < module.schedule.last_epoch < 12
    assert [reading.step for reading in module.schedule.history] == [0, *range(1, module.schedule.last_epoch, 2)]


def test_its_rates_can_be_logged(tmp_path):
    module = train(
        tmp_path,
        batches(12),
        total=12,
        saving=LearningRateMonitor("step"),
        logger=CSVLogger(tmp_path),
        enable_checkpointing=False,
        log_every_n_steps=1,
    )
    rows = (tmp_path / "lightning_logs" / "version_0" / "metrics.csv").read_text().splitlines()
    assert "lr-SGD" in rows[0]
    assert len(rows) == 1 + 12
    assert module.schedule.last_epoch == 12


def test_two_processes_have_the_same_rates(tmp_path):
    two_processes.run("frameworks.run_steered_lightning", tmp_path)
    assert_ranks_agree(*(torch.load(tmp_path / f"{rank}.pt") for rank in range(2)), steps=6)
