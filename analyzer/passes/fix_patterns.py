"""Write a ReLU network with its pattern matrices: every ReLU becomes a product with a given pattern."""

from collections.abc import Iterable

import onnx_ir as ir

from ..sites import Site


class FixPatternsPass(ir.passes.InPlacePass):
    """Replace h = max(z, 0) by h = z A, where A is a new input: F(x) as its matrices A make it (thesis, (2.11)).

    Fed with the patterns that x itself gives, the network answers as before, exactly: z 1 = z and z 0 = 0. Fed with the
    patterns of another point it is the affine map of that point's cells, applied to x.

    Cases:
    1. A site that is a plain ReLU (relu, max, where, mask): its activation is made by a product with the input
       `<value>.pattern`, of the type and shape of z, 1 where the unit is active and 0 where it is not.
    2. A site whose product is there already: nothing to do, so a second run changes nothing.
    3. Any other site: refused, since its function is not linear on a cell.

    `patterns` tells the name of the input for each site.

    Args:
        sites: the sites to replace, from `find_sites` of the same model.
    """

    def __init__(self, sites: Iterable[Site]) -> None:
        super().__init__()
        self.sites = tuple(sites)
        self.patterns = {site.name: f"{site.value}.pattern" for site in self.sites}

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Replace the activations.

        Raises:
            ValueError: a site is not a plain ReLU.
        """
        graph = model.graph
        made = {out.name: out for node in graph for out in node.outputs}
        fed = {value.name: value for value in graph.inputs}
        modified = False
        for site in self.sites:
            if site.kind not in {"relu", "max", "where", "mask"} or site.activation is None:
                raise ValueError(f"site {site.name!r} is a {site.kind}; only a plain ReLU is linear on its cells")
            name = self.patterns[site.name]
            h = made[site.activation]
            z = made.get(site.value) or fed[site.value]
            if name not in fed:
                fed[name] = ir.Value(name=name, type=z.type, shape=z.shape)
                graph.inputs.append(fed[name])
            maker = h.producer()
            if maker is None or (maker.op_type == "Mul" and fed[name] in maker.inputs):
                continue
            product = ir.node("Mul", inputs=[z, fed[name]])
            maker.append(product)
            _take_over(h, product.outputs[0])
            modified = True
        return ir.passes.PassResult(model, modified=modified)


def _take_over(old: ir.Value, new: ir.Value) -> None:
    """Let everybody who reads the old value read the new one, under the old name."""
    new.type, new.shape = old.type, old.shape
    old.replace_all_uses_with(new, replace_graph_outputs=True)
    new.name, old.name = old.name, f"{old.name}.unused"
