"""ActCooLR: learning rates that make the activation patterns change as fast as a falling temperature says."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple
from functools import partial
from math import exp
from typing import Any

from torch import Tensor, nn
from torch.optim import ASGD, LBFGS, Optimizer, Rprop
from torch.optim.lr_scheduler import LRScheduler

from ....analyzer.errors import ModelError, OptionError
from ....analyzer.measures.pattern_temperature import network_distance
from ..steps.optimizer_hooks import Steps, is_finite, set_rate, unwrapped
from ..steps.trial_step import trials
from ..temperature.pattern_change import Probe
from ..temperature.thermometer import Reading, packed_readings, unpacked_readings
from . import rule
from .measure_schedule import Looks
from .parameter_sites import SitesBehind
from .rule import Belief, Diverged, Form

OWN_RATES = frozenset({ASGD, LBFGS, Rprop})
"""Optimizers that step at rates of their own."""


class ActCooLR(LRScheduler):
    """Activation cooling, a learning rate schedule (Hartmann, 2025, sections 3.3 and A.4).

        schedule = ActCooLR(optimizer, model, total_steps=epochs * len(loader))
        for x, y in loader:
            criterion(model(x), y).backward()
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()

    There is no rate to choose: what is given is the temperature T(t) at which to train, in bits; it falls from
    `start_temperature` to 0. A step at temperature T changes the share P = 1 - 2^-T of the activation patterns, in the
    mean over the sites. Before the first step a few rates are tried on its batch and a model of P as a function of the
    rate is fitted; all of it is taken back. From then on every `probe_every`-th step is measured by one more forward,
    after a fit some more, and where the model is wrong it is fitted again. For the rule see `cooling` and `looks`.

    The rates that the optimizer came with matter as ratios between its groups only. `step()` belongs after every
    optimizer step; between two of them it may be called any number of times. Where there is a closure, a step is one
    too; a step that a gradient scaler skips is none, and accumulated batches make one. In a distributed run every
    process makes its own schedule; they measure together and have the same rates.

    Args:
        optimizer: of any kind but ASGD, L-BFGS and Rprop, which step at rates of their own.
        model: the network that the training calls.
        total_steps: optimizer steps until the temperature is 0; later ones have the least rate, 1e-10.
        start_temperature: T at the first step; 3.17 changes 89 % of the patterns. Lower it if the training diverges.
        gamma: bends the curve of the temperature.
        form: which curve: `hold`, `printed` or `linear_probability`, see `rule.target_temperature`.
        probe_every: optimizer steps from one measurement to the next; after a fit they grow to it: 1, 2, 4 ...
        per_group: a rate of its own for each parameter group, from the sites that its parameters move first; from all
            sites for a group without, such as that of the last layer.

    Raises:
        OptionError: an option has a value that cannot be meant.
        ModelError: a part of the model cannot be seen into.
        Diverged: raised by `step()` or the optimizer's: no rate below 1e10 keeps the temperature.

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    >>> schedule = ActCooLR(optimizer, model, total_steps=10, probe_every=1)
    >>> for _ in range(10):
    ...     optimizer.zero_grad()
    ...     model(torch.randn(64, 4)).square().mean().backward()
    ...     optimizer.step()
    ...     schedule.step()
    >>> schedule.history[0].wanted > schedule.history[-1].wanted
    True
    """

    def __init__(
        self,
        optimizer: Optimizer,
        model: nn.Module,
        *,
        total_steps: int,
        start_temperature: float = 3.17,
        gamma: float = 1.0,
        form: Form = "hold",
        probe_every: int = 8,
        per_group: bool = False,
    ) -> None:
        options: dict[str, Any] = {"total": total_steps, "start": start_temperature, "gamma": gamma, "form": form}
        rule.check(**options)
        if probe_every < 1:
            raise OptionError(f"probe_every: wanted 1 or more optimizer steps, got {probe_every}")
        inner = unwrapped(optimizer)
        if type(inner) in OWN_RATES:
            raise OptionError(f"{type(inner).__name__} steps at rates of its own, no schedule can steer it")
        if not any(float(group["lr"]) > 0 for group in inner.param_groups):
            raise OptionError("the optimizer's learning rates: wanted one above 0, to tell the groups' ratios from")
        self._wanted = partial(rule.wanted, **options)
        self._every = probe_every
        self._per_group = per_group
        self._beliefs = [Belief()] * (len(inner.param_groups) if per_group else 1)
        self._readings: list[Reading] = []
        self._looks, self._done = Looks(), 0
        self._behind = SitesBehind()
        self._model = model
        super().__init__(inner)
        self._attach()

    @property
    def history(self) -> tuple[Reading, ...]:
        """The steps that were measured; with `per_group` one reading for each group."""
        return tuple(self._readings)

    def step(self, epoch: int | None = None) -> None:
        """Set the rates of the next optimizer step; does nothing if there was none since the last call.

        Args:
            epoch: of the base class, deprecated there; it says nothing here.

        Raises:
            Diverged: a rate is out of range; the optimizer keeps those it has.
        """
        del epoch
        if self.last_epoch == self._done:
            return
        rates = self.get_lr()
        self.last_epoch = self._done
        self._step_count += 1
        self._set(rates)

    def get_lr(self) -> list[float | Tensor]:
        """The rates of the next optimizer step, one for each group."""
        P = self._wanted(t=self._done)
        try:
            rates = [rule.rate(belief, P) for belief in self._beliefs]
        except Diverged as error:
            raise Diverged(f"step {self._done}: {error}", self.history) from None
        return [*rates] if self._per_group else [rates[0] * ratio for ratio in self._ratios()]

    def state_dict(self) -> dict[str, Any]:
        """What it believes, how far it is, its history; plain numbers and a tensor. Options are not in it."""
        return {
            "last_epoch": self.last_epoch,
            "_step_count": self._step_count,
            "rates": [float(rate) for rate in self._last_lr],
            "done": self._done,
            "looks": asdict(self._looks),
            "beliefs": [list(astuple(belief)) for belief in self._beliefs],
            "history": packed_readings(self._readings),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where the state was taken; as with any schedule the optimizer's rates come with the optimizer's state.

        Raises:
            OptionError: the state is of a schedule with other groups.
        """
        if len(state_dict["beliefs"]) != len(self._beliefs):
            raise OptionError(
                f"the state of a schedule: wanted {len(self._beliefs)} models, got {len(state_dict['beliefs'])}; "
                "per_group and the groups have to be what they were"
            )
        self.last_epoch, self._step_count = state_dict["last_epoch"], state_dict["_step_count"]
        self._done, self._looks = state_dict["done"], Looks(**state_dict["looks"])
        self._last_lr = [*state_dict["rates"]]
        self._beliefs = [Belief(*values) for values in state_dict["beliefs"]]
        self._readings = unpacked_readings(state_dict["history"])
        self._look_ahead()

    def detach(self) -> None:
        """Take the hooks off model and optimizer; rates stay as they are from then on."""
        self._probe.detach()
        self._steps.detach()

    def _attach(self) -> None:
        self._probe = Probe(self._model, trace=self._behind.see if self._per_group else None)
        self._steps = Steps(self.optimizer, before=self._before_step, after=self._after_step)
        self._look_ahead()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in {"_probe", "_steps", "_behind"}}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)
        self._behind = SitesBehind()
        self._attach()

    def _look_ahead(self) -> None:
        """Have the next forward remembered if its step is to be measured or fitted to."""
        self._probe.forget()
        if self._done >= self._looks.due or self._to_fit():
            self._probe.want()

    def _to_fit(self) -> list[int]:
        """Numbers of the beliefs that are to be fitted before the next step."""
        if self._done < self._looks.fit_due:
            return []
        return [number for number, belief in enumerate(self._beliefs) if belief.stale]

    def _before_step(self) -> None:
        stale = self._to_fit()
        if not stale:
            return
        if not self._probe.ready:
            raise ModelError(
                "fitting learning rates: wanted a forward of the model with gradients before the optimizer's step, "
                "got none; give the schedule the module that the training calls"
            )
        with trials(self.optimizer) as at:
            for number in stale:

                def measure(rate: float, number: int = number) -> float:
                    with at(self._scaled(rate, number)):
                        return self._share(self._probe.measure(), number)

                self._beliefs[number] = rule.fitted(self._beliefs[number], measure)
        told = not any(belief.stale for belief in self._beliefs)
        self._looks = (self._looks.fitted if told else self._looks.failed_to_fit)(self._done, every=self._every)
        self._check_numbers()
        self._set(self.get_lr())

    def _after_step(self) -> None:
        if self._probe.ready and self._done >= self._looks.due:
            sites = self._probe.measure()
            for number in range(len(self._beliefs)):
                self._observe(sites, number)
            self._looks = self._looks.measured(self._done, every=self._every)
            self._check_numbers()
        self._behind.clear()
        self._done += 1
        self._look_ahead()

    def _observe(self, sites: dict[str, float], number: int) -> None:
        P = self._share(sites, number)
        rate = self._rate(number)
        if rate > 0:
            self._beliefs[number] = rule.observed(self._beliefs[number], rate, P)
        belief = self._beliefs[number]
        self._readings.append(
            Reading(
                step=self._done,
                group=number,
                rate=rate,
                distance=P,
                wanted=self._wanted(t=self._done),
                mu=belief.mu,
                sigma=belief.sigma,
                fits=self._looks.fits,
                sites=sites,
            )
        )

    def _check_numbers(self) -> None:
        """Where measuring says nothing, that may be because there are no numbers any more."""
        if any(belief.stale for belief in self._beliefs) and not is_finite(self.optimizer):
            raise Diverged(
                f"step {self._done}: parameters or gradients are no longer numbers; start at a lower temperature",
                self.history,
            )

    def _share(self, sites: dict[str, float], number: int) -> float:
        """P of one model: the mean of D over the sites behind its group, over all if there are none."""
        own = self._behind.of(self.optimizer.param_groups[number]["params"]) if self._per_group else ()
        return network_distance([sites[name] for name in own] or [*sites.values()])

    def _scaled(self, rate: float, number: int) -> list[float]:
        """Rates of all groups when one model is asked for this rate: fixed ratios, or those of the models' middles."""
        if not self._per_group:
            return [rate * ratio for ratio in self._ratios()]
        middle = self._beliefs[number].mu
        return [rate * exp(belief.mu - middle) for belief in self._beliefs]

    def _ratios(self) -> list[float]:
        """The groups' rates as they came with the optimizer, over the largest of them."""
        rates = [float(group["initial_lr"]) for group in self.optimizer.param_groups]
        return [rate / max(rates) for rate in rates]

    def _rate(self, number: int) -> float:
        """The rate of the step that was just made."""
        rates = [float(group["lr"]) for group in self.optimizer.param_groups]
        return rates[number] if self._per_group else max(rates)

    def _set(self, rates: Sequence[float | Tensor]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            set_rate(group, float(rate))
        self._last_lr = [
            group["lr"].clone() if isinstance(group["lr"], Tensor) else group["lr"]
            for group in self.optimizer.param_groups
        ]
