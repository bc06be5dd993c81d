"""The training methods that the papers compare: ReLU, batch norm, separation constraints on units, points or both."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...analyzer.errors import OptionError

if TYPE_CHECKING:
    from ...plugins.torch.separation.extreme_values import Axis


@dataclass(frozen=True)
class Method:
    """A training method: the constraints, their strength, and the initialization.

    Args:
        name: name in the published files.
        axes: axes whose deficits are penalized: unit, point, layer; empty for the baselines.
        strength: lambda; None for the recipe's default.
        balance: beta, the weight of the positive deficit.
        margin: m+ and m-.
        batch_norm: whether to normalize before each ReLU.
        zero: whether hidden weights are initialized to zero and dropout is annealed (S 4.2).
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


def find_method(name: str) -> Method:
    """Return the method of this name.

    Raises:
        OptionError: no method has this name.

    >>> find_method("sep-u").axes
    ('unit',)
    """
    for known in METHODS:
        if known.name == name:
            return known
    raise OptionError(f"method: expected one of {', '.join(m.name for m in METHODS)}, got {name!r}")


def dropout_rate(epoch: int, epochs: int, *, start: float = 0.9, share: float = 0.2) -> float:
    """Return the dropout rate of an epoch: linear from `start` to 0 over the first `share` of the epochs (S 4.2, code).

    >>> dropout_rate(0, 5000), dropout_rate(500, 5000), dropout_rate(1000, 5000)
    (0.9, 0.45, 0.0)
    """
    return start * max(0.0, 1 - epoch / (share * epochs))
