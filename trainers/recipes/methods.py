"""What the papers compare: plain ReLU, batch norm, and separation constraints on units, points or both."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...analyzer.errors import OptionError

if TYPE_CHECKING:
    from ...plugins.torch.separation.extreme_values import Axis


@dataclass(frozen=True)
class Method:
    """One way to train: what is constrained, how strongly, from which weights.

    Args:
        name: as in the published files.
        axes: whose deficits are penalised: unit, point, layer; none for the baselines.
        strength: lambda; None takes the recipe's.
        balance: beta, the weight of the positive deficit.
        margin: m+ and m-.
        batch_norm: whether one stands before each ReLU.
        zero: hidden weights start at zero and dropout is annealed (S 4.2).
    """

    name: str
    axes: tuple["Axis", ...] = ()
    strength: float | None = None
    balance: float = 0.5
    margin: tuple[float, float] = (1.0, -1.0)
    batch_norm: bool = False
    zero: bool = False


BOTH: tuple["Axis", ...] = ("unit", "point")
METHODS = (
    Method("relu"),
    Method("relu-bn", batch_norm=True),
    Method("sep-u", ("unit",)),
    Method("sep-p", ("point",)),
    Method("sep-up", BOTH),
    Method("sep-up-zero", BOTH, balance=0.51, zero=True),
    Method("sep-l", ("layer",)),
    Method("sep-up-nm0", BOTH, margin=(1.0, 0.0)),
    Method("sep-up-lam0.01", BOTH, strength=1e-2),
)
"""The last three are in the authors' files but not in the papers."""


def method(name: str) -> Method:
    """The method of that name.

    Raises:
        OptionError: there is none.

    >>> method("sep-u").axes
    ('unit',)
    """
    for known in METHODS:
        if known.name == name:
            return known
    raise OptionError(f"method must be one of {', '.join(m.name for m in METHODS)}; got {name!r}")


def annealed(epoch: int, epochs: int, *, start: float = 0.9, share: float = 0.2) -> float:
    """Dropout rate of an epoch: from `start` linearly to 0 over the first `share` of all epochs (S 4.2, the code).

    >>> annealed(0, 5000), annealed(500, 5000), annealed(1000, 5000)
    (0.9, 0.45, 0.0)
    """
    return start * max(0.0, 1 - epoch / (share * epochs))
