"""An observer for tests that records its calls."""

from typing import Any

from torch import Tensor

from relucid.analyzer.sites import Site


class Recorder:
    """Copies all pre-activations of the last forward pass, and records whether each had a gradient."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.values: dict[str, Tensor] = {}
        self.with_graph: dict[str, bool] = {}
        self.enabled = True

    def begin(self) -> bool:
        self.calls.append("begin")
        self.values.clear()
        return self.enabled

    def see(self, site: Site, z: Tensor) -> None:
        self.calls.append(site.name)
        self.values[site.name] = z.detach().clone()
        self.with_graph[site.name] = z.requires_grad

    def end(self, output: Any) -> None:
        del output
        self.calls.append("end")
