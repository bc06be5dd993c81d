"""ActCooLR in training: temperature follows its target, and it behaves like a schedule of torch."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from relucid.analyzer.errors import OptionError
from relucid.plugins.torch import ActCooLR
from relucid.plugins.torch.actcoolr.rule import target_distance

from ..optimizers import snapshot
from .steering import attach_actcoolr, net, run, sgd

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=1.0),
    "momentum": lambda p: torch.optim.SGD(p, lr=1.0, momentum=0.9),
    "Adam": torch.optim.Adam,
    "AdamW fused": lambda p: torch.optim.AdamW(p, fused=True),
    "RMSprop": torch.optim.RMSprop,
}


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("form", ["hold", "printed", "linear_probability"])
def test_temperature_follows_its_target_and_the_network_learns(make, form):
    model = net()
    optimizer = make(model.parameters())
    schedule = attach_actcoolr(optimizer, model, total_steps=150, probe_every=4, form=form)
    losses = run(model, optimizer, schedule, range(150))
    history = schedule.history
    assert [reading.step for reading in history] == [0, 1, *range(3, 150, 4)]
    assert np.mean([abs(reading.distance - reading.wanted) for reading in history]) < 0.1
    targets = [target_distance(reading.step, total=150, start=1.0, form=form) for reading in history]
    assert [reading.wanted for reading in history] == targets
    assert np.mean(losses[-10:]) < 0.5 * losses[0]
    assert schedule.get_last_lr() == [1e-10] == [group["lr"] for group in optimizer.param_groups]


def test_fitting_and_measuring_change_nothing_but_the_rate():
    """With the rates it chose, a plain training ends in the same weights, buffers and random numbers, bit for bit."""
    model = net(dropout=0.2)
    optimizer = sgd(model)
    schedule = attach_actcoolr(optimizer, model, total_steps=30, probe_every=1)
    rates = []
    optimizer.register_step_post_hook(lambda own, *_: rates.append(own.param_groups[0]["lr"]))
    run(model, optimizer, schedule, range(30))
    ours = snapshot(model, optimizer)
    model = net(dropout=0.2)
    optimizer = sgd(model)
    following = iter(rates)
    optimizer.register_step_pre_hook(lambda own, *_: own.param_groups[0].update(lr=next(following)))
    run(model, optimizer, None, range(30))
    assert len(set(rates)) == 30
    theirs = snapshot(model, optimizer)
    optimizer_keys = ("state",)
    assert ours.tensors.keys() == theirs.tensors.keys()
    for name in ours.tensors:
        torch.testing.assert_close(ours.tensors[name], theirs.tensors[name], rtol=0, atol=0)
    for key in optimizer_keys:
        torch.testing.assert_close(ours.optimizer[key], theirs.optimizer[key], rtol=0, atol=0)
    assert torch.equal(ours.random[2], theirs.random[2])


@pytest.mark.parametrize("stop", [1, 8, 13, 24])
def test_stopped_and_resumed_ends_bit_for_bit_the_same(tmp_path, stop):
    def fresh():
        model = net(dropout=0.2)
        optimizer = sgd(model)
        return model, optimizer, attach_actcoolr(optimizer, model, total_steps=40)

    model, optimizer, schedule = fresh()
    run(model, optimizer, schedule, range(40))
    whole, history = snapshot(model, optimizer), schedule.history

    model, optimizer, schedule = fresh()
    run(model, optimizer, schedule, range(stop))
    parts = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
    torch.save({**parts, "random": torch.get_rng_state()}, tmp_path / "state.pt")

    model, optimizer, schedule = fresh()
    saved = torch.load(tmp_path / "state.pt", weights_only=True)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    schedule.load_state_dict(saved["schedule"])
    torch.set_rng_state(saved["random"])
    assert schedule.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
    run(model, optimizer, schedule, range(stop, 40))
    snapshot(model, optimizer).assert_same(whole)
    assert schedule.history == history


def test_groups_keep_their_ratios():
    model = net()
    layers = [{"params": model[0].parameters(), "lr": 0.1}, {"params": model[4].parameters(), "lr": 0.4}]
    optimizer = torch.optim.SGD([*layers, {"params": model[6].parameters(), "lr": 0.0}], momentum=0.9)
    before = copy.deepcopy(model[6].state_dict())
    schedule = attach_actcoolr(optimizer, model, total_steps=30, probe_every=2)
    run(model, optimizer, schedule, range(20))
    first, second, third = schedule.get_last_lr()
    assert (first, third) == (pytest.approx(second / 4), 0.0)
    assert [group["lr"] for group in optimizer.param_groups] == [first, second, third]
    assert schedule.history[-1].rate == pytest.approx(second, rel=2)
    torch.testing.assert_close(model[6].state_dict(), before, rtol=0, atol=0)


def test_a_rate_that_is_a_tensor_stays_the_same_tensor():
    model = net()
    own = torch.tensor(0.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=own, foreach=False)
    kept = optimizer.param_groups[0]["lr"]
    schedule = attach_actcoolr(optimizer, model, total_steps=10)
    run(model, optimizer, schedule, range(3))
    assert optimizer.param_groups[0]["lr"] is kept
    assert schedule.get_last_lr()[0].item() == kept.item() != 0.5
    assert schedule.get_last_lr()[0] is not kept


def test_it_pickles_and_copies_with_its_model_and_optimizer():
    model = net()
    optimizer = sgd(model)
    schedule = attach_actcoolr(optimizer, model, total_steps=30, probe_every=2)
    run(model, optimizer, schedule, range(5))
    for again in (
        pickle.loads(pickle.dumps((model, optimizer, schedule))),
        copy.deepcopy((model, optimizer, schedule)),
    ):
        run(*again, range(5, 30))
        assert again[2].last_epoch == 30
    run(model, optimizer, schedule, range(5, 30))
    assert again[2].history == schedule.history
    for ours, theirs in zip(model.parameters(), again[0].parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_it_is_a_schedule_of_torch():
    model = net()
    optimizer = sgd(model)
    schedule = attach_actcoolr(optimizer, model, total_steps=30)
    assert isinstance(schedule, torch.optim.lr_scheduler.LRScheduler)
    assert schedule.optimizer is optimizer
    assert schedule.base_lrs == [1.0]
    assert schedule.last_epoch == 0
    assert schedule.get_last_lr() == schedule.get_lr() == [optimizer.param_groups[0]["lr"]]
    run(model, optimizer, schedule, range(3))
    assert schedule.last_epoch == 3
    for name in ("optimizer", "_model", "model"):
        assert name not in schedule.state_dict()
    pickle.dumps(schedule.state_dict())


def test_a_state_of_another_kind_is_refused():
    model = net()
    optimizer = torch.optim.SGD([{"params": model[0].parameters()}, {"params": model[4].parameters()}], lr=1.0)
    shared = ActCooLR(optimizer, model, total_steps=30)
    state = shared.state_dict()
    shared.detach()
    own = ActCooLR(optimizer, model, total_steps=30, per_group=True)
    with pytest.raises(OptionError, match="expected 2 estimates, got 1"):
        own.load_state_dict(state)


def per_layer(model):
    layers = [layer for layer in model if isinstance(layer, nn.Linear)]
    norms = [parameter for layer in model if isinstance(layer, nn.BatchNorm1d) for parameter in layer.parameters()]
    groups = [[*layers[0].parameters()], [*norms, *layers[1].parameters()], [*layers[2].parameters()]]
    return torch.optim.SGD([{"params": group, "lr": 1.0} for group in groups])


def test_a_rate_for_each_group_from_the_sites_behind_it():
    """The first layer follows the target by itself, which one rate for all keeps it from; the head follows the mean.

    The second cannot be as cold as asked where it only stirs what the first layer does to it.
    """
    errors, biases = {}, {}
    for own in (False, True):
        model = net()
        optimizer = per_layer(model)
        schedule = attach_actcoolr(optimizer, model, total_steps=200, probe_every=2, per_group=own)
        run(model, optimizer, schedule, range(150), size=256)
        last = schedule.history[len(schedule.history) // 4 :]
        errors[own] = np.mean([abs(reading.sites[name] - reading.wanted) for reading in last for name in ("1", "5")])
        biases[own] = np.mean([reading.sites["1"] - reading.wanted for reading in last])
        if own:
            for reading in schedule.history:
                expected = {0: reading.sites["1"], 1: reading.sites["5"], 2: np.mean([*reading.sites.values()])}
                assert reading.distance == pytest.approx(expected[reading.group])
            assert len(set(schedule.get_last_lr())) == 3
            assert [reading.group for reading in schedule.history[:6]] == [0, 1, 2, 0, 1, 2]
    assert errors[True] < 0.08
    assert errors[True] < errors[False]
    assert abs(biases[True]) < 0.01
    assert biases[False] < -0.05


def test_detached_it_leaves_no_trace():
    model = net()
    optimizer = sgd(model)
    schedule = attach_actcoolr(optimizer, model, total_steps=20)
    run(model, optimizer, schedule, range(2))
    schedule.detach()
    rates = [group["lr"] for group in optimizer.param_groups]
    run(model, optimizer, schedule, range(2, 12))
    assert [group["lr"] for group in optimizer.param_groups] == rates
    assert not model._forward_hooks
    assert not optimizer._optimizer_step_pre_hooks


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"total_steps": 0}, "total_steps"), ({"probe_every": 0}, "probe_every"), ({"form": "linear"}, "form")],
)
def test_options_that_cannot_be_meant(wrong, said):
    model = net()
    with pytest.raises(OptionError, match=said):
        ActCooLR(sgd(model), model, **{"total_steps": 10} | wrong)
    assert not model._forward_hooks


def test_optimizers_that_cannot_be_steered():
    model = net()
    for kind in (torch.optim.ASGD, torch.optim.Rprop, torch.optim.LBFGS):
        with pytest.raises(OptionError, match="adapts the rate itself"):
            ActCooLR(kind(model.parameters()), model, total_steps=10)
    with pytest.raises(OptionError, match="above 0"):
        ActCooLR(sgd(model, lr=0.0), model, total_steps=10)
