"""Every optimizer of torch in several variants, a net with unusual parameters, and its complete state."""

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn, optim


class Net(nn.Module):
    """Batch norm, dropout, a frozen parameter, tied weights, one that gets no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.drop = nn.Linear(4, 8, bias=False), nn.BatchNorm1d(8), nn.Dropout(0.3)
        self.second, self.third, self.out = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 1)
        self.third.weight = self.second.weight
        self.second.bias.requires_grad_(False)
        self.unused = nn.Parameter(torch.ones(2, 2))

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(torch.relu(self.norm(self.first(x))))
        return self.out(torch.relu(self.third(torch.relu(self.second(x)))))


def net() -> Net:
    """A net with the same weights every time."""
    torch.manual_seed(0)
    return Net()


def _matrices(parameters: list[nn.Parameter]) -> list[nn.Parameter]:
    return [parameter for parameter in parameters if parameter.dim() == 2]


def _groups(parameters: list[nn.Parameter]) -> list[dict[str, Any]]:
    return [{"params": parameters[:2], "lr": 0.1}, {"params": parameters[2:], "lr": 0.2}]


OPTIMIZERS: dict[str, Callable[[list[nn.Parameter]], optim.Optimizer]] = {
    "SGD": lambda p: optim.SGD(_groups(p), weight_decay=0.1),
    "SGD momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.2, weight_decay=0.1, foreach=False),
    "SGD nesterov foreach": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, foreach=True),
    "SGD maximize fused": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, maximize=True, fused=True),
    "Adam": lambda p: optim.Adam(_groups(p), weight_decay=0.1),
    "Adam amsgrad foreach": lambda p: optim.Adam(p, lr=0.1, amsgrad=True, foreach=True),
    "Adam fused": lambda p: optim.Adam(p, lr=0.1, fused=True),
    "Adam tensor lr": lambda p: optim.Adam(p, lr=torch.tensor(0.1), foreach=False),
    "AdamW": lambda p: optim.AdamW(p, lr=0.1, weight_decay=0.2),
    "AdamW fused": lambda p: optim.AdamW(p, lr=0.1, weight_decay=0.2, fused=True),
    "NAdam": lambda p: optim.NAdam(p, lr=0.1, weight_decay=0.1, decoupled_weight_decay=True),
    "RAdam": lambda p: optim.RAdam(p, lr=0.1, weight_decay=0.1),
    "Adamax": lambda p: optim.Adamax(p, lr=0.1),
    "Adadelta": lambda p: optim.Adadelta(p, lr=0.1, weight_decay=0.1),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.1, lr_decay=0.1),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.1, momentum=0.5, centered=True),
    "Muon": lambda p: optim.Muon(_matrices(p), lr=0.1),
    "Adafactor": lambda p: optim.Adafactor(p, lr=0.1),
    "ASGD": lambda p: optim.ASGD(p, lr=0.1),
    "Rprop": lambda p: optim.Rprop(p, lr=0.1),
    "LBFGS": lambda p: optim.LBFGS(p, lr=0.1, max_iter=3, history_size=2),
}


def train_steps(
    make: Callable[[list[nn.Parameter]], optim.Optimizer], steps: int
) -> tuple[Net, optim.Optimizer, Callable[[], Tensor]]:
    """The net after some steps, its optimizer, and a closure, whose dropout is the same every time."""
    model = net()
    optimizer = make(list(model.parameters()))
    x = torch.randn(16, 4, generator=torch.Generator().manual_seed(1))

    def closure() -> Tensor:
        with torch.enable_grad():
            optimizer.zero_grad()
            torch.manual_seed(2)
            loss = model(x).square().mean()
            loss.backward()
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    closure()
    return model, optimizer, closure


@dataclass(frozen=True)
class State:
    """A copy of everything that a training continues with."""

    tensors: dict[str, Tensor | None]
    optimizer: dict[str, Any]
    random: tuple[Any, ...]
    training: list[bool]

    def assert_same(self, other: "State") -> None:
        """Assert equality bit by bit."""
        assert _same(self.tensors, other.tensors)
        assert _same(self.optimizer, other.optimizer)
        assert _same(self.random, other.random)
        assert self.training == other.training


def snapshot(model: nn.Module, optimizer: optim.Optimizer) -> State:
    """Copy `state_dict`s, gradients, random number generators and modes, independently of the code under test."""
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    gradients = {
        f"{name} gradient": p.grad if p.grad is None else p.grad.clone() for name, p in model.named_parameters()
    }
    return State(
        {**tensors, **gradients},
        copy.deepcopy(optimizer.state_dict()),
        (random.getstate(), np.random.get_state(), torch.get_rng_state()),  # noqa: NPY002 - as users draw
        [module.training for module in model.modules()],
    )


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, Tensor):
        return isinstance(b, Tensor) and a.dtype == b.dtype and a.numpy().tobytes() == b.numpy().tobytes()
    if isinstance(a, np.ndarray):
        return bool((a == b).all())
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(a == b)
