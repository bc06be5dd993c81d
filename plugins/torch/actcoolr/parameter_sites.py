"""Sites behind: which sites a parameter moves first, read off the autograd graph of a forward."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor

from ....analyzer.sites import Site


class SitesBehind:
    """For each parameter the sites whose pre-activations it makes with no other site in between.

    >>> import torch
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1))
    >>> behind = SitesBehind()
    >>> behind.see(Site("1", "", "relu", 1), model[0](torch.ones(1, 1)))
    >>> behind.of(model[0].parameters()), behind.of(model[2].parameters())
    (('1',), ())
    """

    def __init__(self) -> None:
        self._passed: set[Any] = set()
        self._found: dict[str, set[int]] = {}

    def see(self, site: Site, z: Tensor) -> None:
        """What a site reads, its graph attached; sites come in the order of the forward."""
        if site.name in self._found or z.grad_fn is None:
            return
        self._found[site.name] = reached = set()
        ahead: list[Any] = [z.grad_fn]
        known = set(self._passed)
        while ahead:
            node = ahead.pop()
            if node is None or node in known:
                continue
            known.add(node)
            if (leaf := getattr(node, "variable", None)) is not None:
                reached.add(id(leaf))
            ahead.extend(earlier for earlier, _ in node.next_functions)
        self._passed.add(z.grad_fn)

    def of(self, parameters: Iterable[Tensor]) -> tuple[str, ...]:
        """The sites behind any of these parameters, in the order of the forward."""
        wanted = {id(parameter) for parameter in parameters}
        return tuple(name for name, reached in self._found.items() if reached & wanted)

    def clear(self) -> None:
        """Let go of the graph; what was found stays."""
        self._passed.clear()
