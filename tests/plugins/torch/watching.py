"""An observer for tests: keeps what it is told."""

from typing import Any

from torch import Tensor

from relucid.analyzer.sites import Site


class Watching:
    """Copies of all pre-activations of the last forward, and whether each had a gradient."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.seen: dict[str, Tensor] = {}
        self.with_graph: dict[str, bool] = {}
        self.awake = True

    def begin(self) -> bool:
        self.told.append("begin")
        self.seen.clear()
        return self.awake

    def see(self, site: Site, z: Tensor) -> None:
        self.told.append(site.name)
        self.seen[site.name] = z.detach().clone()
        self.with_graph[site.name] = z.requires_grad

    def end(self, output: Any) -> None:
        del output
        self.told.append("end")
