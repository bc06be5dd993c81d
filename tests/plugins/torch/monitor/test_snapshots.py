"""Snapshots: reports over a whole data set that leave the training unchanged."""

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import relucid
from relucid.analyzer.errors import DataError, ModelError, OptionError
from relucid.plugins.torch import Monitor
from relucid.plugins.torch.monitor.snapshots import snapshot
from relucid.plugins.torch.steps.restore import preserve_rng_and_modes

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.5), nn.Linear(6, 3), nn.ReLU())


def loader() -> DataLoader:
    x = 2 + 3 * torch.randn(50, 4, generator=torch.Generator().manual_seed(1))
    return DataLoader(TensorDataset(x, (x.sum(1) > 8).long()), batch_size=16, shuffle=True)


def trained() -> tuple[nn.Sequential, Monitor]:
    model = net()
    monitor = Monitor(model, every=1)
    for x, _ in loader():
        model(x).sum().backward()
    model[1].eval()
    return model, monitor


def seed():
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - what user code draws from
    torch.manual_seed(0)


def drawn() -> list[float]:
    return [random.random(), np.random.rand(), *torch.rand(3).tolist()]  # noqa: NPY002


@pytest.mark.parametrize("batch_norm", ["eval", "train"])
def test_training_is_unchanged(batch_norm):
    model, monitor = trained()
    seed()
    expected = drawn()
    seed()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    steps, report = monitor.state_dict()["steps"], monitor.report
    flags = [module.training for module in model.modules()]
    assert monitor.snapshot(loader(), batch_norm=batch_norm).samples == 50
    assert [module.training for module in model.modules()] == flags
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert drawn() == expected
    assert (monitor.state_dict()["steps"], monitor.report) == (steps, report)


def test_in_eval_mode_it_is_an_analysis():
    model, monitor = trained()
    x = loader().dataset.tensors[0]
    z = model[1].eval()(model[0](x))
    report = monitor.snapshot(loader())
    assert report["2"].dead_units == tuple(torch.nonzero(z.amax(0) <= 0).flatten().tolist())
    assert report["2"].unit_high == pytest.approx(z.amax(0).detach().numpy(), rel=1e-4)
    assert report["5"].dead_point_count == relucid.analyze(model, x, example_inputs=(x,))["5"].dead_point_count


def test_in_train_mode_each_batch_is_normalized_by_itself():
    model, monitor = trained()
    data = list(loader())
    report = monitor.snapshot(data, batch_norm="train")
    z = torch.cat(
        [F.batch_norm(model[0](x), None, None, model[1].weight, model[1].bias, training=True) for x, _ in data]
    )
    assert report["2"].unit_high == pytest.approx(z.amax(0).detach().numpy(), rel=1e-5)
    after = torch.cat([model[4](F.relu(part)) for part in z.split(16)])
    assert report["5"].unit_low == pytest.approx(after.amin(0).detach().numpy(), rel=1e-4), "dropout is off"
    assert report.samples == 50


@pytest.mark.filterwarnings("ignore:.*different number of inputs")
@pytest.mark.parametrize("batch_norm", ["eval", "train"])
def test_batches_by_name_and_models_with_gaps_between_them(batch_norm):
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 6)

        def forward(self, x, mask=None, shift=None, labels=None):
            assert mask is None
            assert labels is None
            return F.relu(self.layer(x) + shift)

    data = [{"x": torch.randn(8, 4), "shift": torch.randn(8, 1), "labels": torch.zeros(8).long()} for _ in range(2)]
    report = Monitor(Named()).snapshot(data, batch_norm=batch_norm)
    assert report.samples == 16


def test_preserved_restores_random_states_and_flags():
    model = net()
    model[3].eval()
    seed()
    expected = drawn()
    seed()
    with preserve_rng_and_modes(model):
        drawn()
        model.eval()
        model[3].train()
    assert drawn() == expected
    assert [module.training for module in model.modules()] == [True, True, True, True, False, True, True]


def test_invalid_calls_are_errors():
    monitor = Monitor(net())
    with pytest.raises(OptionError, match="eval or train"):
        monitor.snapshot(loader(), batch_norm="both")
    with pytest.raises(DataError, match="at least one batch"):
        monitor.snapshot([])
    with pytest.raises(DataError, match="expected an iterable of batches, got int"):
        Monitor(net()).snapshot(3)
    with pytest.raises(ModelError, match="got Linear without"):
        snapshot(nn.Linear(4, 2), loader(), batch_norm="train")
