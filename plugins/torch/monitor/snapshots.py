"""Snapshots: a report of a model over a whole data set in the middle of its training, which it does not change."""

import inspect
from collections.abc import Iterable, Mapping
from copy import deepcopy
from itertools import chain
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ....analyzer.errors import DataError, ModelError, OptionError
from ....analyzer.options import MAX_COVARIANCE_UNITS
from ....analyzer.report import Report
from ....analyzer.stats.patterns import CAPACITY
from ..capture.capture import Capture
from ..capture.hooks import unwrap_model
from ..steps.restore import preserve_rng_and_modes
from .window import PassRecord, Window

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
    """Return the report of a model over a data set; restores random states, training flags and running statistics.

    With batch norms in evaluation mode the model is exported and passed to `relucid.analyze`. With batch norms in
    training mode (H, section 3.1.3: each batch is normalized by its own statistics) results depend on the batches, so a
    copy of the model runs on the batches in their order; the rest of the copy is in evaluation mode.

    Args:
        model: the model.
        data: an iterable of batches, such as a `DataLoader`: tensors; tuples (x, ..., y), whose last entry is dropped
            as labels if it is a vector of integers; or mappings from argument names of the model's forward.
        batch_norm: mode of the batch norms, "eval" or "train".
        example_inputs: inputs for the export; those of the first batch if None.
        options: of `relucid.analyze` with "eval", of `Window` with "train".

    Raises:
        OptionError: `batch_norm` is neither.
        DataError: there are no batches.
        ModelError: the model has no site.
        RelucidError: see `relucid.analyze`.
    """
    if batch_norm not in {"eval", "train"}:
        raise OptionError(f"batch_norm: expected eval or train, got {batch_norm!r}")
    model = unwrap_model(model)
    with preserve_rng_and_modes(model):
        if not isinstance(data, Iterable):
            raise DataError(f"data: expected an iterable of batches, got {type(data).__name__}")
        batches = iter(data)
        first = next(batches, None)
        if first is None:
            raise DataError("data: expected at least one batch, got none")
        batches = chain([first], batches)
        if batch_norm == "train":
            return _run_in_training(model, batches, **options)
        from ....analyzer.analysis import analyze  # noqa: PLC0415 - imports onnxruntime, which training does not need

        example = _example(model, first) if example_inputs is None else example_inputs
        return analyze(model, batches, example_inputs=example, **options)


def _run_in_training(
    model: nn.Module, batches: Iterable[Any], *, capacity: int = CAPACITY, squares: int = MAX_COVARIANCE_UNITS
) -> Report:
    copy = deepcopy(model).eval()
    for module in copy.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    window = Window(capacity=capacity, squares=squares)
    record = PassRecord(window)
    capture = Capture(copy, record)
    with torch.no_grad():
        for step, batch in enumerate(batches):
            positional, named = _arguments(copy, batch)
            copy(*positional, **named)
            window.add_pass(record, step=step, sites=capture.sites)
    if not capture.sites:
        raise ModelError(
            f"expected a forward pass with a ReLU-like function, got {type(model).__name__} without; pass another model"
        )
    provenance = {"model": type(model).__name__, "torch": torch.__version__, "batch_norm": "train"}
    return window.report(provenance=provenance)


def _arguments(model: nn.Module, batch: Any) -> Arguments:
    """Return the arguments of the model's forward that a batch contains, on the model's device."""
    device = next((tensor.device for tensor in chain(model.parameters(), model.buffers())), torch.device("cpu"))
    if isinstance(batch, Mapping):
        known = inspect.signature(model.forward).parameters
        return (), {
            name: _to_device(value, device) for name, value in batch.items() if name in known and name != "labels"
        }
    if not isinstance(batch, tuple | list):
        return (_to_device(batch, device),), {}
    last = batch[-1]
    labelled = len(batch) > 1 and isinstance(last, Tensor) and last.dim() <= 1 and not last.is_floating_point()
    return tuple(_to_device(value, device) for value in batch[: len(batch) - labelled]), {}


def _example(model: nn.Module, batch: Any) -> tuple[Any, ...]:
    """Return the arguments as positional ones, for the export of the model."""
    positional, named = _arguments(model, batch)
    bound = inspect.signature(model.forward).bind(*positional, **named)
    last = max((place for place, name in enumerate(bound.signature.parameters) if name in bound.arguments), default=-1)
    bound.apply_defaults()
    return bound.args[: last + 1]


def _to_device(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, Tensor) else value
