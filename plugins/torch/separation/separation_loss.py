"""The objective of Jumpstart and of the separation constraints (J, section 3; S, section 3).

g[n, u] is the pre-activation of unit u for sample n in one layer (z elsewhere). A unit can switch if g is at least m+
for one sample and at most m- for another; a point, if the same holds over its units:

    (3) max_n g[n, u] >= m+    (4) min_n g[n, u] <= m-    (5) max_u g[n, u] >= m+    (6) min_u g[n, u] <= m-

The deficits are the slacks of these constraints, (9) to (12):

    xi+_u  = max(0, m+ - max_n g[n, u])     xi-_u  = max(0, min_n g[n, u] - m-)
    psi+_n = max(0, m+ - max_u g[n, u])     psi-_n = max(0, min_u g[n, u] - m-)

(10) and (12) are printed as max(0, -1 - min g), which is 0 where (4) or (6) is violated and positive where it holds;
the sign is corrected here, as in the authors' code.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from .extreme_values import Axis, Extremes

Aggregation = Literal["mean", "sum", "norm", "sumsq"]


def deficits(extremes: Extremes, *, margin: tuple[float, float] = (1.0, -1.0)) -> tuple[Tensor, Tensor]:
    """Return the deficits xi+ and xi- from the extremes of units, or psi+ and psi- from those of points (entry,).

    Args:
        extremes: largest and smallest g (entry,).
        margin: m+ and m-.

    >>> deficits(Extremes(torch.tensor([3.0, 0.5]), torch.tensor([-4.0, 0.25])))
    (tensor([0.0000, 0.5000]), tensor([0.0000, 1.2500]))
    """
    upper, lower = margin
    return torch.relu(upper - extremes.high), torch.relu(extremes.low - lower)


def balance_deficits(plus: Tensor, minus: Tensor, *, balance: float = 0.5, merge: bool = True) -> Tensor:
    """Weigh a pair of deficits, S (17): beta plus + (1 - beta) minus, with beta = 1/2 + rho the balance.

    The paper passes the four families to the aggregation as they are; its code merges each pair first, and so do (13),
    (15) and (17) of S. Unmerged, the weights are 2 beta and 2 (1 - beta), which is 1 and 1 by default: the mean equals
    that of the merged vector, the sum is twice as large, and the sum of squares is a different function.

    Args:
        plus: xi+ or psi+ (entry,).
        minus: xi- or psi- (entry,).
        balance: beta, the weight of the positive deficit.
        merge: whether to add the pair, (entry,), or to concatenate it, (2 entry,).

    >>> plus, minus = torch.tensor([1.0]), torch.tensor([0.5])
    >>> balance_deficits(plus, minus), balance_deficits(plus, minus, merge=False)
    (tensor([0.7500]), tensor([1.0000, 0.5000]))
    """
    if merge:
        return balance * plus + (1 - balance) * minus
    return torch.cat([2 * balance * plus, 2 * (1 - balance) * minus])


def aggregate(deficits: Tensor, aggregation: Aggregation = "mean") -> Tensor:
    """P: reduce the deficits of all layers, units and points to one number.

    `mean` is the paper's average over all entries, most of which belong to points; `sum` its 1-norm; `norm` its 2-norm,
    over all layers at once; `sumsq` the square of `norm`, used for the published MOONS and MNIST runs.

    >>> [aggregate(torch.tensor([3.0, 4.0]), how).item() for how in ("mean", "sum", "norm", "sumsq")]
    [3.5, 7.0, 5.0, 25.0]
    """
    if aggregation == "mean":
        return deficits.mean()
    if aggregation == "sum":
        return deficits.sum()
    if aggregation == "norm":
        norm: Tensor = torch.linalg.vector_norm(deficits, 2)  # its gradient is 0 where all deficits are 0
        return norm
    return deficits.square().sum()


def constraint_count(units: Sequence[int], points: int, *, axes: Sequence[Axis] = ("unit", "point")) -> int:
    """Count the constraints on a network, S section 3.3: 2 sum_k n_k + 2 D N with both axes.

    Args:
        units: n_k, the units of each of the D layers.
        points: N, the number of points in the data or batch.
        axes: which constraints; `layer` (Sep-L) has one pair per layer.

    >>> constraint_count([2, 2, 2], 85)
    522
    """
    pairs = {"unit": sum(units), "point": len(units) * points, "layer": len(units)}
    return 2 * sum(pairs[axis] for axis in set(axes))


def penalty(
    layers: Sequence[Extremes],
    strengths: Sequence[float],
    *,
    margin: tuple[float, float] = (1.0, -1.0),
    balance: float = 0.5,
    merge: bool = True,
    aggregation: Aggregation = "mean",
) -> Tensor:
    """Return the term lambda P, (7), with a lambda for each layer.

    Args:
        layers: extremes of each layer, at least one.
        strengths: lambda of each layer; where deficits are squared, its square root is their weight.
        margin: see `deficits`.
        balance: see `balance_deficits`.
        merge: see `balance_deficits`.
        aggregation: see `aggregate`.

    >>> layer = Extremes(torch.tensor([0.0]), torch.tensor([0.0]))
    >>> penalty([layer, layer], [0.5, 0.5]), penalty([layer, layer], [1.0, 0.0])
    (tensor(0.5000), tensor(0.5000))
    """
    device = layers[0].high.device
    both = Extremes(*(torch.cat([_widen(side).to(device) for side in sides]) for sides in zip(*layers, strict=True)))
    entries = balance_deficits(*deficits(both, margin=margin), balance=balance, merge=merge)
    if len(set(strengths)) == 1:
        return strengths[0] * aggregate(entries, aggregation)
    power = 0.5 if aggregation == "sumsq" else 1.0
    weights = [
        entries.new_full((len(layer.high),), strength**power) for layer, strength in zip(layers, strengths, strict=True)
    ]
    return aggregate(entries * torch.cat(weights).repeat(1 if merge else 2), aggregation)


def _widen(values: Tensor) -> Tensor:
    """Cast 16-bit values to float32: a sum over many deficits would otherwise lose precision."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
