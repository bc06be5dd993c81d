"""Progressive stochastic binarization: a trained network as shifts and additions, with precision set at run time."""

from .encoding.levels import Levels
from .evaluation.costs import Cost, cost, cost_table, relative_cost
from .evaluation.node_costs import NodeCost
from .evaluation.verification import OutputError, SiteError, Verification, verify
from .rewriting.rewriter import Rewritten, rewrite, save

__all__ = [
    "Cost",
    "Levels",
    "NodeCost",
    "OutputError",
    "Rewritten",
    "SiteError",
    "Verification",
    "cost",
    "cost_table",
    "relative_cost",
    "rewrite",
    "save",
    "verify",
]


def __dir__() -> list[str]:
    return sorted(__all__)
