"""Loading: every source type gives the same model and is left unchanged; anything else raises one line."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from relucid.analyzer import demo
from relucid.analyzer.errors import ModelError, RelucidError
from relucid.analyzer.model import load, parse
from relucid.analyzer.passes.expose_values import InstrumentPass
from relucid.analyzer.runtime.session import open_session
from relucid.analyzer.sites import find_sites

NET = """g (float[N, 4] x) => (float[N, 2] y)
    <float[4, 3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, float[3, 2] v = {1, 2, 3, 4, 5, 6}>
    { [first] a = MatMul(x, w) [act] b = own.act(a) [last] y = MatMul(b, v) }
    <domain: "own", opset_import: ["": 17]> act (i) => (o) { o = Relu(i) }"""


@pytest.fixture
def net(text_model) -> onnx.ModelProto:
    return text_model(NET, domains={"own": 1})


def serialize(model: ir.Model) -> bytes:
    return ir.to_proto(model).SerializeToString(deterministic=True)


def test_every_form_of_a_model_is_the_same_model(net, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(net.SerializeToString(deterministic=True))
    data = path.read_bytes()
    forms = [path, str(path), data, bytearray(data), memoryview(data), net, ir.from_proto(net)]
    models = [load(form) for form in forms]
    assert len({serialize(model.ir) for model in models}) == 1
    assert len({model.sha256 for model in models[:-1]}) == 1
    assert {model.folder for model in models} == {None}
    assert models[0].name == models[1].name == str(path)


def test_the_source_is_not_changed(net):
    given_proto, given_ir = onnx.ModelProto.FromString(net.SerializeToString()), ir.from_proto(net)
    before = given_proto.SerializeToString(deterministic=True), serialize(given_ir)
    for form in (given_proto, given_ir):
        model = load(form)
        InstrumentPass(site.value for site in find_sites(model.ir))(model.ir)
        model.ir.graph.initializers["w"].name = "another"
    assert (given_proto.SerializeToString(deterministic=True), serialize(given_ir)) == before


def test_functions_are_inlined_and_shapes_inferred(net):
    raw, ready = parse(net), load(net)
    assert [n.op_type for n in raw.ir.graph] == ["MatMul", "act", "MatMul"]
    assert [n.op_type for n in ready.ir.graph] == ["MatMul", "Relu", "MatMul"]
    assert not ready.ir.functions
    assert [str(out.shape) for n in ready.ir.graph for out in n.outputs] == ["[N,3]", "[N,3]", "[N,2]"]


@pytest.mark.parametrize(("ir_version", "opset"), [(3, 7), (4, 9), (7, 12), (8, 17), (10, 21), (12, 24)])
def test_versions_are_preserved(text_model, ir_version, opset):
    model = load(text_model("g (float[N, 4] x) => (float[N, 4] y) { y = Relu(x) }", ir_version=ir_version, opset=opset))
    InstrumentPass(["x"])(model.ir)
    written = onnx.ModelProto.FromString(serialize(model.ir))
    assert written.ir_version == ir_version
    assert [(entry.domain, entry.version) for entry in written.opset_import] == [("", opset)]
    open_session(model)


def test_unsupported_versions_name_both_numbers(text_model):
    text = "g (float[N, 4] x) => (float[N, 4] y) { y = Relu(x) }"
    with pytest.raises(ModelError, match=r"IR version 99, the installed onnxruntime reads up to \d+;"):
        open_session(load(text_model(text, ir_version=99)))
    with pytest.raises(ModelError, match=r"opset 999 of ai.onnx, the installed onnxruntime reads up to \d+;"):
        open_session(load(text_model(text, opset=999)))


def test_an_unknown_operator_is_named(text_model):
    model = load(text_model("g (float[N, 4] x) => (float[N, 4] y) { y = own.Thing(x) }", domains={"own": 1}))
    with pytest.raises(ModelError, match="no operator Thing of the domain own; give its library with --custom-ops"):
        open_session(model)


def test_a_shared_model_of_an_unknown_domain_is_refused_in_one_line(shared_models):
    with pytest.raises(ModelError, match=r"onnx\.brevitas") as error:
        open_session(load(shared_models / "qonnx_espcn_quant.onnx"))
    assert "\n" not in str(error.value)


SPELLINGS = "g (float[N, 4] x) => (float[N, 4] y) { a = Clip(x) y = own.act(a) }" + NET[NET.index("    <domain") :]


def test_redundant_spellings_are_normalised(text_model):
    model = text_model(SPELLINGS, domains={"own": 1})
    model.opset_import[0].domain = model.functions[0].opset_import[0].domain = "ai.onnx"
    model.graph.node[0].domain = model.functions[0].node[0].domain = "ai.onnx"
    model.graph.node[0].input.extend(["", ""])
    loaded = load(model)
    assert [(n.domain, n.op_type, len(n.inputs)) for n in loaded.ir.graph] == [("", "Clip", 1), ("", "Relu", 1)]
    assert loaded.ir.opset_imports.get("") == 17
    open_session(loaded)


def test_a_missing_input_in_the_middle_stays(text_model):
    model = load(text_model('g (float[N, 4] x) => (float[N, 4] y) <float six = {6}> { y = Clip(x, "", six) }'))
    assert [None if v is None else v.name for v in model.ir.graph[0].inputs] == ["x", None, "six"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nothing/here.onnx", "expected an ONNX model, got no such file: nothing/here.onnx"),
        ("x" * 5000, "File name too long"),
        ("a\0b", "got no such file"),
        (b"", "expected an ONNX model, got data without a graph"),
        (b"\x08\x07", "got data without a graph"),
        (b"PK\x03\x04 a zip file" * 20, "cannot read the model given as bytes"),
        (7, "expected a path, bytes, .* got int"),
        (None, "got NoneType"),
    ],
)
def test_other_sources_are_refused(source, message):
    with pytest.raises(ModelError, match=message) as error:
        load(source)
    assert "\n" not in str(error.value)


def test_files_that_are_not_models_are_refused(tmp_path, net):
    for name, data in {"empty": b"", "cut": net.SerializeToString()[:60], "text": b"hello\n" * 9}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ModelError, match=f"cannot read .*{name}"):
            load(tmp_path / name)
    with pytest.raises(ModelError, match=r"got the folder .*; give the \.onnx file in it"):
        load(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_read_permission(tmp_path, net):
    path = tmp_path / "net.onnx"
    path.write_bytes(net.SerializeToString())
    path.chmod(0)
    with pytest.raises(ModelError, match="Permission denied"):
        load(path)


GRAPHS = {
    "cycle": ("a = Add(x, b) b = Relu(a) y = Neg(b)", "cycle"),
    "self": ("a = Add(x, a) y = Neg(a)", "cycle"),
    "produced twice": (
        "a = Relu(x) a = Neg(x) y = Neg(a)",
        "the value 'a' is produced twice, the second time by a node Neg",
    ),
    "an input produced again": ("x = Relu(x) y = Neg(x)", "the value 'x' is produced twice"),
    "a weight produced again": ("w = Relu(x) y = Neg(w)", "the value 'w' is produced twice"),
    "read, never produced": ("[n] y = Add(x, b)", r"the node 'n' \(Add\) reads the value 'b', which no node produces"),
    "no output": ("a = Relu(x)", "no node produces the output 'y'"),
    "read in a body, never produced": (
        "y = If(c) <then_branch = t () => (float p) { p = Add(x, b) }, else_branch = e () => (float q) { q = Neg(x) }>",
        "reads the value 'b'",
    ),
}


@pytest.mark.parametrize(("nodes", "message"), GRAPHS.values(), ids=GRAPHS)
def test_a_graph_that_is_not_ssa_is_refused(text_model, capfd, nodes, message):
    model = text_model(f"g (float[N, 4] x, bool c) => (float[N, 4] y) <float w = {{0}}> {{ {nodes} }}")
    with pytest.raises(ModelError, match=message) as error:
        load(model)
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_a_body_may_read_values_of_the_outer_graph(text_model):
    branches = "then_branch = t () => (float p) { p = Neg(a) }, else_branch = e () => (float q) { q = Neg(x) }"
    nodes = f"y = If(c) <{branches}> a = Abs(x)"
    assert load(text_model(f"g (float[N, 4] x, bool c) => (float[N, 4] y) {{ {nodes} }}"))


def test_functions_that_call_themselves_are_refused(text_model):
    text = """g (float[N, 4] x) => (float[N, 4] y) { y = own.f(x) }
        <domain: "own", opset_import: ["own": 1]> f (a) => (b) { b = own.f(a) }"""
    with pytest.raises(ModelError, match="Cyclic"):
        load(text_model(text, domains={"own": 1}))


def test_sparse_weights_are_refused(text_model):
    model = text_model("g (float[N, 4] x) => (float[N, 4] y) { y = Add(x, s) }")
    sparse = model.graph.sparse_initializer.add(dims=[4])
    sparse.values.CopyFrom(numpy_helper.from_array(np.ones(1, np.float32), "s"))
    sparse.indices.CopyFrom(numpy_helper.from_array(np.zeros(1, np.int64)))
    with pytest.raises(ModelError, match="sparse initializers"):
        load(model)


@pytest.mark.parametrize("name", ["value_name", "node_name", "graph_name", "text_attribute"])
def test_names_that_are_not_text_are_refused(text_model, name):
    model = text_model("value_graph (float[N, 4] x) => (float[N, 4] value_name) { [node_name] value_name = Relu(x) }")
    model.graph.name, model.graph.doc_string = "graph_name", "text_attribute"
    data = model.SerializeToString().replace(name.encode(), b"\xff\xfe" + name.encode()[2:])
    with pytest.raises(ModelError, match="is not text"):
        load(data)


def test_a_failed_shape_inference_is_silent(text_model, tmp_path, caplog):
    """onnx_ir logs it with a traceback; that log stays available."""
    model = text_model("g (float[N, 4] x) => (float[N, 4] y) { y = Relu(x) }")
    del model.opset_import[:]
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    code = "import sys; from relucid.analyzer.model import load; load(sys.argv[1])"
    alone = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, cwd="/")
    assert (alone.stdout, alone.stderr) == ("", "")
    with caplog.at_level(logging.WARNING, logger="onnx_ir"):
        assert find_sites(load(path).ir)[0].value == "x"
    assert "Shape inference failed" in caplog.text


def test_an_error_names_its_first_cause(text_model):
    """onnx_ir wraps an error once for every level of the model."""
    model = text_model("g (float[N, 4] x) => (float[N, 4] y) <float[4] w = {1, 2, 3, 4}> { y = Max(x, w) }")
    model.graph.initializer[0].data_type = 99
    with pytest.raises(ModelError, match="cannot read the given ModelProto: 99 is not a valid DataType"):
        load(model)


@pytest.fixture(scope="module")
def victim() -> bytes:
    return Path(demo.model()).read_bytes()


def survives(data: bytes) -> None:
    try:
        find_sites(load(data).ir)
    except RelucidError as error:
        assert "\n" not in str(error)  # noqa: PT017 - nothing else may be raised


@settings(max_examples=150)
@given(flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_flipped_bytes_are_read_or_refused(victim, flips):
    """Half of the flips are in the first kilobytes, which contain the graph and not the weights."""
    data = bytearray(victim)
    for i, (place, byte) in enumerate(flips):
        data[int(place * (len(data) - 1 if i % 2 else 4000))] = byte
    survives(bytes(data))


@settings(max_examples=40)
@given(start=st.floats(0, 1), length=st.integers(0, 2000))
def test_missing_bytes_are_read_or_refused(victim, start, length):
    at = int(start * len(victim))
    survives(victim[:at])
    survives(victim[:at] + victim[at + length :])


OPERATORS = """Relu Clip Max Min Where Mul Div Transpose Reshape Squeeze Unsqueeze Gather Flatten ReduceMean If Split
    Cast Constant QuantizeLinear HardSigmoid ThresholdedRelu MatMul LSTM""".split()
NAMES = "axis axes perm alpha min max keepdims value activation".split()
ATTRIBUTES = st.one_of(
    st.integers(-9, 9), st.floats(width=32), st.lists(st.integers(-9, 9), min_size=1, max_size=4), st.text(max_size=3)
)


@settings(max_examples=200)
@given(
    nodes=st.lists(
        st.tuples(
            st.sampled_from(OPERATORS),
            st.lists(st.integers(-2, 9), max_size=4),
            st.dictionaries(st.sampled_from(NAMES), ATTRIBUTES, max_size=2),
        ),
        min_size=1, max_size=8,
    ),
    opset=st.sampled_from([6, 11, 13, 18, 21]),
)  # fmt: skip
def test_graphs_of_nonsense_are_read_or_refused(nodes, opset):
    """Operators with inputs and attributes of any number and kind, unchecked."""
    names = ["x", "w", *(f"v{i}" for i in range(len(nodes)))]
    protos = [
        onnx.helper.make_node(op, [names[i % (2 + n)] if i >= 0 else "" for i in inputs], [f"v{n}"], **attributes)
        for n, (op, inputs, attributes) in enumerate(nodes)
    ]
    graph = onnx.helper.make_graph(
        protos,
        "nonsense",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 3, 4])],
        [onnx.helper.make_tensor_value_info(names[-1], onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.zeros(1, np.float32), "w")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=8)
    survives(model.SerializeToString())
