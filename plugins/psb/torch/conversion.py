"""Convert a torch model to PSB layers, and back."""

import copy
from collections import Counter
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from ....analyzer.errors import ModelError, OptionError
from ..encoding.binomial_table import MOST_SAMPLES
from ..encoding.levels import Levels
from ..encoding.packing import EXPONENT_BITS
from ..layer import WeightFormat
from ..rewriting.rewriter import SAMPLES
from .folding import Affine, Norm, fold_batch_norm
from .layer import PsbLayer


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
    """Return a copy whose Conv, ConvTranspose, Linear and batch norm modules are PSB layers; see `PsbLayer`.

    A batch norm that is the only reader of a layer's output becomes part of that layer, as a conversion to ONNX folds
    it, and is replaced by an Identity; any other becomes a multiplication per channel. One forward pass determines
    which case applies. Modules that are not called in it, products that are not modules (`x @ self.w`) and batch norms
    without running statistics remain in float, as does a batch norm that is the only reader of an excluded layer.

    Args:
        module: in float, trained or not; it is not changed.
        example_inputs: arguments of its forward.
        exclude: paths or patterns of paths of modules to leave in float.
        samples: n, a power of two.
        most_samples: the largest number of samples, as in `rewrite`.
        seed: of the first forward pass.
        exponent_bits: bits of an exponent.
        levels: quantization levels of the probability.
        flush_to_zero: as in `rewrite`.
        exact_dyadics: as in `rewrite`.
        per_image: as in `rewrite`.
        clip: as in `PsbLayer`.
        exact: as in `PsbLayer`.

    Raises:
        ModelError: there is nothing to convert, or a layer is called twice in a forward pass.
        OptionError: an option is invalid.

    >>> import torch
    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(18, 3))
    >>> [type(part).__name__ for part in convert(net, (torch.zeros(1, 1, 5, 5),))]
    ['PsbLayer', 'Identity', 'ReLU', 'Flatten', 'PsbLayer']
    """
    weight_format = WeightFormat(
        exponent_bits, levels or Levels(), flush_to_zero, exact_dyadics, per_image, most_samples
    )
    converted = copy.deepcopy(module)
    calls, norm_of = trace_calls(converted, example_inputs)
    paths = _select_paths(calls, exclude)
    absorbed = {norm for layer, norm in norm_of.items() if layer in paths and norm in paths}
    in_float = {norm for layer, norm in norm_of.items() if layer not in paths}
    number = 0
    for path in paths:
        part, norm_path = converted.get_submodule(path), norm_of.get(path)
        if path in absorbed | in_float or (isinstance(part, Norm) and part.running_mean is None):
            continue
        norm = converted.get_submodule(norm_path) if norm_path in absorbed and norm_path is not None else part
        layer = PsbLayer(
            part if isinstance(part, Affine) else None,
            norm if isinstance(norm, Norm) else None,
            weight_format,
            number=number,
            samples=samples,
            seed=seed,
            clip=clip,
            exact=exact,
        )
        layer.training = part.training
        converted = _replace_module(converted, path, layer)
        if norm_path is not None and norm_path in absorbed:
            converted = _replace_module(converted, norm_path, nn.Identity())
        number += 1
    if not number:
        raise ModelError(
            f"expected a Conv, Linear or BatchNorm module in the forward pass of {type(module).__name__}, got none; "
            "check the module and exclude"
        )
    return converted


def float_copy(module: nn.Module) -> nn.Module:
    """Return a copy of a converted module in float: its real-valued weights, with batch norms folded in.

    >>> import torch
    >>> net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).eval()
    >>> x = torch.ones(1, 2)
    >>> torch.allclose(float_copy(convert(net, (x,)))(x), net(x), atol=1e-5)
    True
    """
    result = copy.deepcopy(module)
    for path, part in list(result.named_modules()):
        if isinstance(part, PsbLayer):
            result = _replace_module(result, path, _float_layer(part))
    return result


