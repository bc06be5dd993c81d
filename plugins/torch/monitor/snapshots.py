"""A snapshot: a model amid its training, read over a whole data set, and nothing of the training changes."""

import inspect
from collections.abc import Iterable, Mapping
from copy import deepcopy
from itertools import chain
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ....analyzer.errors import DataError, ModelError, OptionError
from ....analyzer.options import SQUARES
from ....analyzer.report import Report
from ....analyzer.stats.patterns import CAPACITY
from ..capture.capture import Capture
from ..capture.hooks import inside
from ..steps.restore import preserve_rng_and_modes
from .window import Window

BatchNorm = Literal["eval", "train"]
Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def snapshot(
    model: nn.Module,
    data: Iterable[Any],
    *,
    batch_norm: BatchNorm = "eval",
    example_inputs: Any = None,
    **options: Any,
) -> Report:
    """The report of a model over a data set; random numbers, training flags and running statistics stay as they are.

    With batch norms as they are at inference the model is exported and given to `relucid.analyze`. With those of
    training (H, section 3.1.3: each batch is normalized by itself) results depend on the batches, so a copy of the
    model runs on the batches as they come; only its batch norms are in training, dropout is off.

    Args:
        model: the model.
        data: batches: tensors, tuples (x, ..., y) whose last entry, a vector of integers, are labels and not an input,
            or mappings by argument of the model's forward; a `DataLoader` as it is.
        batch_norm: "eval" or "train".
        example_inputs: what to export with, where it is not the inputs of the first batch.
        options: of `relucid.analyze` with "eval", of `Window` with "train".

    Raises:
        OptionError: `batch_norm` is neither.
        DataError: there are no batches.
        ModelError: the model has no site.
        RelucidError: see `relucid.analyze`.
    """
    if batch_norm not in {"eval", "train"}:
        raise OptionError(f"batch_norm: wanted eval or train, got {batch_norm!r}")
    model = inside(model)
    with preserve_rng_and_modes(model):
        if not isinstance(data, Iterable):
            raise DataError(f"data: wanted batches one after another, got {type(data).__name__}")
        batches = iter(data)
        first = next(batches, None)
        if first is None:
            raise DataError("a snapshot wants at least one batch, the data holds none")
        batches = chain([first], batches)
        if batch_norm == "train":
            return _of_training(model, batches, **options)
        from ....analyzer.analysis import analyze  # noqa: PLC0415 - needs onnxruntime, which training does not

        example = _example(model, first) if example_inputs is None else example_inputs
        return analyze(model, batches, example_inputs=example, **options)


def _of_training(
    model: nn.Module, batches: Iterable[Any], *, capacity: int = CAPACITY, squares: int = SQUARES
) -> Report:
    copy = deepcopy(model).eval()
    for module in copy.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    watch = _Whole(Window(capacity=capacity, squares=squares))
    capture = Capture(copy, watch)
    with torch.no_grad():
        for step, batch in enumerate(batches):
            positional, named = _arguments(copy, batch)
            copy(*positional, **named)
            watch.window.take(watch.forward, step=step, sites=capture.sites)
    if not capture.sites:
        raise ModelError(f"{type(model).__name__} has no site: its forward has called no ReLU-like function")
    provenance = {"model": type(model).__name__, "torch": torch.__version__, "batch_norm": "train"}
    return watch.window.report(provenance=provenance)


class _Whole:
    """Watches every forward."""

    def __init__(self, window: Window) -> None:
        self.window = window

    def begin(self) -> bool:
        self.forward = self.window.forward()
        self.see = self.forward.see
        return True

    def end(self, output: Any) -> None:
        """Nothing to do: the window takes the forward."""


def _arguments(model: nn.Module, batch: Any) -> Arguments:
    """What of a batch the model's forward takes, on the model's device."""
    device = next((tensor.device for tensor in chain(model.parameters(), model.buffers())), torch.device("cpu"))
    if isinstance(batch, Mapping):
        known = inspect.signature(model.forward).parameters
        return (), {name: _on(value, device) for name, value in batch.items() if name in known and name != "labels"}
    if not isinstance(batch, tuple | list):
        return (_on(batch, device),), {}
    last = batch[-1]
    labelled = len(batch) > 1 and isinstance(last, Tensor) and last.dim() <= 1 and not last.is_floating_point()
    return tuple(_on(value, device) for value in batch[: len(batch) - labelled]), {}


def _example(model: nn.Module, batch: Any) -> tuple[Any, ...]:
    """The same as positional arguments, which is how a model is exported."""
    positional, named = _arguments(model, batch)
    bound = inspect.signature(model.forward).bind(*positional, **named)
    last = max((place for place, name in enumerate(bound.signature.parameters) if name in bound.arguments), default=-1)
    bound.apply_defaults()
    return bound.args[: last + 1]


def _on(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, Tensor) else value
