"""ActCooLR in training: temperature follows its target, and it is a schedule in all a user can test."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from relucid.analyzer.errors import ModelError, OptionError
from relucid.plugins.torch import ActCooLR, Diverged, Monitor, Separation, Thermometer
from relucid.plugins.torch.cooling import Belief, wanted

from .optimizers import snapshot


def net(*, dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Linear(8, 64), nn.ReLU(), nn.BatchNorm1d(64), nn.Dropout(dropout), nn.Linear(64, 64), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(64, 3))


def steered(optimizer, model, **options) -> ActCooLR:
    """At a temperature that so narrow a net can bear."""
    return ActCooLR(optimizer, model, **{"total_steps": 50, "start_temperature": 1.0} | options)


def batch(step: int, size: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(size, 8, generator=generator)
    return x, x[:, :3].argmax(1)


def run(model, optimizer, schedule, steps, *, size: int = 64) -> list[float]:
    """Train for the steps of this range; the losses."""
    losses = []
    for step in steps:
        x, y = batch(step, size)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()
        losses.append(loss.item())
    return losses


def sgd(model, **options):
    return torch.optim.SGD(model.parameters(), **{"lr": 1.0, "momentum": 0.9} | options)


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
    schedule = steered(optimizer, model, total_steps=150, probe_every=4, form=form)
    losses = run(model, optimizer, schedule, range(150))
    history = schedule.history
    assert [reading.step for reading in history] == list(range(0, 150, 4))
    assert np.mean([abs(reading.distance - reading.wanted) for reading in history]) < 0.1
    assert [reading.wanted for reading in history] == [wanted(r.step, total=150, start=1.0, form=form) for r in history]
    assert np.mean(losses[-10:]) < 0.5 * losses[0]
    assert schedule.get_last_lr() == [1e-10] == [group["lr"] for group in optimizer.param_groups]


def test_the_first_step_has_a_rate_that_was_fitted():
    """Whatever rate the optimizer came with; and it is the one at which P is what was asked for."""
    found = []
    for lr in (1e-6, 1e3):
        model = net()
        optimizer = sgd(model, lr=lr)
        schedule = steered(optimizer, model, total_steps=1000)
        run(model, optimizer, schedule, range(1))
        found.append(schedule.history[0])
    assert found[0] == found[1]
    assert found[0].fits == 1
    assert found[0].distance == pytest.approx(0.99 * 0.5, abs=0.1)


def test_fitting_and_measuring_change_nothing_but_the_rate():
    """With the rates it chose, a plain training ends in the same weights, buffers and random numbers, bit for bit."""
    model = net(dropout=0.2)
    optimizer = sgd(model)
    schedule = steered(optimizer, model, total_steps=30, probe_every=1)
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
        return model, optimizer, steered(optimizer, model, total_steps=40)

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


def test_stopped_where_a_fit_was_due():
    """A stale belief is fitted again by the one who goes on."""

    def fresh():
        model = net()
        optimizer = sgd(model)
        return model, optimizer, steered(optimizer, model, total_steps=40)

    model, optimizer, schedule = fresh()
    run(model, optimizer, schedule, range(5))
    schedule._beliefs = [Belief(mu=9.0, sigma=1.0, errors=5, stale=True)]
    schedule.step()
    other = fresh()
    other[0].load_state_dict(model.state_dict()), other[1].load_state_dict(optimizer.state_dict())
    other[2].load_state_dict(schedule.state_dict())
    run(*other, range(5, 12))
    assert other[2].history[-1].fits == 2
    assert other[2].history[-1].mu < 3


def test_step_is_idempotent():
    """Called as often as one likes, or not at all for some steps, it says what is right for the next one."""
    runs = []
    for times in ([1] * 20, [3] * 20, [2, 1] * 10):
        model = net()
        optimizer = sgd(model)
        schedule = steered(optimizer, model, total_steps=20, probe_every=2)
        for step, calls in enumerate(times):
            run(model, optimizer, None, [step])
            for _ in range(calls):
                schedule.step()
        runs.append((schedule.get_last_lr(), schedule.last_epoch, schedule.history))
    assert runs[0] == runs[1] == runs[2]
    assert runs[0][1] == 20


def test_steps_that_were_not_told_are_counted():
    model = net()
    optimizer = sgd(model)
    schedule = steered(optimizer, model, total_steps=20)
    run(model, optimizer, None, range(5))
    schedule.step()
    assert schedule.last_epoch == 5


def test_groups_keep_their_ratios():
    model = net()
    layers = [{"params": model[0].parameters(), "lr": 0.1}, {"params": model[4].parameters(), "lr": 0.4}]
    optimizer = torch.optim.SGD([*layers, {"params": model[6].parameters(), "lr": 0.0}], momentum=0.9)
    before = copy.deepcopy(model[6].state_dict())
    schedule = steered(optimizer, model, total_steps=30, probe_every=2)
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
    schedule = steered(optimizer, model, total_steps=10)
    run(model, optimizer, schedule, range(3))
    assert optimizer.param_groups[0]["lr"] is kept
    assert schedule.get_last_lr()[0].item() == kept.item() != 0.5
    assert schedule.get_last_lr()[0] is not kept


def test_accumulated_batches_make_one_step():
    model = net()
    optimizer = sgd(model)
    schedule = steered(optimizer, model, total_steps=10, probe_every=1)
    for step in range(5):
        optimizer.zero_grad()
        for half in range(2):
            x, y = batch(2 * step + half)
            (F.cross_entropy(model(x), y) / 2).backward()
            schedule.step()  # too often, as Accelerate does
        optimizer.step()
        schedule.step()
    assert schedule.last_epoch == 5
    assert [reading.step for reading in schedule.history] == [0, 1, 2, 3, 4]
    assert np.mean([abs(reading.distance - reading.wanted) for reading in schedule.history]) < 0.1


@pytest.mark.parametrize("fused", [False, True])
def test_a_step_that_the_scaler_skips_is_none(fused):
    model = net()
    optimizer = sgd(model, fused=fused, momentum=0.0)
    schedule = steered(optimizer, model, total_steps=10, probe_every=1)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    for step, spoilt in enumerate([True, False, True, False]):
        x, y = batch(step)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        scaler.scale(loss * torch.inf if spoilt else loss).backward()
        before = model[0].weight.clone()
        scaler.step(optimizer)
        scaler.update()
        schedule.step()
        assert torch.equal(before, model[0].weight) == spoilt
    assert schedule.last_epoch == 2
    assert [reading.step for reading in schedule.history] == [0, 1]
    assert all(abs(reading.distance - reading.wanted) < 0.15 for reading in schedule.history)


def test_a_closure_is_part_of_the_step():
    """As Lightning steps: the gradients are made within; the fit comes between them and the change."""
    runs = []
    for within in (False, True):
        model = net()
        optimizer = sgd(model)
        schedule = steered(optimizer, model, total_steps=10, probe_every=2)
        for step in range(8):

            def closure(step=step, model=model, optimizer=optimizer):
                x, y = batch(step)
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                return loss

            if within:
                optimizer.step(closure)
            else:
                closure()
                optimizer.step()
            schedule.step()
        runs.append((schedule.history, schedule.get_last_lr()))
    assert runs[0] == runs[1]


def test_all_or_nothing_asks_for_a_fit_at_the_next_step():
    model = net()
    optimizer = sgd(model)
    schedule = steered(optimizer, model, total_steps=100, probe_every=3)
    run(model, optimizer, schedule, range(3))
    optimizer.param_groups[0]["lr"] = 1e-12  # nothing will change
    run(model, optimizer, schedule, [3])
    assert schedule.history[-1].distance == 0
    assert schedule._beliefs[0].stale
    run(model, optimizer, schedule, [4, 5, 6])
    assert schedule.history[-1].fits == 2
    assert abs(schedule.history[-1].distance - schedule.history[-1].wanted) < 0.15


def test_where_nothing_can_move_training_goes_on_and_a_fit_follows_as_soon_as_it_can():
    """A head that starts at zero gives the layers below no gradient in the first step."""
    model = net()
    with torch.no_grad():
        model[6].weight.zero_()
    optimizer = sgd(model, momentum=0.0)
    schedule = steered(optimizer, model, total_steps=50, probe_every=1)
    run(model, optimizer, schedule, range(4))
    assert schedule.history[0].distance == 0
    assert 2 <= schedule.history[-1].fits <= 3
    assert abs(schedule.history[-1].distance - schedule.history[-1].wanted) < 0.2


def test_where_nothing_ever_moves_little_is_spent_on_it():
    """Fits that fail are tried after 1, 2, 4 ... steps, at most as rarely as steps are measured."""
    model = net()
    optimizer = sgd(model)
    schedule = steered(optimizer, model, probe_every=8)
    forwards = []
    model.register_forward_hook(lambda *_: forwards.append(torch.is_grad_enabled()))
    for step in range(40):
        optimizer.zero_grad()
        (model(batch(step)[0]).sum() * 0).backward()
        optimizer.step()
        schedule.step()
    assert schedule.history[-1].fits == 7  # before steps 0, 1, 3, 7, 15, 23, 31
    assert forwards.count(False) < 8 * 32 + 5


def test_a_loss_that_is_no_number_ends_the_run_with_its_history():
    model = net()
    optimizer = sgd(model)
    schedule = steered(optimizer, model, total_steps=50, probe_every=1)
    run(model, optimizer, schedule, range(4))

    def spoilt():
        for step in range(4, 50):
            x, y = batch(step)
            optimizer.zero_grad()
            (F.cross_entropy(model(x), y) * torch.nan).backward()
            optimizer.step()
            schedule.step()

    with pytest.raises(Diverged, match="no longer numbers") as caught:
        spoilt()
    assert [reading.step for reading in caught.value.history][:4] == [0, 1, 2, 3]
    assert len(caught.value.history) <= 6


def test_a_rate_out_of_range_ends_the_run_and_changes_nothing():
    model = net()
    optimizer = sgd(model)
    schedule = steered(optimizer, model, total_steps=50)
    run(model, optimizer, schedule, range(2))
    schedule._beliefs = [Belief(mu=50.0, stale=False)]
    run(model, optimizer, None, [2])
    rates = [group["lr"] for group in optimizer.param_groups]
    with pytest.raises(Diverged, match=r"step 3: .* would need the learning rate") as caught:
        schedule.step()
    assert caught.value.history == schedule.history
    assert [group["lr"] for group in optimizer.param_groups] == rates == schedule.get_last_lr()


def test_it_pickles_and_copies_with_its_model_and_optimizer():
    model = net()
    optimizer = sgd(model)
    schedule = steered(optimizer, model, total_steps=30, probe_every=2)
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
    schedule = steered(optimizer, model, total_steps=30)
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
    with pytest.raises(OptionError, match="wanted 2 models, got 1"):
        own.load_state_dict(state)


def per_layer(model):
    layers = [layer for layer in model if isinstance(layer, nn.Linear)]
    norms = [parameter for layer in model if isinstance(layer, nn.BatchNorm1d) for parameter in layer.parameters()]
    groups = [[*layers[0].parameters()], [*norms, *layers[1].parameters()], [*layers[2].parameters()]]
    return torch.optim.SGD([{"params": group, "lr": 1.0} for group in groups])


def test_a_rate_for_each_group_from_the_sites_behind_it():
    """Each follows the target by itself, which one rate for all does not do; the head follows the mean of all."""
    errors = {}
    for own in (False, True):
        model = net()
        optimizer = per_layer(model)
        schedule = steered(optimizer, model, total_steps=200, probe_every=2, per_group=own)
        run(model, optimizer, schedule, range(150), size=256)
        last = schedule.history[len(schedule.history) // 4 :]
        errors[own] = np.mean([abs(reading.sites[name] - reading.wanted) for reading in last for name in ("1", "5")])
        if own:
            for reading in schedule.history:
                expected = {0: reading.sites["1"], 1: reading.sites["5"], 2: np.mean([*reading.sites.values()])}
                assert reading.distance == pytest.approx(expected[reading.group])
            assert len(set(schedule.get_last_lr())) == 3
            assert [reading.group for reading in schedule.history[:6]] == [0, 1, 2, 0, 1, 2]
    assert errors[True] < 0.08
    assert errors[True] < 0.7 * errors[False]


def test_together_with_the_other_plugins_of_a_model():
    """None of them sees the forwards that only measure."""
    model = net()
    optimizer = sgd(model)
    separation, monitor = Separation(model, strength=1e-3), Monitor(model, every=1)
    schedule = steered(optimizer, model, total_steps=20, probe_every=1)
    thermometer = Thermometer(model, optimizer, every=1)
    for step in range(10):
        x, y = batch(step)
        optimizer.zero_grad()
        (F.cross_entropy(model(x), y) + separation.penalty()).backward()
        optimizer.step()
        schedule.step()
    assert monitor.state_dict()["steps"] == 10
    assert [a.distance for a in thermometer.history] == [b.distance for b in schedule.history]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_a_compiled_model():
    runs = []
    for compiled in (False, True):
        torch._dynamo.reset()
        model = net()
        optimizer = sgd(model)
        called = torch.compile(model, backend="eager") if compiled else model
        schedule = steered(optimizer, called, total_steps=20)
        run(called, optimizer, schedule, range(12))
        runs.append(schedule.history)
    torch._dynamo.reset()
    assert [reading.step for reading in runs[0]] == [0, 8]
    for plain, compiled in zip(*runs, strict=True):
        assert compiled.distance == pytest.approx(plain.distance, abs=0.02)


def test_detached_it_leaves_no_trace():
    model = net()
    optimizer = sgd(model)
    schedule = steered(optimizer, model, total_steps=20)
    run(model, optimizer, schedule, range(2))
    schedule.detach()
    rates = [group["lr"] for group in optimizer.param_groups]
    run(model, optimizer, schedule, range(2, 12))
    assert [group["lr"] for group in optimizer.param_groups] == rates
    assert not model._forward_hooks
    assert not optimizer._optimizer_step_pre_hooks


def test_a_forward_that_nobody_saw_is_said():
    """For instance where the schedule was given a module that the training does not call."""
    model = net()
    optimizer = sgd(model)
    schedule = ActCooLR(optimizer, nn.Sequential(model), total_steps=20)
    with pytest.raises(ModelError, match="give the schedule the module that the training calls"):
        run(model, optimizer, schedule, range(1))


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
        with pytest.raises(OptionError, match="rates of its own"):
            ActCooLR(kind(model.parameters()), model, total_steps=10)
    with pytest.raises(OptionError, match="above 0"):
        ActCooLR(sgd(model, lr=0.0), model, total_steps=10)
