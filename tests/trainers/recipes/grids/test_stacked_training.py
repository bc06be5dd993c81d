"""Training a stack equals training each of its nets alone."""

import pytest

pytest.importorskip("torch")
import torch

from relucid.plugins.torch.separation.separation import Separation
from relucid.trainers.datasets import Labelled, Split, make_moons
from relucid.trainers.loop import train
from relucid.trainers.nets import StackedNets
from relucid.trainers.recipes.grids.stacked_training import train_stack
from relucid.trainers.recipes.methods import METHODS, dropout_rate, find_method

from ...small_nets import BUILD, build_nets, shape_points


@pytest.fixture(autouse=True)
def in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("arch", BUILD)
@pytest.mark.parametrize("name", [known.name for known in METHODS if not known.zero])
def test_stacked_training_equals_training_each_by_the_plain_loop(name, arch, monkeypatch):
    """The penalty of the separate nets is the plugin's, computed from the running model."""
    how, epochs, strength = find_method(name), 8, 1e-2
    single = make_moons()
    data = Split(*(Labelled(part.x.astype("float64"), part.y) for part in (single.train, single.val)))
    monkeypatch.setattr(
        "relucid.trainers.recipes.grids.stacked_training.to_tensors",
        lambda part, _: (torch.from_numpy(part.x), torch.from_numpy(part.y).double()),
    )
    # biases that are not 0: where a point is dead, z would be 0 but for rounding, and rounding would decide what fires
    nets = build_nets(arch, batch_norm=how.batch_norm, init="torch")
    stacked = StackedNets(nets)
    training, validation = train_stack(stacked, data, method=how, strength=strength, epochs=epochs)
    shaped = Split(*(Labelled(shape_points(arch, part.x), part.y) for part in (data.train, data.val)))
    best = []
    for net in nets:
        separation = None
        if how.axes:
            separation = Separation(
                net,
                strength=strength if how.strength is None else how.strength,
                axes=how.axes,
                margin=how.margin,
                balance=how.balance,
                aggregation="sumsq",
                conv_units="position",
                ties="shared",
            )
        results = list(
            train(
                net,
                shaped,
                optimizer=torch.optim.Adam(net.parameters(), lr=0.01, eps=1e-7),
                epochs=epochs,
                batch=85,
                penalty=None if separation is None else separation.penalty,
            )
        )
        best.append(
            (max(e.train_accuracy for e in results), max(e.val_accuracy for e in results), results[-1].val_accuracy)
        )
    expected = dict(StackedNets(nets).named_parameters())
    for label, parameter in stacked.named_parameters():
        torch.testing.assert_close(
            parameter, expected[label], rtol=1e-5, atol=1e-6, msg=lambda text, at=label: f"{at}: {text}"
        )
    ours = zip(training.max(0).tolist(), validation.max(0).tolist(), validation[-1].tolist(), strict=True)
    assert [pytest.approx(row) for row in best] == list(ours)


def test_zero_init_with_annealed_dropout_is_repeatable_and_breaks_the_symmetry():
    def train_again() -> StackedNets:
        torch.manual_seed(1)
        nets = StackedNets(build_nets("conv21", init="zero")).float()
        train_stack(nets, make_moons(), method=find_method("sep-up-zero"), epochs=20)
        return nets

    first, second = train_again(), train_again()
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert first.hidden.detach().flatten(1).std(1).min() > 0


@pytest.mark.parametrize(("epoch", "rate"), [(0, 0.9), (250, 0.675), (999, 0.0009), (1000, 0), (4999, 0)])
def test_dropout_anneals_over_the_first_fifth(epoch, rate):
    assert dropout_rate(epoch, 5000) == pytest.approx(rate)
