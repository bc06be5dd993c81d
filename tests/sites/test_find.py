"""Which sites a graph has, whatever is around them."""

import onnx
import onnx_ir as ir
import pytest

from relucid.analyzer.errors import ModelError
from relucid.analyzer.model import load
from relucid.analyzer.runtime.session import open_session
from relucid.analyzer.sites import KINDS, PIECEWISE, SMOOTH, Site, find_sites


def brief(sites: tuple[Site, ...]) -> list[tuple[str, str, str | None]]:
    return [(s.kind, s.value, s.activation) for s in sites]


def test_every_kind_is_either_piecewise_or_smooth():
    assert frozenset(KINDS) == PIECEWISE | SMOOTH
    assert not PIECEWISE & SMOOTH


def test_a_value_read_by_two_switches(sites_of):
    sites = sites_of("g (float[N, 4] x) => (float[N, 4] y) { z = Neg(x) a = Relu(z) b = Relu(z) y = Add(a, b) }")
    assert brief(sites) == [("relu", "z", "a"), ("relu", "z", "b")]
    assert [s.depth for s in sites] == [0, 0]


def test_a_switch_on_an_input(sites_of):
    (site,) = sites_of("g (float[N, 4] x) => (float[N, 4] y) { y = Relu(x) }")
    assert (site.value, site.shape, site.analysable) == ("x", ("N", 4), True)


def test_a_switch_on_an_output(sites_of):
    sites = sites_of("g (float[N, 4] x) => (float[N, 4] z, float[N, 4] y) { z = Neg(x) y = Relu(z) }")
    assert brief(sites) == [("relu", "z", "y")]


def test_a_switch_nobody_reads(sites_of):
    assert brief(sites_of("g (float[N, 4] x) => (float[N, 4] y) { y = Neg(x) a = Relu(y) }")) == [("relu", "y", "a")]


def test_a_switch_on_a_constant_decides_nothing(sites_of):
    sites = sites_of("g (float[N, 4] x) => (float[N, 4] y) <float[4] w = {1, 2, 3, 4}> { a = Relu(w) y = Add(x, a) }")
    assert [(s.kind, s.reason) for s in sites] == [("relu", "its input is a constant")]


def test_an_initializer_among_the_inputs_is_a_constant(sites_of):
    """Up to IR version 3 every initializer was."""
    text = "g (float[N, 4] x, float[4] w) => (float[N, 4] y) <float[4] w = {0, 0, 0, 0}> { y = Max(x, w) }"
    assert brief(sites_of(text, ir_version=3, opset=8)) == [("max", "x", "y")]


def test_a_graph_out_of_order(text_model):
    model = load(text_model("g (float[N, 4] x) => (float[N, 4] y) { y = Relu(b) b = Neg(a) a = Relu(x) }"))
    sites = find_sites(model.ir)
    assert brief(sites) == [("relu", "x", "a"), ("relu", "b", "y")]
    assert [s.depth for s in sites] == [0, 1]
    assert sites[1].shape == ("N", 4)
    open_session(model)


def test_order_and_depth_are_those_of_the_decisions(sites_of):
    sites = sites_of(
        "g (float[N, 4] x) => (float[N, 4] y) "
        "{ a = Relu(x) b = Relu(a) c = Relu(b) d = Relu(x) s = Add(c, d) y = Relu(s) }"
    )
    assert [(s.activation, s.depth) for s in sites] == [("a", 0), ("b", 1), ("c", 2), ("d", 0), ("y", 3)]


FUNCTIONS = """
    <domain: "own", opset_import: ["": 17, "own": 1]> block (a) => (c) { b = own.act(a) c = Relu(b) }
    <domain: "own", opset_import: ["": 17]> act <slope: float = 0.2> (a) => (b)
        { n = Neg(a) b = LeakyRelu<alpha: float = @slope>(n) }
    <domain: "own", opset_import: ["": 17]> unused (a) => (b) { b = Relu(a) }
"""


def test_functions_of_the_model_are_looked_into(text_model):
    text = "g (float[N, 4] x) => (float[N, 4] y) { [first] p = own.block(x) [second] y = own.block(p) }" + FUNCTIONS
    model = load(text_model(text, domains={"own": 1}))
    sites = find_sites(model.ir)
    assert [(s.kind, s.shape, s.depth) for s in sites] == [
        ("leaky_relu", ("N", 4), 0),
        ("relu", ("N", 4), 1),
        ("leaky_relu", ("N", 4), 2),
        ("relu", ("N", 4), 3),
    ]
    assert len({s.name for s in sites}) == 4
    assert {s.name[0] for s in sites} == {"b", "c"}
    assert open_session(model).run(["y"], {"x": [[1.0, 0.0, 0.0, 0.0]]})["y"].shape == (1, 4)


IF = """[choice] y = If(c) <
    then_branch = t () => (float[N, 4] p) { [in] q = Neg(x) [inner] p = Relu(q) },
    else_branch = e () => (float[N, 4] r) { r = LeakyRelu(x) }>"""
LOOP = """[again] y = Loop(n, c, x) <
    body = b (int64 i, bool k, float[N, 4] a) => (bool k2, float[N, 4] d) {
    k2 = Identity(k) d = Relu(a) }>"""
