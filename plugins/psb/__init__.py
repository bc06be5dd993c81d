"""Progressive stochastic binarization: a trained network as shifts and additions, its precision chosen when it runs."""

from .cost import Cost, cost, cost_table, relative_cost
from .files import save
from .levels import Levels
from .node_cost import NodeCost
from .rewrite import rewrite
from .rewritten import Rewritten
from .verification import OutputError, SiteError, Verification
from .verify import verify

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
