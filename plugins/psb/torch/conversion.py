"""A torch model with PSB layers in place of its own, and back."""

import copy
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from ....analyzer.errors import ModelError, OptionError
from ..encoding.binomial_table import MOST_SAMPLES
from ..encoding.levels import Levels
from ..encoding.packing import EXPONENT_BITS
from ..rewriting.rewriter import SAMPLES
from ..rewriting.targets import Format
from .folding import Affine, Norm, folded
from .layer import Chance, PsbLayer


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


Module = TypeVar("Module", bound=nn.Module)


def convert(
    module: nn.Module,
    example_inputs: tuple[Any, ...],
    *,
    exclude: str | Sequence[str] = (),
    samples: int = SAMPLES,
    most_samples: int = MOST_SAMPLES,
    seed: int = 0,
    exponent_bits: int = EXPONENT_BITS,
    levels: Levels | None = None,
    flush_to_zero: bool = True,
    exact_dyadics: bool = False,
    per_image: bool = False,
    clip: float | None = None,
    exact: bool = True,
) -> nn.Module:
    """A copy whose Conv, ConvTranspose, Linear and batch norm modules are PSB layers; see `PsbLayer`.

    A batch norm that alone reads what a layer makes becomes part of that layer, as a conversion to ONNX folds it, and
    leaves an Identity in its place; any other one becomes a multiplication per channel. Which is which is seen in one
    forward. What is not called then, is no module (`x @ self.w`) or has no running statistics stays in float, and so
    does a batch norm that alone reads an excluded layer.

    Args:
        module: in float; it is not changed, and may be trained or not.
        example_inputs: arguments of its forward.
        exclude: paths of modules to leave in float, or patterns of paths.
        samples: n, a power of two.
        most_samples: as for `rewrite`, and so all to `per_image`.
        seed: of the first forward.
        exponent_bits: k of each weight.
        levels: the probabilities.
        flush_to_zero: what becomes of weights below the smallest exponent.
        exact_dyadics: whether weights that need no chance take none.
        per_image: whether each image of a batch draws for itself.
        clip: as `PsbLayer` has it.
        exact: as `PsbLayer` has it.

    Raises:
        ModelError: there is nothing to convert, or a layer is called twice in a forward.
        OptionError: an option has no meaning.

    >>> import torch
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(18, 3))
    >>> [type(part).__name__ for part in convert(net, (torch.zeros(1, 1, 5, 5),))]
    ['PsbLayer', 'Identity', 'ReLU', 'Flatten', 'PsbLayer']
    """
    stored = Format(exponent_bits, levels or Levels(), flush_to_zero, per_image)
    chance = Chance(stored, exact_dyadics, most_samples)
    made = copy.deepcopy(module)
    seen = watch(made, example_inputs)
    calls = _called(seen.calls, exclude)
    absorbed = {norm for layer, norm in seen.behind.items() if layer in calls and norm in calls}
    in_float = {norm for layer, norm in seen.behind.items() if layer not in calls}
    number = 0
    for path in calls:
        part, behind = made.get_submodule(path), seen.behind.get(path)
        if path in absorbed | in_float or (isinstance(part, Norm) and part.running_mean is None):
            continue
        norm = made.get_submodule(behind) if behind in absorbed and behind is not None else part
        layer = PsbLayer(
            part if isinstance(part, Affine) else None,
            norm if isinstance(norm, Norm) else None,
            chance,
            number=number,
            samples=samples,
            seed=seed,
            clip=clip,
            exact=exact,
        )
        layer.training = part.training
        made = _placed(made, path, layer)
        if behind is not None and behind in absorbed:
            made = _placed(made, behind, nn.Identity())
        number += 1
    if not number:
        raise ModelError(f"{type(module).__name__} has no layer to convert: no Conv, Linear or BatchNorm is called")
    return made


def float_copy(module: nn.Module) -> nn.Module:
    """A copy in float of a converted module: its mean weights before any rounding, batch norms folded in.

    >>> import torch
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).eval()
    >>> x = torch.ones(1, 2)
    >>> torch.allclose(float_copy(convert(net, (x,)))(x), net(x), atol=1e-5)
    True
    """
    made = copy.deepcopy(module)
    for path, part in list(made.named_modules()):
        if isinstance(part, PsbLayer):
            made = _placed(made, path, _float_layer(part))
    return made


def _float_layer(layer: PsbLayer) -> nn.Module:
    if layer.affine is None:
        norm = layer.norm
        if norm is None:
            raise ModelError("a PSB layer without a layer and a batch norm cannot be copied in float")
        return norm
    weight, bias = folded(layer.affine, layer.norm)
    if layer.norm is not None or layer.affine.bias is not None:
        layer.affine.bias = nn.Parameter(bias.detach())
    layer.affine.weight = nn.Parameter(weight.detach())
    return layer.affine


def _called(calls: Sequence[str], exclude: str | Sequence[str]) -> list[str]:
    """The paths to convert, each once."""
    patterns = [exclude] if isinstance(exclude, str) else list(exclude)
    for pattern in patterns:
        if not any(fnmatchcase(path, pattern) for path in calls):
            raise OptionError(f"no layer is called {pattern!r}; there are {', '.join(dict.fromkeys(calls)) or 'none'}")
    wanted = [path for path in calls if not any(fnmatchcase(path, pattern) for pattern in patterns)]
    twice = [path for path, times in Counter(wanted).items() if times > 1]
    if twice:
        raise ModelError(
            f"the layer {twice[0]!r} is called twice in a forward, and a PSB layer draws once for each; "
            "exclude it, or give each call a module of its own"
        )
    return wanted


def _placed(root: nn.Module, path: str, part: nn.Module) -> nn.Module:
    """The module with a part at that path; the part itself where the path is empty."""
    if not path:
        return part
    root.set_submodule(path, part)
    return root
