"""Monitor: dead and linear units and points, patterns and redundancy, measured in the forward passes of training."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ....analyzer.errors import StateError
from ....analyzer.options import MAX_COVARIANCE_UNITS
from ....analyzer.report import Report
from ....analyzer.sites import Site
from ....analyzer.stats.patterns import CAPACITY
from ..capture.capture import Capture
from ..distributed import gather_objects, get_rank_and_world_size
from ..validation import check_callable, check_count
from .loggers import Scalar, scalars
from .snapshots import BatchNorm, snapshot
from .window import PassRecord, Window

Log = Callable[[dict[str, Scalar], int], None]


class Monitor:
    """Measures every k-th forward pass of training and reports on windows of them.

        monitor = Monitor(model, every=100, log=CsvLog("sites.csv"))

    No pass is added: the monitor reads the passes of the training, those with gradients. A step is such a pass; with
    gradient accumulation, an optimizer step has several. A unit is only dead over some data, so every report and every
    row of the log names the passes of its window (`window_forwards`, `window_first_step`, `window_last_step`,
    `samples`).

    In a distributed run every process creates a monitor; the report is about all processes, and rank 0 logs it.

    Args:
        model: the model; its forward passes are monitored until `detach()`.
        every: k; the first pass is measured, then every k-th.
        window: number of measured passes in a report; or "epoch": a window ends with the call of `end_window()`.
        log: called at the end of every window with numbers by name, see `scalars`, and the step.
        capacity: maximum number of distinct patterns of a site and window that are counted exactly.
        squares: maximum number of units of a site for which VNI is computed.

    Attributes:
        report: the report of the last window; None before the first one has ended.
        fallback_log: called if `log` is None; set by the adapters of training frameworks.

    Raises:
        OptionError: an option has an invalid value.
        ModelError: a part of the model cannot be captured.

    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> monitor = Monitor(model, every=2, log=lambda values, step: print(step, values["samples"]))
    >>> for _ in range(4):
    ...     model(torch.ones(5, 2)).sum().backward()
    0 5
    2 5
    >>> monitor.report["1"].units
    3
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        every: int = 100,
        window: int | Literal["epoch"] = 1,
        log: Log | None = None,
        capacity: int = CAPACITY,
        squares: int = MAX_COVARIANCE_UNITS,
    ) -> None:
        check_count("every", every)
        check_count("capacity", capacity)
        check_count("squares", squares, least=0)
        if window != "epoch":
            check_count('window, if not "epoch"', window)
        self.log: Log | None = check_callable("log", log)
        self.fallback_log: Log | None = None
        self.every = every
        self.window = window
        self.report: Report | None = None
        self._new_window = partial(Window, capacity=capacity, squares=squares)
        self._open = self._new_window()
        self._record: PassRecord | None = None
        self._steps = 0
        self.attach(model)

    def attach(self, model: nn.Module) -> None:
        """Monitor this model from now on, continuing the count of steps."""
        self._model = model
        self._capture = Capture(model, self)

    def detach(self) -> None:
        """Remove the hooks from the model; the last report stays."""
        self._capture.detach()

    def end_window(self) -> Report | None:
        """Report and log the open window and start a new one; returns None if no pass was measured in it.

        In a distributed run this is a collective call.
        """
        local, self._open = self._open, self._new_window()
        window = self._new_window()
        for state in gather_objects(local.state()):
            window.merge(state)
        if not window.forwards:
            return None
        rank, world_size = get_rank_and_world_size()
        self.report = window.report(provenance=self._provenance(world_size))
        log = self.fallback_log if self.log is None else self.log
        if log is not None and rank == 0:
            log(scalars(self.report), window.last)
        return self.report

    def snapshot(
        self, data: Iterable[Any], *, batch_norm: BatchNorm = "eval", example_inputs: Any = None, **options: Any
    ) -> Report:
        """Return a report of the model in its current state over a whole data set, without side effects on training.

        See `relucid.plugins.torch.monitor.snapshots.snapshot`.
        """
        return snapshot(self._model, data, batch_norm=batch_norm, example_inputs=example_inputs, **options)

    def state_dict(self) -> dict[str, Any]:
        """Return the number of steps and the open window, as plain numbers and tensors."""
        return {"steps": self._steps, "rank": get_rank_and_world_size()[0], "window": self._open.state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the number of steps, and the open window if this process has saved it.

        Raises:
            StateError: it is not the state of a Monitor.
        """
        if missing := {"steps", "rank", "window"} - state.keys():
            raise StateError(
                f"expected the state of a Monitor, got one without {', '.join(sorted(missing))}; pass its state_dict()"
            )
        self._steps = int(state["steps"])
        self._open = self._new_window()
        if state["rank"] == get_rank_and_world_size()[0]:
            self._open.merge(state["window"])

    def begin(self) -> bool:
        """Called by the capture, see `Observer`: count the step and decide whether to measure it."""
        if not torch.is_grad_enabled():
            return False
        step, self._steps = self._steps, self._steps + 1
        if step % self.every:
            return False
        self._record = PassRecord(self._open)
        return True

    def see(self, site: Site, z: Tensor) -> None:
        """Called by the capture: reduce the pre-activations of a site."""
        if self._record is not None:
            self._record.see(site, z)

    def end(self, output: Any) -> None:
        """Called by the capture: add the pass to the window, and end the window if it is full."""
        del output
        record, self._record = self._record, None
        if record is None:
            return
        self._open.add_pass(record, step=self._steps - 1, sites=self._capture.sites)
        if self._open.forwards == self.window:
            self.end_window()

    def _provenance(self, world_size: int) -> dict[str, Any]:
        return {
            "model": type(self._model).__name__,
            "torch": torch.__version__,
            "every": self.every,
            "window": self.window,
            "ranks": world_size,
        }
