"""Make values inside a graph its outputs."""

from collections.abc import Iterable

import onnx_ir as ir


class InstrumentPass(ir.passes.InPlacePass):
    """Add outputs to a graph, so that a runtime returns values that are inside it.

    Cases:
    1. The value is an output already: nothing to do.
    2. A node computes the value: it becomes an output under its own name.
    3. The value is an input or an initializer, which some runtimes refuse as an output: an Identity copies it.

    A second run changes nothing.

    Args:
        values: names of the values.

    Attributes:
        tapped: the name of the output of each value, by value name.
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
            output = value
            if value.producer() is None:
                copies = [u.node.outputs[0] for u in value.uses() if u.node.op_type == "Identity"]
                existing = next((c for c in copies if c.name in outputs), None)
                output = existing or self._copy(graph, value, taken=known)
            self.tapped[name] = output.name or ""
            if output.name not in outputs:
                graph.outputs.append(output)
                outputs.add(output.name)
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
