"""Trial steps with any optimizer: they equal real steps, and everything is restored bit by bit."""

import pytest
import torch
from torch import nn

from relucid.plugins.torch.steps.trial_step import LINEAR, is_linear, only_reads_gradients, trials

from ..optimizers import OPTIMIZERS, net, snapshot, train_steps


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize("rate", [1e-3, 20.0])
@pytest.mark.parametrize("many", [False, True])
def test_a_trial_is_the_step(make, steps, rate, many):
    """Its parameters are those of a real step at that rate; with `many`, up to rounding."""
    model, optimizer, closure = train_steps(make, steps)
    twin, other, closure_of_twin = train_steps(make, steps)
    for group in other.param_groups:
        group["lr"] = torch.tensor(rate) if isinstance(group["lr"], torch.Tensor) else rate
    closure_of_twin()
    other.step(closure_of_twin)
    closure()
    before = snapshot(model, optimizer)
    with trials(optimizer, many=many, closure=closure, model=model) as at:
        with at([2.0] * len(optimizer.param_groups)):
            pass
        with at([rate] * len(optimizer.param_groups)):
            for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
                if many and is_linear(optimizer):
                    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6 * max(rate, 1))
                else:
                    assert torch.equal(ours, theirs)
        snapshot(model, optimizer).assert_same(before)
    snapshot(model, optimizer).assert_same(before)


@pytest.mark.parametrize("steps", [0, 1])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("foreach", [None, False, True])
def test_gradients_that_are_not_copied_are_not_written(steps, momentum, weight_decay, maximize, foreach):
    options = {"momentum": momentum, "weight_decay": weight_decay, "maximize": maximize, "foreach": foreach}
    model, optimizer, closure = train_steps(lambda p: torch.optim.SGD(p, lr=0.1, **options), steps)
    assert only_reads_gradients(optimizer)
    closure()
    before = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    optimizer.step()
    for name, gradient in before.items():
        assert torch.equal(model.get_parameter(name).grad, gradient)


def test_gradients_that_may_be_written_are_copied():
    """Nesterov's momentum is added to them in a step of several tensors."""
    model, optimizer, closure = train_steps(OPTIMIZERS["SGD nesterov foreach"], 1)
    closure()
    before = model.first.weight.grad.clone()
    optimizer.step()
    assert not torch.equal(model.first.weight.grad, before)
    for name in OPTIMIZERS.keys() - {"SGD", "SGD momentum"}:
        assert not only_reads_gradients(OPTIMIZERS[name](list(net().parameters())))


@pytest.mark.parametrize("name", ["Adafactor", "ASGD", "Rprop", "LBFGS"])
def test_others_are_not_linear(name):
    """For optimizers outside of `LINEAR` twice the rate is not twice the step."""
    model, optimizer, closure = train_steps(OPTIMIZERS[name], 2)
    assert type(optimizer) not in LINEAR
    closure()
    moved = []
    with trials(optimizer, closure=closure, model=model) as at:
        start = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
        for rate in (0.5, 1.0):
            with at([rate] * len(optimizer.param_groups)):
                moved.append(torch.cat([parameter.detach().flatten() for parameter in model.parameters()]) - start)
    assert not torch.allclose(2 * moved[0], moved[1], rtol=0.05)


def test_every_optimizer_of_torch_is_tried():
    known = {kind for kind in vars(torch.optim).values() if isinstance(kind, type)} - {torch.optim.Optimizer}
    tried = {type(make(list(net().parameters()))) for make in OPTIMIZERS.values()} | {torch.optim.SparseAdam}
    assert known == tried
    assert known >= LINEAR


def test_sparse_gradients():
    embedding = nn.Embedding(6, 2, sparse=True)
    optimizer = torch.optim.SparseAdam(embedding.parameters(), lr=0.1)
    embedding(torch.tensor([1, 4])).sum().backward()
    start = embedding.weight.detach().clone()
    with trials(optimizer, many=True) as at, at([0.5]):
        moved = (embedding.weight - start).detach()
    assert torch.equal(embedding.weight, start)
    torch.testing.assert_close(moved[[1, 4]], torch.full((2, 2), -0.5))
    assert not moved[[0, 2, 3, 5]].any()


def test_hooks_and_schedules_are_not_told():
    _, optimizer, closure = train_steps(OPTIMIZERS["SGD"], 1)
    closure()
    told = []
    optimizer.register_step_post_hook(lambda *_: told.append("hook"))
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    with trials(optimizer) as at, at([1.0, 1.0]):
        pass
    assert told == []
    assert not getattr(optimizer, "_opt_called", False)
    assert schedule.get_last_lr() == [group["lr"] for group in optimizer.param_groups]


def test_half_precision_takes_real_steps():
    layer = nn.Linear(2, 2).to(torch.bfloat16)
    assert not is_linear(torch.optim.SGD(layer.parameters()))
