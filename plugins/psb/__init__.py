"""Progressive stochastic binarization: a trained network as shifts and additions, its precision chosen when it runs."""

from .cost import Cost, NodeCost, cost, cost_table, relative_cost
from .files import save
from .levels import Levels
from .rewrite import Rewritten, rewrite
from .verify import OutputError, SiteError, Verification, verify

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
