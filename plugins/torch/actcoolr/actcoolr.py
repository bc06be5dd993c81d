"""ActCooLR: a schedule of learning rates at which the share of changed activation patterns follows a temperature."""

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
from ..steps.optimizer_hooks import hook_steps, is_finite, set_rate, unwrap_optimizer
from ..steps.trial_step import trials
from ..temperature.pattern_change import PatternProbe
from ..temperature.thermometer import Reading, pack_readings, unpack_readings
from .rule import Diverged, Form, MeasureSchedule, check_target, learning_rate, target_distance
from .transition_estimate import TransitionEstimate, fit_estimate, update_estimate

ADAPTIVE_RATES = frozenset({ASGD, LBFGS, Rprop})
"""Optimizers that adapt the learning rate themselves."""


class ActCooLR(LRScheduler):
    """Activation cooling, a learning rate schedule (Hartmann, 2025, sections 3.3 and A.4).

        schedule = ActCooLR(optimizer, model, total_steps=epochs * len(loader))
        for x, y in loader:
            criterion(model(x), y).backward()
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()

    Its option is a temperature T(t) in bits, which falls from `start_temperature` to 0, instead of a learning rate. A
    step at temperature T changes the share P = 1 - 2^-T of the activation patterns, averaged over the sites. Before the
    first step it tries a few rates on its batch, fits a model of P as a function of the rate, and restores everything.
    From then on it measures every `probe_every`-th step by one more forward, more often after a fit, and fits again if
    the model is wrong. For details see `MeasureSchedule`, `update_estimate` and `fit_estimate`.

    The initial rates of the optimizer only define the ratios between its groups. Call `step()` after every optimizer
    step; more calls in between have no effect. Steps with a closure count too; steps that a gradient scaler skips do
    not; accumulated batches make one step. In a distributed run every process creates a schedule; they measure together
    and have the same rates.

    Args:
        optimizer: of any kind but ASGD, L-BFGS and Rprop, which adapt the learning rate themselves.
        model: the network that the training calls.
        total_steps: optimizer steps until the temperature is 0; later ones have the smallest rate, 1e-10.
        start_temperature: T at the first step; 3.17 changes 89 % of the patterns. Lower it if the training diverges.
        gamma: exponent of the temperature curve.
        form: form of the curve: `hold`, `printed` or `linear_probability`, see `target_temperature`.
        probe_every: optimizer steps from one measurement to the next; after a fit the gap grows to it: 1, 2, 4 ...
        per_group: whether each parameter group has its own rate, from the sites that depend on its parameters with
            no site in between. A group without such sites, as that of the last layer, uses all sites.

    Raises:
        OptionError: an option is out of range.
        ModelError: a part of the model cannot be observed.
        Diverged: from `step()` or the optimizer's `step()`: no rate up to 1e10 reaches the temperature.

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
        check_target(**options)
        if probe_every < 1:
            raise OptionError(f"probe_every: expected 1 or more optimizer steps, got {probe_every}")
        inner = unwrap_optimizer(optimizer)
        if type(inner) in ADAPTIVE_RATES:
            raise OptionError(
                f"optimizer: expected one whose learning rate a schedule can set, got {type(inner).__name__}, "
                "which adapts the rate itself; use SGD or Adam"
            )
        rates = [float(group["lr"]) for group in inner.param_groups]
        if not any(rate > 0 for rate in rates):
            raise OptionError(
                f"learning rates of the optimizer: expected at least one above 0, got {rates}; set an initial rate"
            )
        self._target = partial(target_distance, **options)
        self._every = probe_every
        self._per_group = per_group
        self._estimates = [TransitionEstimate()] * (len(inner.param_groups) if per_group else 1)
        self._readings: list[Reading] = []
        self._measurements, self._done = MeasureSchedule(), 0
        self._model = model
        super().__init__(inner)
        self._attach()

    @property
    def history(self) -> tuple[Reading, ...]:
        """The measured steps; with `per_group` one reading for each group."""
        return tuple(self._readings)

    def step(self, epoch: int | None = None) -> None:
        """Set the rates of the next optimizer step; without effect if there was none since the last call.

        Args:
            epoch: ignored; deprecated in the base class.

        Raises:
            Diverged: a rate is out of range; the optimizer keeps its current rates.
        """
        del epoch
        if self.last_epoch == self._done:
            return
        rates = self.get_lr()
        self.last_epoch = self._done
        self._step_count += 1
        self._set_rates(rates)

    def get_lr(self) -> list[float | Tensor]:
        """Return the rates of the next optimizer step, one for each group."""
        P = self._target(t=self._done)
        try:
            rates = [learning_rate(estimate, P) for estimate in self._estimates]
        except Diverged as error:
            raise Diverged(f"step {self._done}: {error}", self.history) from None
        return [*rates] if self._per_group else [rates[0] * ratio for ratio in self._ratios()]

    def state_dict(self) -> dict[str, Any]:
        """Return estimates, progress and history, as plain numbers and a tensor; options are not included."""
        return {
            "last_epoch": self.last_epoch,
            "_step_count": self._step_count,
            "rates": [float(rate) for rate in self._last_lr],
            "done": self._done,
            "looks": asdict(self._measurements),
            "beliefs": [list(astuple(estimate)) for estimate in self._estimates],
            "history": pack_readings(self._readings),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a saved state; as with any schedule, rates are restored by the state of the optimizer.

        Raises:
            OptionError: the state is that of a schedule with different groups.
        """
        if len(state_dict["beliefs"]) != len(self._estimates):
            raise OptionError(
                f"the state of a schedule: expected {len(self._estimates)} estimates, got "
                f"{len(state_dict['beliefs'])}; use the same per_group and groups as in the saved run"
            )
        self.last_epoch, self._step_count = state_dict["last_epoch"], state_dict["_step_count"]
        self._done, self._measurements = state_dict["done"], MeasureSchedule(**state_dict["looks"])
        self._last_lr = [*state_dict["rates"]]
        self._estimates = [TransitionEstimate(*values) for values in state_dict["beliefs"]]
        self._readings = unpack_readings(state_dict["history"])
        self._prepare_step()

    def detach(self) -> None:
        """Remove the hooks from model and optimizer; rates keep their current values."""
        self._probe.detach()
        self._remove_hooks()

    def _attach(self) -> None:
        self._probe = PatternProbe(self._model, trace_parameters=self._per_group)
        self._remove_hooks = hook_steps(self.optimizer, before=self._before_step, after=self._after_step)
        self._prepare_step()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in {"_probe", "_remove_hooks"}}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)
        self._attach()

    def _prepare_step(self) -> None:
        """Prepare the probe if the next step is to be measured, or if a fit is due before it."""
        self._probe.forget()
        if self._done >= self._measurements.due or self._due_fits():
            self._probe.arm()

    def _due_fits(self) -> list[int]:
        """Indices of the estimates to fit before the next step."""
        if self._done < self._measurements.fit_due:
            return []
        return [index for index, estimate in enumerate(self._estimates) if estimate.stale]

    def _before_step(self) -> None:
        due = self._due_fits()
        if not due:
            return
        if not self._probe.ready:
            raise ModelError(
                "fitting learning rates: expected a forward of the model with gradients before the optimizer's step, "
                "got none; pass to the schedule the module that the training calls"
            )
        with trials(self.optimizer) as at:
            for index in due:

                def measure(rate: float, index: int = index) -> float:
                    with at(self._group_rates(rate, index)):
                        return self._mean_distance(self._probe.measure(), index)

                self._estimates[index] = fit_estimate(self._estimates[index], measure)
        failed = any(estimate.stale for estimate in self._estimates)
        after_fit = self._measurements.after_failed_fit if failed else self._measurements.after_fit
        self._measurements = after_fit(self._done, every=self._every)
        self._check_finite()
        self._set_rates(self.get_lr())

    def _after_step(self) -> None:
        if self._probe.ready and self._done >= self._measurements.due:
            sites = self._probe.measure()
            for index in range(len(self._estimates)):
                self._record(sites, index)
            self._measurements = self._measurements.after_measurement(self._done, every=self._every)
            self._check_finite()
        self._done += 1
        self._prepare_step()

    def _record(self, sites: dict[str, float], index: int) -> None:
        """Update an estimate with a measurement, and add it to the history."""
        P = self._mean_distance(sites, index)
        rates = [float(group["lr"]) for group in self.optimizer.param_groups]
        rate = rates[index] if self._per_group else max(rates)
        if rate > 0:
            self._estimates[index] = update_estimate(self._estimates[index], rate, P)
        estimate = self._estimates[index]
        self._readings.append(
            Reading(
                step=self._done,
                group=index,
                rate=rate,
                distance=P,
                wanted=self._target(t=self._done),
                mu=estimate.mu,
                sigma=estimate.sigma,
                fits=self._measurements.fits,
                sites=sites,
            )
        )

    def _check_finite(self) -> None:
        """Raise Diverged if measurements are not informative because parameters are not finite."""
        if any(estimate.stale for estimate in self._estimates) and not is_finite(self.optimizer):
            raise Diverged(
                f"step {self._done}: parameters or gradients are not finite; start at a lower temperature",
                self.history,
            )

    def _mean_distance(self, sites: dict[str, float], index: int) -> float:
        """P for an estimate: the mean of D over the sites after its group, or over all sites if there are none."""
        own = self._probe.sites_after(self.optimizer.param_groups[index]["params"]) if self._per_group else ()
        return network_distance([sites[name] for name in own] or [*sites.values()])

    def _group_rates(self, rate: float, index: int) -> list[float]:
        """Rates of all groups at which an estimate has this rate, at fixed ratios or those of exp(mu)."""
        if not self._per_group:
            return [rate * ratio for ratio in self._ratios()]
        mu = self._estimates[index].mu
        return [rate * exp(estimate.mu - mu) for estimate in self._estimates]

    def _ratios(self) -> list[float]:
        """The initial rates of the groups over the largest of them."""
        rates = [float(group["initial_lr"]) for group in self.optimizer.param_groups]
        return [rate / max(rates) for rate in rates]

    def _set_rates(self, rates: Sequence[float | Tensor]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            set_rate(group, float(rate))
        self._last_lr = [
            group["lr"].clone() if isinstance(group["lr"], Tensor) else group["lr"]
            for group in self.optimizer.param_groups
        ]