SCAN = """[each] s, y = Scan(x0, x) <num_scan_inputs = 1,
    body = b (float[4] a, float[4] r) => (float[4] d, float[4] e) {
    d = Add(a, r) e = Relu(d) }>"""
NESTED = """[outer] y = If(c) <
    then_branch = t () => (float[N, 4] p) { p = If(c) <
        then_branch = tt () => (float[N, 4] pp) { pp = Relu(x) },
        else_branch = ee () => (float[N, 4] rr) { rr = Neg(x) }> },
    else_branch = e () => (float[N, 4] r) { r = Neg(x) }>"""


@pytest.mark.parametrize(
    ("node", "kinds", "place"),
    [
        (IF, ["relu", "leaky_relu"], "If 'choice'"),
        (LOOP, ["relu"], "Loop 'again'"),
        (SCAN, ["relu"], "Scan 'each'"),
        (NESTED, ["relu"], "If 'outer'"),
    ],
    ids=["if", "loop", "scan", "nested"],
)
def test_switches_in_bodies_are_listed_with_the_reason(sites_of, node, kinds, place):
    first, *inside = sites_of(
        f"g (float[N, 4] x1, bool c, int64 n, float[4] x0) => (float[N, 4] y) {{ x = Relu(x1) {node} }}"
    )
    assert (first.kind, first.analysable) == ("relu", True)
    assert [s.kind for s in inside] == kinds
    assert {s.reason for s in inside} == {f"inside the body of {place}: a value inside it cannot be an output"}
    assert len({s.name for s in (first, *inside)}) == 1 + len(kinds)


def test_a_body_that_calls_a_function(text_model):
    text = """g (float[N, 4] x, bool c) => (float[N, 4] y) { y = If(c) <
        then_branch = t () => (float[N, 4] p) { p = own.block(x) },
        else_branch = e () => (float[N, 4] r) { r = Neg(x) }> }"""
    sites = find_sites(load(text_model(text + FUNCTIONS, domains={"own": 1})).ir)
    assert [(s.kind, s.analysable) for s in sites] == [("leaky_relu", False), ("relu", False)]


def test_names_are_told_apart_whatever_they_are(text_model):
    model = text_model(
        "g (float[N, 4] x) => (float[N, 4] y) "
        "{ a = Relu(x) b = Relu(a) c = Relu(b) d = Relu(c) e = Relu(d) f = Relu(e) y = Relu(f) }"
    )
    for node, name in zip(model.graph.node, ["act", "act", "", "Schicht/ü→層", "act#2", "act", ""], strict=True):
        node.name = name
    sites = find_sites(load(model).ir)
    assert [s.name for s in sites] == ["act", "act#3", "c", "Schicht/ü→層", "act#2", "act#4", "y"]
    assert [s.name for s in find_sites(load(model.SerializeToString()).ir)] == [s.name for s in sites]


@pytest.mark.parametrize("scopes", ["['', 'a.b', 'relu']", "not a list", "['']", "7", "{[]: 1}", "(" * 5000, "[1, 2]"])
def test_scopes_are_a_hint_that_may_be_nonsense(text_model, scopes):
    model = text_model("g (float[N, 4] x) => (float[N, 4] y) { [node] y = Relu(x) }", ir_version=10)
    model.graph.node[0].metadata_props.add(key="pkg.torch.onnx.name_scopes", value=scopes)
    (site,) = find_sites(load(model).ir)
    assert site.name == {"['', 'a.b', 'relu']": "a.b", "[1, 2]": "1"}.get(scopes, "node")


def test_finding_changes_nothing(text_model):
    model = load(text_model("g (float[N, 4] x, bool c) => (float[N, 4] y) { " + IF + " }")).ir
    before = ir.to_proto(model).SerializeToString(deterministic=True)
    assert find_sites(model) == find_sites(model)
    assert ir.to_proto(model).SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda m: (
            m.graph.initializer[0].ClearField("float_data") or setattr(m.graph.initializer[0], "raw_data", b"123")
        ),
        lambda m: m.graph.node[0].ClearField("input"),
        lambda m: m.graph.node[0].attribute[0].CopyFrom(onnx.helper.make_attribute("perm", [7, 7])),
        lambda m: m.graph.node[0].attribute[0].CopyFrom(onnx.helper.make_attribute("perm", 0.5)),
    ],
    ids=["too few bytes", "no input", "an axis that is not there", "a number for a list"],
)
def test_a_damaged_graph_is_refused_in_one_line(text_model, damage):
    model = text_model(
        "g (float[N, 4] x) => (float[N, 4] y) <float[4] w = {1, 2, 3, 4}> "
        "{ m = MatMul(x, x) t = Transpose<perm = [1, 0]>(m) y = Max(t, w) r = Relu(t) }"
    )
    model.graph.node.insert(0, model.graph.node.pop(1))
    damage(model)
    with pytest.raises(ModelError) as error:
        find_sites(load(model).ir)
    assert "\n" not in str(error.value)


def test_a_cycle_is_refused_by_its_name(text_model):
    model = text_model("g (float[N, 4] x) => (float[N, 4] y) { a = Add(x, b) b = Relu(a) y = Neg(b) }")
    with pytest.raises(ModelError, match="cycle"):
        find_sites(ir.from_proto(model))
