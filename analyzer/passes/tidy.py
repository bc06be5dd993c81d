"""Say the same model in the plain form that every runtime reads."""

import onnx_ir as ir


class TidyPass(ir.passes.InPlacePass):
    """Remove spellings that mean nothing and that some runtimes stumble over.

    1. Inputs left out at the end of a node's list are dropped: Clip(x, "", "") becomes Clip(x).
    2. The standard domain spelt out, "ai.onnx", becomes the empty name it stands for.
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Tidy every node, those in bodies and functions too."""
        modified = False
        for graph in model.graphs():
            for node in graph:
                modified |= _tidy(node)
        if "ai.onnx" in model.opset_imports:
            version = model.opset_imports.pop("ai.onnx")
            model.opset_imports.setdefault("", version)
            modified = True
        return ir.passes.PassResult(model, modified=modified)


def _tidy(node: ir.Node) -> bool:
    modified = node.domain == "ai.onnx"
    if modified:
        node.domain = ""
    wanted = len(node.inputs)
    while wanted and node.inputs[wanted - 1] is None:
        wanted -= 1
    if wanted < len(node.inputs):
        node.resize_inputs(wanted)
        modified = True
    return modified
