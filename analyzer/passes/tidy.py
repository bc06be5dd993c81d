"""Normalize spellings that some runtimes do not read."""

import onnx_ir as ir


class TidyPass(ir.passes.InPlacePass):
    """Replace spellings by equivalent ones that every runtime reads.

    1. Empty inputs at the end of a node's list are dropped: Clip(x, "", "") becomes Clip(x).
    2. The standard domain in its long form, "ai.onnx", becomes the empty string.
    3. A node without a name in a model-local function gets the name of its output: inlining would name it "node".
    """

    def call(self, model: ir.Model) -> ir.passes.PassResult:
        """Tidy every node, also in subgraphs and functions."""
        modified = _tidy_domain(model.opset_imports)
        for graph in model.graphs():
            for node in graph:
                modified |= _tidy(node)
        for function in model.functions.values():
            modified |= _tidy_domain(function.opset_imports)
            for node in function.all_nodes():
                modified |= _tidy(node) | _set_name(node)
        return ir.passes.PassResult(model, modified=modified)


def _tidy_domain(opset_imports: dict[str, int]) -> bool:
    if "ai.onnx" not in opset_imports:
        return False
    opset_imports.setdefault("", opset_imports.pop("ai.onnx"))
    return True


def _set_name(node: ir.Node) -> bool:
    if node.name or not node.outputs:
        return False
    node.name = node.outputs[0].name
    return bool(node.name)


def _tidy(node: ir.Node) -> bool:
    modified = node.domain == "ai.onnx"
    if modified:
        node.domain = ""
    count = len(node.inputs)
    while count and node.inputs[count - 1] is None:
        count -= 1
    if count < len(node.inputs):
        node.resize_inputs(count)
        modified = True
    return modified
