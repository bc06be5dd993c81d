"""Fixtures that call single operators on the native kernels of each instruction set."""

import ctypes
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from relucid.analyzer import native

ELEMENTS = {
    np.dtype("float32"): TensorProto.FLOAT,
    np.dtype("float64"): TensorProto.DOUBLE,
    np.dtype("float16"): TensorProto.FLOAT16,
    np.dtype(ml_dtypes.bfloat16): TensorProto.BFLOAT16,
    np.dtype("int32"): TensorProto.INT32,
    np.dtype("uint8"): TensorProto.UINT8,
    np.dtype("bool"): TensorProto.BOOL,
}
NUMBERS = {
    "active": TensorProto.INT64,
    **dict.fromkeys(("dead", "linear", "finite"), TensorProto.BOOL),
    "keys": TensorProto.UINT64,
    "count": TensorProto.INT64,
    **dict.fromkeys(("mean", "m2"), TensorProto.DOUBLE),
}
OUTPUTS = {
    "Probe": ("low", "high", "active", "dead", "linear", "finite", "keys"),
    "ReluProbe": ("h", "low", "high", "active", "dead", "linear", "finite", "keys"),
    "CoMoment": ("count", "mean", "m2"),
}
Operator = Callable[..., dict[str, np.ndarray]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests that need the native library if it cannot be used."""
    if native.library_path() is None:
        for item in items:
            if "operator" in getattr(item, "fixturenames", ()) or item.path.name == "test_table.py":
                item.add_marker(pytest.mark.skip(reason=f"no native code: {native.unavailable_reason()}"))


@cache
def session(
    name: str, dtype: np.dtype, outputs: tuple[str, ...], attributes: tuple[tuple[str, Any], ...], threads: int
) -> onnxruntime.InferenceSession:
    """Return a session on one node. onnxruntime takes no bfloat16 from numpy, so it is cast from float32 and back."""
    element = ELEMENTS[dtype]
    real = TensorProto.DOUBLE if element == TensorProto.DOUBLE else TensorProto.FLOAT
    fed = TensorProto.FLOAT if element == TensorProto.BFLOAT16 else element
    nodes = [helper.make_node(name, ["z"], outputs, domain="relucid", **dict(attributes))]
    shown = [helper.make_tensor_value_info(out, NUMBERS.get(out, real), None) for out in outputs if out and out != "h"]
    if fed != element:
        nodes[0].input[0] = "z_in_half"
        nodes.insert(0, helper.make_node("Cast", ["z"], ["z_in_half"], to=element))
    if "h" in outputs:
        nodes.append(helper.make_node("Cast", ["h"], ["h_cast"], to=fed))
        shown.append(helper.make_tensor_value_info("h_cast", fed, None))
    graph = helper.make_graph(nodes, "one", [helper.make_tensor_value_info("z", fed, None)], shown)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("relucid", 1)]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    options.register_custom_ops_library(str(native.library_path()))
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="session")
def operator() -> Operator:
    """Return a function that calls an operator: `operator("Probe", z, unit_axis=1)` returns its outputs by name."""

    def call(
        name: str, z: np.ndarray, *, outputs: Sequence[str] | None = None, threads: int = 2, **attributes: Any
    ) -> dict[str, np.ndarray]:
        outputs = OUTPUTS[name] if outputs is None else tuple(outputs)
        made = session(name, z.dtype, outputs, tuple(sorted(attributes.items())), threads)
        fed = np.asarray(z.astype(np.float32) if z.dtype == np.dtype(ml_dtypes.bfloat16) else z)
        names = [out.name for out in made.get_outputs()]
        found = dict(zip(names, made.run(None, {"z": fed}), strict=True))
        return {"h" if out == "h_cast" else out: numbers for out, numbers in found.items()}

    return call


@pytest.fixture(scope="module", params=["avx512", "avx2", "plain"])
def kernels(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run a test with each instruction set that the processor has."""
    library = ctypes.CDLL(str(native.library_path()))
    library.relucid_kernels.restype = ctypes.c_char_p
    before = library.relucid_kernels()
    if not library.relucid_choose_kernels(request.param.encode()):
        pytest.skip(f"this processor has no {request.param}")
    yield request.param
    library.relucid_choose_kernels(before)
