"""Tidying removes spellings that mean nothing, everywhere in a model, and nothing else."""

import onnx_ir as ir
import pytest

from relucid.analyzer.passes.tidy import TidyPass

TEXT = """g (float[N, 4] x, bool c) => (float[N, 4] y) { a = own.f(x)
    y = If(c) <then_branch = t () => (float p) { p = Clip(a) }, else_branch = e () => (float q) { q = Neg(a) }> }
    <domain: "own", opset_import: ["": 17]> f (i) => (o) { o = Clip(i) }"""


@pytest.fixture
def model(text_model) -> ir.Model:
    proto = text_model(TEXT, domains={"own": 1})
    for node in (proto.graph.node[1].attribute[0].g.node[0], proto.functions[0].node[0]):
        node.domain = "ai.onnx"
        node.input.extend(["", ""])
    proto.functions[0].opset_import[0].domain = "ai.onnx"
    return ir.from_proto(proto)


def test_everywhere(model):
    assert TidyPass()(model).modified
    (function,) = model.functions.values()
    clips = [node for node in (*model.graph.all_nodes(), *function.all_nodes()) if node.op_type == "Clip"]
    assert [(node.domain, len(node.inputs)) for node in clips] == [("", 1), ("", 1)]
    assert dict(function.opset_imports) == {"": 17}
    assert function[0].name == "o"


def test_a_second_run_changes_nothing(model):
    TidyPass()(model)
    assert not TidyPass()(model).modified


def test_the_empty_name_wins_where_both_are_there(text_model):
    model = ir.from_proto(text_model("g (float[N] x) => (float[N] y) { y = Relu(x) }", domains={"ai.onnx": 9}))
    TidyPass()(model)
    assert dict(model.opset_imports) == {"": 17}


def test_a_tidy_model_is_left_alone(text_model):
    model = ir.from_proto(text_model('g (float[N] x) => (float[N] y) <float six = {6}> { y = Clip(x, "", six) }'))
    assert not TidyPass()(model).modified
