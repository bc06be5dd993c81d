"""External data: found next to the model from any working directory, anywhere in a model, and nowhere else."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from relucid.analyzer.errors import ModelError
from relucid.analyzer.model import load
from relucid.analyzer.runtime.session import open_session
from relucid.analyzer.sites import find_sites

from ..small import make_external

WEIGHTS = np.arange(16, dtype=np.float32).reshape(4, 4) - 7
PLAIN = "g (float[N, 4] x) => (float[N, 4] y) <float[4, 4] w = {0}> { z = MatMul(x, w) y = Relu(z) }"
X = np.eye(4, dtype=np.float32)[:2]


@pytest.fixture
def at(text_model, tmp_path) -> Callable[..., Path]:
    """Write a model with an external location, and the weights in w.bin next to it."""

    def write(location: str = "w.bin", **entries: object) -> Path:
        model = text_model(PLAIN)
        make_external(model.graph.initializer[0], location, **entries)
        folder = tmp_path / "model"
        folder.mkdir(exist_ok=True)
        (folder / "w.bin").write_bytes(WEIGHTS.tobytes())
        (folder / "net.onnx").write_bytes(model.SerializeToString())
        return folder / "net.onnx"

    return write


def check_runs(path: str | Path) -> None:
    model = load(path)
    assert [s.value for s in find_sites(model.ir)] == ["z"]
    assert np.array_equal(open_session(model).run(["y"], {"x": X})["y"], np.maximum(X @ WEIGHTS, 0))
    assert np.array_equal(model.ir.graph.initializers["w"].const_value.numpy(), WEIGHTS)


@pytest.mark.parametrize("entries", [{}, {"offset": 0, "length": 64}, {"length": 64, "checksum": "whatever"}])
def test_next_to_the_model(at, entries):
    check_runs(at(**entries))


def test_an_offset(at):
    path = at("shifted.bin", offset=100, length=64)
    path.with_name("shifted.bin").write_bytes(bytes(100) + WEIGHTS.tobytes())
    check_runs(path)


@pytest.mark.parametrize("location", ["./w.bin", "deep/er/w.bin", "Gewichte für 層.bin"])
def test_other_plain_paths(at, location):
    path = at(location)
    (path.parent / location).parent.mkdir(parents=True, exist_ok=True)
    (path.parent / location).write_bytes(WEIGHTS.tobytes())
    check_runs(path)


def test_from_another_working_directory(at, monkeypatch, tmp_path):
    path = at()
    monkeypatch.chdir(tmp_path)
    check_runs("model/net.onnx")
    monkeypatch.chdir(path.parent)
    model = load("net.onnx")
    monkeypatch.chdir("/")
    assert open_session(model).run(["y"], {"x": X})["y"].shape == (2, 4)


def test_a_link_inside_the_folder(at):
    path = at("link.bin")
    path.with_name("link.bin").symlink_to("w.bin")
    check_runs(path)


@pytest.mark.parametrize("where", ["snapshots/abc", "snapshots/abc/onnx"])
def test_the_cache_of_a_model_hub_links_both_into_one_folder(at, tmp_path, where):
    source, blobs, snapshot = at("net.onnx_data"), tmp_path / "hub/blobs", tmp_path / "hub" / where
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    source.rename(blobs / "f00d")
    (blobs / "beef").write_bytes(WEIGHTS.tobytes())
    up = Path(*[".."] * len(Path(where).parts), "blobs")
    (snapshot / "net.onnx").symlink_to(up / "f00d")
    (snapshot / "net.onnx_data").symlink_to(up / "beef")
    check_runs(snapshot / "net.onnx")


def test_a_folder_that_is_a_link(at, tmp_path):
    (tmp_path / "link").symlink_to(at().parent)
    check_runs(tmp_path / "link" / "net.onnx")


def test_an_ir_model_with_a_base_directory(at):
    check_runs(ir.load(at()))


REFUSED = {
    "absolute": ("/etc/hostname", "expected a plain path inside the folder"),
    "up": ("../w.bin", "expected a plain path"),
    "up and down": ("deep/../../model/w.bin", "expected a plain path"),
    "windows": ("..\\w.bin", "expected a plain path"),
    "a drive": ("C:w.bin", "expected a plain path"),
    "an address in memory": ("*/_ORT_MEM_ADDR_/*", "expected a plain path"),
    "a zero byte": ("w\0.bin", "expected a plain path"),
    "nothing": ("", "expected a plain path"),
    "the folder": (".", "got none; copy it there"),
    "missing": ("v.bin", "expected the file 'v.bin' next to the model, got none"),
    "endless": ("w" * 4000, "File name too long"),
    "a device": ("null", "got none; copy it there|a link to a file outside"),
}


@pytest.mark.parametrize(("location", "message"), REFUSED.values(), ids=REFUSED)
def test_a_location_that_is_refused(at, location, message):
    path = at(location)
    path.with_name("null").symlink_to("/dev/null")
    (path.parent.parent / "w.bin").write_bytes(WEIGHTS.tobytes())
    with pytest.raises(ModelError, match=message) as error:
        load(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"length": 640}, "expected 640 bytes in 'w.bin', got 64"),
        ({"offset": 32}, "expected 96 bytes in 'w.bin', got 64"),
        ({"offset": 32, "length": 32}, "expected 96 bytes"),
        ({"offset": -64, "length": 64}, "expected a number of bytes as the offset, got '-64'"),
        ({"length": "many"}, "expected a number of bytes as the length, got 'many'"),
        ({"offset": 10**30}, "expected 1"),
    ],
)
def test_bytes_beyond_the_end_of_the_file(at, entries, message):
    with pytest.raises(ModelError, match=message):
        load(at(**entries))


def test_a_link_out_of_the_folder(at, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(WEIGHTS.tobytes())
    path = at("link.bin")
    path.with_name("link.bin").symlink_to(secret)
    with pytest.raises(ModelError, match="a link to a file outside"):
        load(path)


def test_a_folder_linked_out_of_the_folder(at, tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "w.bin").write_bytes(WEIGHTS.tobytes())
    path = at("in/w.bin")
    path.with_name("in").symlink_to(tmp_path / "secrets")
    with pytest.raises(ModelError, match="a link to a file outside"):
        load(path)


def test_a_hard_link(at, tmp_path):
    (tmp_path / "secret").write_bytes(WEIGHTS.tobytes())
    path = at("hard.bin")
    os.link(tmp_path / "secret", path.with_name("hard.bin"))
    with pytest.raises(ModelError, match="a single hard link"):
        load(path)


def test_the_last_of_two_locations_is_used_by_all_readers(at):
    """A reader that takes the first and one that takes the last must not see different files."""
    path = at()
    model = onnx.load(path, load_external_data=False)
    model.graph.initializer[0].external_data.insert(
        0, onnx.StringStringEntryProto(key="location", value="/etc/hostname")
    )
    path.write_bytes(model.SerializeToString())
    check_runs(path)


def test_bytes_never_read_from_the_working_directory(at, monkeypatch):
    path = at()
    monkeypatch.chdir(path.parent)
    for source in (path.read_bytes(), onnx.load(path, load_external_data=False)):
        with pytest.raises(ModelError, match="give the path of the model"):
            load(source)


def test_weights_in_several_folders(at, tmp_path, text_model):
    """The weights of a linked model are in the folder of the link or of its target, not in both."""
    model = text_model(
        "g (float[4] x) => (float[4] y) <float[4] a = {0}, float[4] b = {0}> { c = Add(x, a) y = Add(c, b) }"
    )
    make_external(model.graph.initializer[0], "a.bin")
    make_external(model.graph.initializer[1], "b.bin")
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    (tmp_path / "there/net.onnx").write_bytes(model.SerializeToString())
    (tmp_path / "here/net.onnx").symlink_to("../there/net.onnx")
    (tmp_path / "here/a.bin").write_bytes(bytes(16))
    (tmp_path / "there/b.bin").write_bytes(bytes(16))
    (tmp_path / "here/b.bin").symlink_to("../there/b.bin")
    with pytest.raises(ModelError, match="several folders"):
        load(tmp_path / "here/net.onnx")


BIG = """
import resource, sys
from relucid.analyzer.model import load
from relucid.analyzer.passes.expose_values import InstrumentPass
from relucid.analyzer.sites import find_sites
import onnx_ir as ir
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model = load(sys.argv[1])
sites = find_sites(model.ir)
InstrumentPass(site.value for site in sites)(model.ir)
data = ir.to_proto(model.ir).SerializeToString()
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(len(sites), len(model.ir.graph.outputs), len(data), (after - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is measured in other units elsewhere")
def test_a_large_model_is_never_read(text_model, tmp_path):
    """One sparse file of a gigabyte: four layers of 8192 x 8192."""
    side, layers = 8192, 4
    weights = ", ".join(f"float[{side}, {side}] w{i} = {{0}}" for i in range(layers))
    nodes = " ".join(f"z{i} = MatMul(h{i}, w{i}) h{i + 1} = Relu(z{i})" for i in range(layers))
    model = text_model(f"g (float[N, {side}] h0) => (float[N, {side}] h{layers}) <{weights}> {{ {nodes} }}")
    for i, tensor in enumerate(model.graph.initializer):
        make_external(tensor, "w.bin", offset=4 * i * side * side, length=4 * side * side)
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    with (tmp_path / "w.bin").open("wb") as file:
        file.truncate(4 * layers * side * side)
    command = [sys.executable, "-c", BIG, str(tmp_path / "net.onnx")]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout
    sites, outputs, written, megabytes = map(int, out.split())
    assert (sites, outputs) == (layers, layers + 1)
    assert written < 10_000
    assert megabytes < 150


ZEROS = "value = float[4] {0, 0, 0, 0}"
TENSORS = {
    "an attribute": (f"z = Constant<{ZEROS}>() y = Max(x, z)", lambda m: m.graph.node[0].attribute[0].t),
    "a body": (
        f"y = If(c) <then_branch = t () => (float p) {{ z = Constant<{ZEROS}>() p = Max(x, z) }}, "
        "else_branch = e () => (float q) { q = Neg(x) }>",
        lambda m: m.graph.node[0].attribute[0].g.node[0].attribute[0].t,
    ),
    "a function": ("y = own.act(x)", lambda m: m.functions[0].node[0].attribute[0].t),
}  # fmt: skip


def with_external(text_model, nodes: str, tensor: Callable, location: str) -> onnx.ModelProto:
    text = f"g (float[N, 4] x, bool c) => (float[N, 4] y) {{ {nodes} }}"
    text += f'<domain: "own", opset_import: ["": 17]> act (a) => (b) {{ z = Constant<{ZEROS}>() b = Max(a, z) }}'
    model = text_model(text, domains={"own": 1})
    make_external(tensor(model), location)
    return model


@pytest.mark.parametrize(("nodes", "tensor"), TENSORS.values(), ids=TENSORS)
def test_external_data_of_attributes_bodies_and_functions(text_model, tmp_path, monkeypatch, nodes, tensor):
    monkeypatch.chdir("/")
    (tmp_path / "z.bin").write_bytes(bytes(16))
    path = tmp_path / "net.onnx"
    path.write_bytes(with_external(text_model, nodes, tensor, "z.bin").SerializeToString())
    model = load(path)
    assert [s.kind for s in find_sites(model.ir)] == ["max"]
    feed = {"x": X, "c": np.array(True)}
    assert np.array_equal(open_session(model).run(["y"], feed)["y"], X)


def attribute_of(holder, kind: str):
    """A new attribute of a node or function, still empty."""
    return holder.add(name="extra", type=getattr(onnx.AttributeProto, kind))


ALL_TENSORS = {
    **TENSORS,
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


@pytest.mark.parametrize(("nodes", "tensor"), ALL_TENSORS.values(), ids=ALL_TENSORS)
def test_no_tensor_refers_to_a_file_outside_the_folder(text_model, tmp_path, nodes, tensor):
    path = tmp_path / "net.onnx"
    path.write_bytes(with_external(text_model, nodes, tensor, "../secret").SerializeToString())
    with pytest.raises(ModelError, match=r"expected a plain path|sparse"):
        load(path)
