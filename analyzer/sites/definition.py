"""A site: a place in the graph where units switch."""

from collections.abc import Callable
from dataclasses import dataclass

import onnx_ir as ir

SMOOTH = frozenset(
    {"elu", "celu", "selu", "hard_swish", "hard_sigmoid", "gelu", "quick_gelu", "silu", "mish", "softplus"}
)
PIECEWISE = frozenset("relu leaky_relu prelu thresholded_relu clip max where mask quantize".split())
GUESS = "nothing known of its maker; axis 1 by convention"
"""The rule of a unit axis that was not found but assumed."""
RECTIFIERS = frozenset("relu max where mask quantize".split())
"""Kinds whose activation is max(z, 0) and nothing else."""
KINDS = tuple(sorted(PIECEWISE | SMOOTH))


@dataclass(frozen=True)
class Site:
    """Where a decision is taken: one use of a ReLU-like function.

    Args:
        name: the user's name for it, unique in the model: module path, else node name, else value name.
        value: name of the value it reads, the pre-activation z.
        kind: one of `KINDS`.
        unit_axis: the axis of z that counts units; negative where the rank of z is not known.
        activation: name of the value it makes, h; None where h is not a value of the graph.
        rule: how the unit axis was found, for people to check.
        threshold: units switch where z > threshold.
        sample_axis: the axis of z that counts samples.
        shape: declared shape of z, if it is known.
        depth: how many sites stand on the longest way from the inputs to this one.
        reason: why the site cannot be analysed; None if it can.
    """

    name: str
    value: str
    kind: str
    unit_axis: int
    activation: str | None = None
    rule: str = ""
    threshold: float = 0.0
    sample_axis: int = 0
    shape: tuple[int | str | None, ...] | None = None
    depth: int = 0
    reason: str | None = None

    @property
    def smooth(self) -> bool:
        """Whether the function bends near its threshold instead of breaking there."""
        return self.kind in SMOOTH

    @property
    def analysable(self) -> bool:
        """Whether its pre-activations can be tapped."""
        return self.reason is None


@dataclass(frozen=True)
class Switch:
    """h = f(z), made by `node` with the help of the nodes in `within`.

    Args:
        node: the node that makes h.
        kind: one of `KINDS`.
        z: the pre-activation; None where it is no value of the graph.
        within: nodes between z and h that belong to this form and are no switches of their own.
        threshold: units switch where z > threshold.
        reason: why there is nothing to tap; None if there is.
    """

    node: ir.Node
    kind: str
    z: ir.Value | None
    within: tuple[ir.Node, ...] = ()
    threshold: float = 0.0
    reason: str | None = None


Recogniser = Callable[[ir.Node], Switch | None]
"""Looks at a node that might make an activation; None if it does not."""
