"""A switch: one use of a ReLU-like function, as a recogniser found it in the graph."""

from collections.abc import Callable
from dataclasses import dataclass

import onnx_ir as ir


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
