"""Site, a node where units switch, and Switch, the form in which a recogniser finds it in the graph."""

from collections.abc import Callable
from dataclasses import dataclass

import onnx_ir as ir

SMOOTH = frozenset(
    {"elu", "celu", "selu", "hard_swish", "hard_sigmoid", "gelu", "quick_gelu", "silu", "mish", "softplus"}
)
PIECEWISE = frozenset("relu leaky_relu prelu thresholded_relu clip max where mask quantize".split())
GUESS = "nothing known of its maker; axis 1 by convention"
"""`Site.rule` where the unit axis is assumed because no rule determined it."""
RECTIFIERS = frozenset("relu max where mask quantize".split())
"""Kinds whose activation is exactly max(z, 0)."""
KINDS = tuple(sorted(PIECEWISE | SMOOTH))


@dataclass(frozen=True)
class Site:
    """A node where units switch: one use of a ReLU-like function.

    Args:
        name: unique name in the model: the module path, or the node's name, or the value's name.
        value: name of its input, the pre-activation z.
        kind: one of `KINDS`.
        unit_axis: axis of z that counts units; negative if the rank of z is unknown.
        activation: name of its output, the activation h; None if h is not a value of the graph.
        rule: how the unit axis was determined, as text for the user.
        threshold: a unit is active where z > threshold.
        sample_axis: axis of z that counts samples.
        shape: declared shape of z; None if unknown.
        depth: number of other sites on the longest path from the inputs to this one.
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
        """Whether the kind is one of `SMOOTH`."""
        return self.kind in SMOOTH

    @property
    def analysable(self) -> bool:
        """Whether its pre-activations can be read."""
        return self.reason is None


@dataclass(frozen=True)
class Switch:
    """An activation h = f(z) in the graph, computed by `node` and the nodes in `within`.

    Args:
        node: the node whose output is h.
        kind: one of `KINDS`.
        z: the pre-activation; None if it is not a value of the graph.
        within: nodes between z and h that are part of this activation rather than switches themselves.
        threshold: a unit is active where z > threshold.
        reason: why z cannot be read; None if it can.
    """

    node: ir.Node
    kind: str
    z: ir.Value | None
    within: tuple[ir.Node, ...] = ()
    threshold: float = 0.0
    reason: str | None = None


Recogniser = Callable[[ir.Node], Switch | None]
"""Returns the switch whose output the node computes, or None."""