def trace_calls(module: nn.Module, example_inputs: tuple[Any, ...]) -> tuple[list[str], dict[str, str]]:
    """Run a module once in evaluation mode and record its calls of layers and batch norms.

    Returns:
        The paths of the layers and batch norms, in order of their calls, one entry for each call; and by path of a
        layer, the path of the batch norm that is the only reader of its output.

    >>> net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.BatchNorm2d(2))
    >>> trace_calls(net, (torch.zeros(1, 1, 5, 5),))
    (['0', '1', '3'], {'0': '1'})
    """
    reads = _ReadCounter()
    calls: list[str] = []
    layer_of: dict[int, str] = {}
    pairs: dict[str, tuple[str, Tensor]] = {}
    hooks = []
    paths: dict[nn.Module, str] = {
        part: path for path, part in module.named_modules() if isinstance(part, Affine | Norm)
    }

    def before(part: nn.Module, arguments: tuple[Any, ...]) -> None:
        calls.append(paths[part])
        x = arguments[0] if arguments else None
        if isinstance(part, Norm) and isinstance(x, Tensor) and id(x) in layer_of:
            pairs[layer_of[id(x)]] = (paths[part], x)

    def after(part: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> None:
        del arguments
        if isinstance(part, Affine) and (not isinstance(part, nn.Linear) or output.dim() == 2):
            layer_of[id(output)] = paths[part]
            reads.alive.append(output)

    for part in paths:
        hooks += [part.register_forward_pre_hook(before), part.register_forward_hook(after)]
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        with torch.no_grad(), reads:
            output = module(*example_inputs)
        reads.count(output)
    finally:
        for hook in hooks:
            hook.remove()
        for part in training:
            part.training = True
    times = Counter(calls)
    norm_of = {
        layer: norm
        for layer, (norm, x) in pairs.items()
        if reads.counts[id(x)] == 1 and times[layer] == times[norm] == 1
    }
    return calls, norm_of


class _ReadCounter(TorchFunctionMode):
    """Counts, while active, how often each tensor is an argument of a function that returns tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[int] = Counter()
        self.alive: list[Tensor] = []  # the counted tensors, so that no other tensor gets the same id

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the function; if it returns a tensor, count its arguments."""
        del types
        result = func(*args, **(kwargs or {}))
        if any(isinstance(leaf, Tensor) for leaf in tree_leaves(result)):
            self.count((args, kwargs))
        return result

    def count(self, values: Any) -> None:
        """Add one to the count of every tensor among these values."""
        for leaf in tree_leaves(values):
            if isinstance(leaf, Tensor):
                self.counts[id(leaf)] += 1
                self.alive.append(leaf)


def _select_paths(calls: Sequence[str], exclude: str | Sequence[str]) -> list[str]:
    """The paths of the modules to convert."""
    patterns = [exclude] if isinstance(exclude, str) else list(exclude)
    for pattern in patterns:
        if not any(fnmatchcase(path, pattern) for path in calls):
            raise OptionError(
                f"exclude: expected the path or a pattern of called layers, got {pattern!r}; "
                f"there are {', '.join(dict.fromkeys(calls)) or 'none'}"
            )
    selected = [path for path in calls if not any(fnmatchcase(path, pattern) for pattern in patterns)]
    repeated = [path for path, times in Counter(selected).items() if times > 1]
    if repeated:
        raise ModelError(
            f"expected one call of each layer in a forward pass, got several of {repeated[0]!r}, whose weights a PSB "
            "layer draws once; exclude it, or use a separate module for each call"
        )
    return selected


def _float_layer(layer: PsbLayer) -> nn.Module:
    if layer.affine is None:
        norm = layer.norm
        if norm is None:
            raise ModelError("expected a PSB layer with a layer or a batch norm, got neither; convert the model again")
        return norm
    weight, bias = fold_batch_norm(layer.affine, layer.norm)
    if layer.norm is not None or layer.affine.bias is not None:
        layer.affine.bias = nn.Parameter(bias.detach())
    layer.affine.weight = nn.Parameter(weight.detach())
    return layer.affine


def _replace_module(root: nn.Module, path: str, part: nn.Module) -> nn.Module:
    """Put a module at a path and return the root; for an empty path, the module is the root."""
    if not path:
        return part
    root.set_submodule(path, part)
    return root
