"""Say the same model in the plain form that every runtime reads."""

import onnx_ir as ir


class TidyPass(ir.passes.InPlacePass):
    """Remove spellings that mean nothing and that some runtimes stumble over.

    1. Inputs left out at the end of a node's list are dropped: Clip(x, "", "") becomes Clip(x).
    2. The standard domain spelt out, "ai.onnx", becomes the empty name it stands for.
    3. A node without a name in a model-local function is named after what it makes: inlining would call it "node".
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Tidy every node, those in bodies and functions too."""
        modified = _tidy_domain(model.opset_imports)
        for graph in model.graphs():
            for node in graph:
                modified |= _tidy(node)
        for function in model.functions.values():
            modified |= _tidy_domain(function.opset_imports)
            for node in function.all_nodes():
                modified |= _tidy(node) | _named(node)
        return ir.passes.PassResult(model, modified=modified)


def _tidy_domain(opset_imports: dict[str, int]) -> bool:
    if "ai.onnx" not in opset_imports:
        return False
    opset_imports.setdefault("", opset_imports.pop("ai.onnx"))
    return True


def _named(node: ir.Node) -> bool:
    if node.name or not node.outputs:
        return False
    node.name = node.outputs[0].name
    return bool(node.name)


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
