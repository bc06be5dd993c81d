"""Monitor: dead and linear units and points, patterns and redundancy, read from the training forwards themselves."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from ....analyzer.errors import StateError
from ....analyzer.options import MAX_COVARIANCE_UNITS
from ....analyzer.report import Report
from ....analyzer.sites import Site
from ....analyzer.stats.patterns import CAPACITY
from ..capture.capture import Capture
from ..distributed import gathered, place
from ..validation import count, function
from .loggers import Scalar, scalars
from .snapshots import BatchNorm, snapshot
from .window import Window

if TYPE_CHECKING:
    from .window import Forward

Log = Callable[[dict[str, Scalar], int], None]


class Monitor:
    """Reads every k-th training forward and reports windows of them.

        monitor = Monitor(model, every=100, log=CsvLog("sites.csv"))

    There is no extra pass: the forward that trains is watched, that is one with gradients. A step is such a forward;
    with accumulation it is a part of an optimizer's step. A unit is only dead over some data: what a report and a row
    of the log say holds for the forwards of its window, which they name (`window_forwards`, `window_first_step`,
    `window_last_step`, `samples`).

    In a distributed run every process makes a monitor of its own; they report together, and the first one logs.

    Args:
        model: the model; its forwards are watched until `detach()`.
        every: k; the first forward is watched, then every k-th.
        window: how many watched forwards make a report; or "epoch", where `end_window()` says when.
        log: called with names and numbers, and the step, at the end of every window; see `scalars`.
        capacity: most distinct patterns of a site and window that are counted exactly.
        squares: most units of a site for which VNI is computed.

    Raises:
        OptionError: an option has a value that cannot be meant.
        ModelError: a part of the model cannot be seen into.

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
        count("every", every)
        count("capacity", capacity)
        count("squares", squares, least=0)
        if window != "epoch":
            count('window, if not "epoch"', window)
        self.log = function("log", log)
        self.every = every
        self.window = window
        self.report: Report | None = None
        self._new = partial(Window, capacity=capacity, squares=squares)
        self._open = self._new()
        self._forward: Forward | None = None
        self._steps = 0
        self.attach(model)

    def attach(self, model: nn.Module) -> None:
        """Watch this model from now on; steps are counted on."""
        self._model = model
        self._capture = Capture(model, _Watch(self))

    def detach(self) -> None:
        """Take the hooks off the model; the last report stays."""
        self._capture.detach()

    def end_window(self) -> Report | None:
        """Report what was seen since the last window ended, log it, and begin a new one; None if nothing was seen.

        In a distributed run all processes must call it.
        """
        mine, self._open = self._open, self._new()
        whole = self._new()
        for state in gathered(mine.state()):
            whole.add(state)
        if not whole.forwards:
            return None
        rank, world = place()
        self.report = whole.report(provenance=self._made(world))
        if self.log is not None and rank == 0:
            self.log(scalars(self.report), whole.last)
        return self.report

    def snapshot(
        self, data: Iterable[Any], *, batch_norm: BatchNorm = "eval", example_inputs: Any = None, **options: Any
    ) -> Report:
        """The model as it is now, over a whole data set; neither it nor any random number to come changes.

        See `relucid.plugins.torch.monitor.snapshots.snapshot`.
        """
        return snapshot(self._model, data, batch_norm=batch_norm, example_inputs=example_inputs, **options)

    def state_dict(self) -> dict[str, Any]:
        """How many steps were counted, and the window that is open, as plain numbers and tensors."""
        return {"steps": self._steps, "rank": place()[0], "window": self._open.state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where the state was taken.

        Of a state another process has saved only the steps are taken: what that process saw is not seen again here.

        Raises:
            StateError: it was taken of something else.
        """
        if missing := {"steps", "rank", "window"} - state.keys():
            raise StateError(f"wanted the state of a Monitor, got one without {', '.join(sorted(missing))}")
        self._steps = int(state["steps"])
        self._open = self._new()
        if state["rank"] == place()[0]:
            self._open.add(state["window"])

    def _begin(self) -> bool:
        if not torch.is_grad_enabled():
            return False
        step, self._steps = self._steps, self._steps + 1
        if step % self.every:
            return False
        self._forward = self._open.forward()
        return True

    def _see(self, site: Site, z: Tensor) -> None:
        if self._forward is not None:
            self._forward.see(site, z)

    def _end(self) -> None:
        forward, self._forward = self._forward, None
        if forward is None:
            return
        self._open.take(forward, step=self._steps - 1, sites=self._capture.sites)
        if self._open.forwards == self.window:
            self.end_window()

    def _made(self, world: int) -> dict[str, Any]:
        return {
            "model": type(self._model).__name__,
            "torch": torch.__version__,
            "every": self.every,
            "window": self.window,
            "ranks": world,
        }


class _Watch:
    """What the capture tells, in the monitor's words."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def begin(self) -> bool:
        return self._monitor._begin()

    def see(self, site: Site, z: Tensor) -> None:
        self._monitor._see(site, z)

    def end(self, output: Any) -> None:
        del output
        self._monitor._end()
