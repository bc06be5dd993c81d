"""Make values inside a graph visible as outputs."""

from collections.abc import Iterable

import onnx_ir as ir


class InstrumentPass(ir.passes.InPlacePass):
    """Add outputs to a graph, so that a runtime gives out what flows inside.

    Cases:
    1. The value is an output already: nothing to do.
    2. A node of the graph makes it: the value itself becomes an output, under its own name.
    3. It is an input or an initializer, which some runtimes refuse as an output: an Identity makes a copy of it.

    A second run changes nothing. `tapped` tells under which name each value comes out.

    Args:
        values: names of the values wanted.
    """

    def __init__(self, values: Iterable[str]) -> None:
        super().__init__()
        self.values = tuple(dict.fromkeys(values))
        self.tapped: dict[str, str] = {}

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Add the outputs.

        Raises:
            KeyError: a value is not in the graph.
        """
        graph = model.graph
        known = {v.name: v for v in graph.inputs} | dict(graph.initializers)
        known |= {out.name: out for node in graph for out in node.outputs}
        outputs = {out.name for out in graph.outputs}
        modified = False
        for name in self.values:
            value = known[name]
            shown = value
            if value.producer() is None:
                copies = [u.node.outputs[0] for u in value.uses() if u.node.op_type == "Identity"]
                already = next((c for c in copies if c.name in outputs), None)
                shown = already or self._copy(graph, value, taken=known)
            self.tapped[name] = shown.name or ""
            if shown.name not in outputs:
                graph.outputs.append(shown)
                outputs.add(shown.name)
                modified = True
        return ir.passes.PassResult(model, modified=modified)

    @staticmethod
    def _copy(graph: ir.Graph, value: ir.Value, *, taken: dict[str | None, ir.Value]) -> ir.Value:
        name = f"{value.name}.tap"
        while name in taken:
            name += "_"
        node = ir.node("Identity", inputs=[value], name=name)
        out = node.outputs[0]
        out.name, out.type, out.shape = name, value.type, value.shape
        graph.append(node)
        return out
