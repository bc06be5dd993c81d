"""Weights in other files may be named anywhere in a model: each place is found, and none leads out of the folder."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest

from relucid.analyzer.errors import ModelError
from relucid.analyzer.model import load
from relucid.analyzer.runtime.session import open_session
from relucid.analyzer.sites import find_sites

from .small import outside

X = np.eye(4, dtype=np.float32)[:2]
ZEROS = "value = float[4] {0, 0, 0, 0}"
HIDING = {
    "an attribute": (f"z = Constant<{ZEROS}>() y = Max(x, z)", lambda m: m.graph.node[0].attribute[0].t),
    "a body": (
        f"y = If(c) <then_branch = t () => (float p) {{ z = Constant<{ZEROS}>() p = Max(x, z) }}, "
        "else_branch = e () => (float q) { q = Neg(x) }>",
        lambda m: m.graph.node[0].attribute[0].g.node[0].attribute[0].t,
    ),
    "a function": ("y = own.act(x)", lambda m: m.functions[0].node[0].attribute[0].t),
}  # fmt: skip


def hidden(text_model, nodes: str, tensor: Callable, location: str) -> onnx.ModelProto:
    text = f"g (float[N, 4] x, bool c) => (float[N, 4] y) {{ {nodes} }}"
    text += f'<domain: "own", opset_import: ["": 17]> act (a) => (b) {{ z = Constant<{ZEROS}>() b = Max(a, z) }}'
    model = text_model(text, domains={"own": 1})
    outside(tensor(model), location)
    return model


@pytest.mark.parametrize(("nodes", "tensor"), HIDING.values(), ids=HIDING)
def test_weights_hidden_elsewhere_in_the_model(text_model, tmp_path, monkeypatch, nodes, tensor):
    monkeypatch.chdir("/")
    (tmp_path / "z.bin").write_bytes(bytes(16))
    path = tmp_path / "net.onnx"
    path.write_bytes(hidden(text_model, nodes, tensor, "z.bin").SerializeToString())
    model = load(path)
    assert [s.kind for s in find_sites(model.ir)] == ["max"]
    feed = {"x": X, "c": np.array(True)}
    assert np.array_equal(open_session(model).run(["y"], feed)["y"], X)


def attribute_of(holder, kind: str):
    """A new attribute of a node or function, still empty."""
    return holder.add(name="extra", type=getattr(onnx.AttributeProto, kind))


MORE = {
    **HIDING,
    "sparse values": ("y = Neg(x)", lambda m: m.graph.sparse_initializer.add().values),
    "sparse indices": ("y = Neg(x)", lambda m: m.graph.sparse_initializer.add().indices),
    "a list": ("y = Neg(x)", lambda m: attribute_of(m.graph.node[0].attribute, "TENSORS").tensors.add()),
    "a sparse tensor": (
        "y = Neg(x)",
        lambda m: attribute_of(m.graph.node[0].attribute, "SPARSE_TENSOR").sparse_tensor.values,
    ),
    "a default": ("y = Neg(x)", lambda m: attribute_of(m.functions[0].attribute_proto, "TENSOR").t),
    "training": ("y = Neg(x)", lambda m: m.training_info.add().algorithm.initializer.add(name="t")),
}


@pytest.mark.parametrize(("nodes", "tensor"), MORE.values(), ids=MORE)
def test_no_hiding_place_leads_out_of_the_folder(text_model, tmp_path, nodes, tensor):
    path = tmp_path / "net.onnx"
    path.write_bytes(hidden(text_model, nodes, tensor, "../secret").SerializeToString())
    with pytest.raises(ModelError, match=r"not a plain path|sparse"):
        load(path)
