"""Everything that an optimizer and a model hold is restored bit by bit, however the context ends."""

import random
from contextlib import suppress

import numpy as np
import pytest
import torch

from relucid.plugins.torch.steps.restore import restore_afterwards

from ..optimizers import OPTIMIZERS, snapshot, train_steps


def identities(optimizer):
    values = [value for state in optimizer.state.values() for value in state.values()]
    return [id(value) for value in values if isinstance(value, torch.Tensor)]


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("ends", ["returns", "raises", "is interrupted"])
def test_all_is_as_it_was(make, steps, ends):
    model, optimizer, closure = train_steps(make, steps)
    before = snapshot(model, optimizer)
    kept = identities(optimizer)
    error = {"returns": None, "raises": ValueError, "is interrupted": KeyboardInterrupt}[ends]
    with suppress(ValueError, KeyboardInterrupt), restore_afterwards(optimizer, model):
        model.eval()
        random.random(), np.random.rand(), torch.rand(1)  # noqa: NPY002 - as users draw
        for group in optimizer.param_groups:
            group["lr"], group["new"] = 7.0, 1
        model.zero_grad()
        for _ in range(2):
            closure()
            optimizer.step(closure)
        if error is not None:
            raise error
    snapshot(model, optimizer).assert_same(before)
    assert identities(optimizer) == kept


def test_an_interrupt_while_restoring_restores_again(monkeypatch):
    model, optimizer, closure = train_steps(OPTIMIZERS["Adam"], 2)
    before = snapshot(model, optimizer)
    copy, calls = torch.Tensor.copy_, []

    def interrupted(self, other):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return copy(self, other)

    def attempt():
        with restore_afterwards(optimizer, model):
            optimizer.step(closure)
            monkeypatch.setattr(torch.Tensor, "copy_", interrupted)

    with pytest.raises(KeyboardInterrupt):
        attempt()
    monkeypatch.undo()
    assert len(calls) > 3
    snapshot(model, optimizer).assert_same(before)
