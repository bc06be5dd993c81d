"""Replace every ReLU by a product with a given pattern: the network written with its pattern matrices."""

from collections.abc import Iterable

import onnx_ir as ir

from ..sites import Site


class FixPatternsPass(ir.passes.InPlacePass):
    """Replace h = max(z, 0) by h = z A, where the pattern A is a new input: F(x) by its matrices A (thesis, (2.11)).

    With the patterns of x itself the network computes exactly what it did before: z 1 = z and z 0 = 0. With the
    patterns of another point it is the affine map of that point's cell, applied to x.

    Cases:
    1. A site that is a plain ReLU (relu, max, where, mask): its activation becomes the product of z and the input
       `<value>.pattern`, of the type and shape of z, 1 where the unit is active and 0 where it is not.
    2. A site with such a product: nothing to do, so a second run changes nothing.
    3. Any other site: a ValueError, since its function is not linear on a cell.

    Args:
        sites: the sites to replace, from `find_sites` of the same model.

    Attributes:
        patterns: the name of the new input of each site, by site name.
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
        computed = {out.name: out for node in graph for out in node.outputs}
        inputs = {value.name: value for value in graph.inputs}
        modified = False
        for site in self.sites:
            if site.kind not in {"relu", "max", "where", "mask"} or site.activation is None:
                raise ValueError(
                    f"expected sites that are plain ReLUs, got {site.name!r}, a {site.kind}; leave it out: only a "
                    "plain ReLU is linear on its cells"
                )
            name = self.patterns[site.name]
            h = computed[site.activation]
            z = computed.get(site.value) or inputs[site.value]
            if name not in inputs:
                inputs[name] = ir.Value(name=name, type=z.type, shape=z.shape)
                graph.inputs.append(inputs[name])
            producer = h.producer()
            if producer is None or (producer.op_type == "Mul" and inputs[name] in producer.inputs):
                continue
            product = ir.node("Mul", inputs=[z, inputs[name]])
            producer.append(product)
            _replace_value(h, product.outputs[0])
            modified = True
        return ir.passes.PassResult(model, modified=modified)


def _replace_value(old: ir.Value, new: ir.Value) -> None:
    """Make all readers of the old value read the new one, under the old name."""
    new.type, new.shape = old.type, old.shape
    old.replace_all_uses_with(new, replace_graph_outputs=True)
    new.name, old.name = old.name, f"{old.name}.unused"
