"""Temperature: the share of patterns that every k-th optimizer step changes, whoever chooses the learning rates."""

from torch import nn
from torch.optim import Optimizer

from ...analyzer.errors import OptionError
from ...analyzer.measures.temperature import network_distance
from .probe import Probe
from .reading import Reading
from .stepping import Steps, unwrapped


class Thermometer:
    """Measures how many activation patterns a step changes: D of each site, P and T of the network (H, 3.2.2).

        thermometer = Thermometer(model, optimizer, every=8)

    Patterns are those of the training forward; one more forward of the same batch follows the step. Nothing of the
    training changes by it. A step is one of the optimizer: accumulated batches make one, a step that a gradient scaler
    skips is none. In a distributed run every process makes one of its own; they measure together.

    Args:
        model: the network that the training calls.
        optimizer: that moves its parameters.
        every: k; the first step is measured, then every k-th.

    Raises:
        OptionError: an option has a value that cannot be meant.
        ModelError: a part of the model cannot be seen into.

    >>> import torch
    >>> model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU())
    >>> _ = model[0].weight.data.fill_(1.0)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=3.0)
    >>> thermometer = Thermometer(model, optimizer, every=1)
    >>> model(torch.tensor([[1.0], [-1.0]])).sum().backward()
    >>> optimizer.step()  # from 1 to -2: both patterns change
    >>> thermometer.history[0].distance
    1.0
    """

    def __init__(self, model: nn.Module, optimizer: Optimizer, *, every: int = 8) -> None:
        if every < 1:
            raise OptionError(f"every: wanted 1 or more optimizer steps, got {every}")
        self.every = every
        self._optimizer = unwrapped(optimizer)
        self._readings: list[Reading] = []
        self._step = self._due = 0
        self._probe = Probe(model)
        self._probe.want()
        self._steps = Steps(optimizer, before=lambda: None, after=self._stepped)

    @property
    def history(self) -> tuple[Reading, ...]:
        """What was measured so far."""
        return tuple(self._readings)

    def detach(self) -> None:
        """Take the hooks off model and optimizer; the history stays."""
        self._probe.detach()
        self._steps.detach()

    def _stepped(self) -> None:
        if self._probe.ready:
            sites = self._probe.measure()
            rate = max(float(group["lr"]) for group in self._optimizer.param_groups)
            P = network_distance([*sites.values()])
            self._readings.append(Reading(step=self._step, rate=rate, distance=P, sites=sites))
            self._due = self._step + self.every
        self._probe.forget()
        self._step += 1
        if self._step >= self._due:
            self._probe.want()
