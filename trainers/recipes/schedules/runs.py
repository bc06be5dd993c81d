"""Runs under a schedule, and their rows in csv files: every epoch, and the measured steps."""

from dataclasses import dataclass

from .schedules import START


@dataclass(frozen=True)
class Run:
    """Settings of a training; rows with the same settings belong to the same run.

    Args:
        net: name of the network.
        schedule: name of the schedule.
        seed: seed of weights and order.
        samples: number of training samples.
        epochs: number of epochs.
        gamma: exponent of ActCooLR's curve; 1 for the others.
        start: ActCooLR's temperature at the first step, in bits; its default for the others.
    """

    net: str
    schedule: str
    seed: int
    samples: int
    epochs: int
    gamma: float = 1.0
    start: float = START


@dataclass(frozen=True)
class EpochRow(Run):
    """One epoch of a run.

    Args:
        epoch: number of the epoch, from 0.
        found: rate suggested by the range test; 0 if the schedule needs none.
        rate: learning rate, mean over the measured steps of the epoch.
        distance: P, mean over these steps.
        wanted: target of P, mean over these steps; nan if the schedule has no target.
        off: mean of |P - target|.
        fits: full fits of ActCooLR so far.
        loss: mean over all steps.
        train_accuracy: accuracy in the forwards that the steps are computed from.
        val_accuracy: accuracy after the epoch.
        distances: D of each site, means over the measured steps, separated by spaces.
    """

    epoch: int = 0
    found: float = 0.0
    rate: float = 0.0
    distance: float = 0.0
    wanted: float = 0.0
    off: float = 0.0
    fits: int = 0
    loss: float = 0.0
    train_accuracy: float = 0.0
    val_accuracy: float = 0.0
    distances: str = ""


@dataclass(frozen=True)
class StepRow(Run):
    """Means over a few successive measured steps of a run.

    Args:
        at: epochs completed, with fraction.
        rate: learning rate.
        distance: P.
        wanted: target of P; nan if the schedule has no target.
    """

    at: float = 0.0
    rate: float = 0.0
    distance: float = 0.0
    wanted: float = 0.0


def run_of(row: Run) -> Run:
    """Return the run that a row belongs to.

    >>> run_of(StepRow("f1", "actcoolr", 10, 60000, 15, at=0.5))
    Run(net='f1', schedule='actcoolr', seed=10, samples=60000, epochs=15, gamma=1.0, start=3.17)
    """
    return Run(row.net, row.schedule, row.seed, row.samples, row.epochs, row.gamma, row.start)
