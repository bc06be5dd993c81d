"""Progressive stochastic binarization: a trained network as shifts and additions, its precision chosen when it runs."""

from .files import save
from .levels import Levels
from .rewrite import Rewritten, rewrite

__all__ = ["Levels", "Rewritten", "rewrite", "save"]
