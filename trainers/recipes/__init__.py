"""One recipe per published figure or table; each writes its numbers (csv) and its picture (png)."""

import importlib
from types import ModuleType

from ...analyzer.errors import OptionError, import_optional
from .recipe import RunConfig

RECIPES = {
    "moons": "J Fig 2, S Fig 1, 4, 5: depth x width grids on MOONS, with and without separation constraints",
    "mnist": "J Table 1, S Fig 2: convolutional nets on MNIST, with and without separation constraints",
    "sensitivity": "H Fig 3.11 to 3.21: which learning rate would have changed how many patterns, over a training",
    "actcoolr": "H Table 3.2, 3.1, Fig 3.8, 3.10, 3.22: ActCooLR compared with StepDecay, OneCycle and Cyclic",
    "psb": "H Fig 4.2 to 4.5, Table 4.2: progressive stochastic binarization, converted, trained and with attention",
}

_MODULES = {"moons": "grids.moons", "mnist": "grids.mnist"}
"""Modules of the recipes that are not in NAME/recipe.py."""

__all__ = ["RECIPES", "RunConfig", "find_recipe"]


def find_recipe(name: str) -> ModuleType:
    """Import and return the module of a recipe.

    Returns:
        A module with two functions: `steps(config)` returns the number of steps of a run, for a progress bar;
        `run(config, advance)` runs the recipe, calls `advance` with the number of steps completed, and returns the
        lines to print.

    Raises:
        OptionError: no recipe has this name.
        MissingDependencyError: torch is not installed.

    >>> find_recipe("moons").steps is not None
    True
    """
    if name not in RECIPES:
        raise OptionError(f"recipe: expected one of {', '.join(RECIPES)}, got {name!r}")
    import_optional("torch", package="torch", task=f"the recipe {name}")
    return importlib.import_module(f".{_MODULES.get(name, f'{name}.recipe')}", __name__)


def __dir__() -> list[str]:
    return sorted(__all__)
