"""A torch model with PSB layers in place of its own, and back."""

import copy
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from torch import nn

from ....analyzer.errors import ModelError, OptionError
from ..binarize import Format
from ..draws import MOST_SAMPLES
from ..levels import Levels
from ..packing import EXPONENT_BITS
from ..rewrite import SAMPLES
from .chance import Chance
from .folding import folded
from .layer import PsbLayer
from .reads import watch
from .tables import Affine, Norm

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
