"""Which layers a forward runs, in their order, and which batch norm alone reads what a layer makes."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from .tables import Affine, Norm


@dataclass(eq=False)
class Reads(TorchFunctionMode):
    """Counts how often each tensor is read by a function that makes tensors, while it is entered."""

    counts: Counter[int] = field(default_factory=Counter)
    alive: list[Tensor] = field(default_factory=list)
    """Every tensor that was counted, so that no other one gets its id."""

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the function; if a tensor comes out, its arguments were read."""
        del types
        made = func(*args, **(kwargs or {}))
        if any(isinstance(leaf, Tensor) for leaf in tree_leaves(made)):
            self.read((args, kwargs))
        return made

    def read(self, values: Any) -> None:
        """Count every tensor among these values once more."""
        for leaf in tree_leaves(values):
            if isinstance(leaf, Tensor):
                self.counts[id(leaf)] += 1
                self.alive.append(leaf)


@dataclass(frozen=True)
class Forward:
    """What a forward ran.

    Args:
        calls: paths of the layers and batch norms it called, in their order; one called twice stands here twice.
        behind: path of the batch norm that alone reads what a layer makes, by the path of the layer.
    """

    calls: tuple[str, ...]
    behind: dict[str, str]


def watch(module: nn.Module, example_inputs: tuple[Any, ...]) -> Forward:
    """Run a module once in evaluation mode and see.

    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.BatchNorm2d(2))
    >>> watch(net, (torch.zeros(1, 1, 5, 5),))
    Forward(calls=('0', '1', '3'), behind={'0': '1'})
    """
    reads, calls = Reads(), []
    maker: dict[int, str] = {}
    pairs: dict[str, tuple[str, Tensor]] = {}
    hooks = []
    paths: dict[nn.Module, str] = {
        part: path for path, part in module.named_modules() if isinstance(part, Affine | Norm)
    }

    def before(part: nn.Module, arguments: tuple[Any, ...]) -> None:
        calls.append(paths[part])
        x = arguments[0] if arguments else None
        if isinstance(part, Norm) and isinstance(x, Tensor) and id(x) in maker:
            pairs[maker[id(x)]] = (paths[part], x)

    def after(part: nn.Module, arguments: tuple[Any, ...], made: Tensor) -> None:
        del arguments
        if isinstance(part, Affine) and (not isinstance(part, nn.Linear) or made.dim() == 2):
            maker[id(made)] = paths[part]
            reads.alive.append(made)

    for part in paths:
        hooks += [part.register_forward_pre_hook(before), part.register_forward_hook(after)]
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        with torch.no_grad(), reads:
            made = module(*example_inputs)
        reads.read(made)
    finally:
        for hook in hooks:
            hook.remove()
        for part in training:
            part.training = True
    times = Counter(calls)
    behind = {
        layer: norm
        for layer, (norm, x) in pairs.items()
        if reads.counts[id(x)] == 1 and times[layer] == times[norm] == 1
    }
    return Forward(tuple(calls), behind)
