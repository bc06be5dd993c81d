"""The plain loop does what a loop written out by hand does, and reports what happened."""

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from torch import nn
from torch.nn import functional as F

from relucid.trainers.datasets import Labelled, Split, load_digits
from relucid.trainers.loop import accuracy, count_correct, cross_entropy, train
from relucid.trainers.nets import dense


def data(classes: int) -> Split:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(50, 4)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64) if classes == 1 else np.abs(x).argmax(1)
    return Split(Labelled(x[:37], y[:37]), Labelled(x[37:], y[37:]))


def net(classes: int) -> nn.Module:
    return dense(4, 8, 2, classes, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("classes", [1, 4])
@pytest.mark.parametrize("shuffled", [False, True])
def test_steps_are_those_of_a_loop_by_hand(classes, shuffled):
    split, ours, theirs = data(classes), net(classes), net(classes)
    x, y = torch.from_numpy(split.train.x), torch.from_numpy(split.train.y)
    optimizer = torch.optim.Adam(ours.parameters(), lr=0.01)
    order = torch.Generator().manual_seed(1) if shuffled else None
    decay = 0.1 * sum(p.square().sum() for p in ours.parameters()).item()
    epochs = list(
        train(
            ours,
            split,
            optimizer=optimizer,
            epochs=3,
            batch=10,
            shuffle=order,
            penalty=lambda: 0.1 * sum(p.square().sum() for p in ours.parameters()),
        )
    )
    optimizer, order = torch.optim.Adam(theirs.parameters(), lr=0.01), torch.Generator().manual_seed(1)
    rights, losses = [], []
    for _ in range(3):
        rows, right = torch.randperm(37, generator=order) if shuffled else torch.arange(37), 0
        for start in range(0, 37, 10):
            batch = rows[start : start + 10]
            logits = theirs(x[batch])
            if classes == 1:
                loss = F.binary_cross_entropy(torch.sigmoid(logits[:, 0]), y[batch].float())
                right += int(((logits[:, 0] > 0) == (y[batch] == 1)).sum())
            else:
                loss = -torch.log_softmax(logits, 1)[range(len(batch)), y[batch]].mean()
                right += int((logits.argmax(1) == y[batch]).sum())
            losses.append(loss.item())
            optimizer.zero_grad()
            (loss + 0.1 * sum(p.square().sum() for p in theirs.parameters())).backward()
            optimizer.step()
        rights.append(right / 37)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)
    assert [epoch.train_accuracy for epoch in epochs] == pytest.approx(rights)
    assert [epoch.loss for epoch in epochs] == pytest.approx([np.mean(losses[i : i + 4]) for i in (0, 4, 8)], rel=1e-4)
    assert epochs[0].penalty == pytest.approx(decay, rel=0.2)
    assert [epoch.number for epoch in epochs] == [0, 1, 2]


def test_it_learns_the_digits():
    split = load_digits()
    model = nn.Sequential(nn.Flatten(), dense(64, 32, 2, 10, generator=torch.Generator().manual_seed(0)))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    *_, last = train(model, split, optimizer=optimizer, epochs=15, batch=64)
    assert last.val_accuracy > 0.9


def test_accuracy_leaves_the_model_unchanged():
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 4))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    first, second = (accuracy(model, data(4).train, batch=7) for _ in range(2))
    assert first == second
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_epochs_run_when_the_iterator_is_advanced():
    steps = []
    model = net(4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    epochs = train(model, data(4), optimizer=optimizer, epochs=2, batch=20, after_step=lambda: steps.append(1))
    assert steps == []
    next(epochs)
    assert len(steps) == 2


def test_one_logit_is_that_of_class_1():
    logits = torch.tensor([[2.0], [-3.0], [0.0]])
    assert count_correct(logits, torch.tensor([1, 0, 0])).item() == 3
    assert cross_entropy(logits[:1], torch.tensor([1])).item() == pytest.approx(np.log1p(np.exp(-2)))
