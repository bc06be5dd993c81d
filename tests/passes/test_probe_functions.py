"""The bodies of the probes give the numbers of the numpy statistics: counts and keys exactly, moments to rounding."""

from functools import lru_cache
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

from relucid.analyzer.passes.probe import MOMENTS, NUMBERS
from relucid.analyzer.passes.probe_functions import DOMAIN, OLDEST_OPSET, VERSION, build_functions
from relucid.analyzer.runtime.tap_accumulator import as_float, in_axes
from relucid.analyzer.sites import Site
from relucid.analyzer.stats import Block, UnitRanges, classify, pattern_keys

TYPES = {"float32": ir.DataType.FLOAT, "float64": ir.DataType.DOUBLE, "float16": ir.DataType.FLOAT16}
OUTPUTS = {
    **dict.fromkeys(("low", "high"), (ir.DataType.FLOAT, 1)),
    **dict.fromkeys(("dead", "linear", "finite"), (ir.DataType.BOOL, 1)),
    "active": (ir.DataType.INT64, 1),
    "keys": (ir.DataType.UINT64, 2),
}
"""Type and rank of each number of a float32 value."""


def model(op_type: str, dtype: str, rank: int, attributes: dict[str, Any], opset: int) -> onnx.ModelProto:
    """A graph of one probe, with the functions."""
    x = ir.Value(name="x", type=ir.TensorType(TYPES[dtype]), shape=ir.Shape([None] * rank))
    names = MOMENTS if op_type == "CoMoment" else NUMBERS if op_type == "Probe" else ("h", *NUMBERS)
    node = ir.node(op_type, [x], attributes, domain=DOMAIN, num_outputs=len(names))
    for value, name in zip(node.outputs, names, strict=True):
        value.name = name
        if dtype == "float32" and name in OUTPUTS:
            element, axes = OUTPUTS[name]
            value.type, value.shape = ir.TensorType(element), ir.Shape([None] * axes)
    graph = ir.Graph([x], node.outputs, nodes=[node], opset_imports={"": opset, DOMAIN: VERSION}, name="g")
    return ir.to_proto(ir.Model(graph, ir_version=8, functions=build_functions(opset)))


@lru_cache(maxsize=512)
def session(op_type: str, dtype: str, rank: int, opset: int, **attributes: Any) -> onnxruntime.InferenceSession:
    made = model(op_type, dtype, rank, attributes, opset)
    return onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])


def numbers(
    z: np.ndarray,
    *,
    op_type: str = "Probe",
    axes: tuple[int, int] = (0, 1),
    every_position: bool = False,
    threshold: float = 0.0,
    seed: int = 0,
    keys: bool = True,
    opset: int = OLDEST_OPSET,
) -> dict[str, np.ndarray]:
    made = session(
        op_type,
        z.dtype.name,
        z.ndim,
        opset,
        sample_axis=axes[0],
        unit_axis=axes[1],
        every_position=int(every_position),
        threshold=threshold,
        keys_seed=seed,
        want_keys=int(keys),
        numbers=int(ir.DataType.DOUBLE if z.dtype == np.float64 else ir.DataType.FLOAT),
    )
    return dict(zip((out.name for out in made.get_outputs()), made.run(None, {"x": z}), strict=True))


def moments(h: np.ndarray, *, axes: tuple[int, int], every_position: bool, rectify: bool, threshold: float) -> dict:
    made = session(
        "CoMoment",
        h.dtype.name,
        h.ndim,
        OLDEST_OPSET,
        sample_axis=axes[0],
        unit_axis=axes[1],
        every_position=int(every_position),
        rectify=int(rectify),
        threshold=threshold,
    )
    return dict(zip(MOMENTS, made.run(None, {"x": h}), strict=True))


def arranged(z: np.ndarray, axes: tuple[int, int], *, every_position: bool, threshold: float = 0.0) -> np.ndarray:
    """(sample, position, unit), the threshold taken off, as the taps are."""
    site = Site(name="s", value="z", kind="relu", unit_axis=axes[1], sample_axis=axes[0])
    turned = as_float(in_axes(z, site, batch=z.shape[axes[0]], every_position=every_position))
    return turned - turned.dtype.type(threshold)


@st.composite
def taps(draw: st.DrawFn) -> tuple[np.ndarray, tuple[int, int]]:
    """Values with ties, zeros and points that are dead or linear, and the axes of samples and of units."""
    rank = draw(st.integers(2, 4))
    sample, unit = draw(st.permutations(range(rank)).map(lambda order: order[:2]))
    sizes = [draw(st.integers(1, 4)) for _ in range(rank)]
    sizes[unit] = draw(st.sampled_from([1, 3, 63, 64, 65, 130]))
    random = np.random.default_rng(draw(st.integers(0, 2**31)))
    z = np.moveaxis(random.integers(-3, 4, sizes) / 4, sample, 0)
    z[random.random(len(z)) < 0.3] = random.choice([-1, 1])
    return np.moveaxis(z, 0, sample).astype(draw(st.sampled_from(sorted(TYPES)))), (sample, unit)


@settings(max_examples=30)
@given(tap=taps(), every_position=st.booleans(), threshold=st.sampled_from([0.0, 0.5]), seed=st.sampled_from([0, -7]))
def test_numbers_are_those_of_the_statistics(
    tap: tuple[np.ndarray, tuple[int, int]], every_position: bool, threshold: float, seed: int
) -> None:
    z, axes = tap
    block = Block(arranged(z, axes, every_position=every_position, threshold=threshold))
    extents, (dead, linear) = UnitRanges.of(block), classify(block)
    found = numbers(z, axes=axes, every_position=every_position, threshold=threshold, seed=seed)
    for name, expected in {
        "low": extents.low,
        "high": extents.high,
        "active": extents.active,
        "dead": dead,
        "linear": linear,
        "finite": np.ones_like(dead),
        "keys": pattern_keys(block, seed=seed).reshape(block.z.shape[:2]),
    }.items():
        assert found[name].dtype == expected.dtype, name
        assert np.array_equal(found[name], expected), name


@pytest.mark.parametrize("opset", [19, 21, 23])
def test_newer_opsets_give_the_same(opset: int) -> None:
    z = np.random.default_rng(1).standard_normal((3, 70, 5)).astype(np.float32)
    old, new = numbers(z), numbers(z, opset=opset)
    assert all(np.array_equal(old[name], new[name]) for name in NUMBERS)


def test_another_runtime_gives_the_same() -> None:
    z = np.random.default_rng(1).standard_normal((3, 70, 5)).astype(np.float32)
    attributes = {"sample_axis": 0, "unit_axis": 1, "every_position": 0, "threshold": 0.5}
    rest = {"keys_seed": 3, "want_keys": 1, "numbers": int(ir.DataType.FLOAT)}
    ours = model("Probe", "float32", 3, attributes | rest, OLDEST_OPSET)
    onnx.checker.check_model(ours)
    other = dict(zip(NUMBERS, ReferenceEvaluator(ours).run(None, {"x": z}), strict=True))
    found = numbers(z, threshold=0.5, seed=3)
    assert all(np.array_equal(found[name], other[name]) for name in NUMBERS)


@pytest.mark.parametrize("dtype", sorted(TYPES))
def test_a_relu_probe_is_a_relu_and_a_probe(dtype: str) -> None:
    z = np.random.default_rng(2).standard_normal((4, 6, 5)).astype(dtype)
    both, alone = numbers(z, op_type="ReluProbe"), numbers(z)
    assert np.array_equal(both["h"], np.maximum(z, 0))
    assert all(np.array_equal(both[name], alone[name]) for name in NUMBERS)


def test_keys_that_are_not_wanted_are_not_there() -> None:
    assert numbers(np.ones((3, 4, 2), np.float32), keys=False)["keys"].shape == (0, 2)


@pytest.mark.parametrize("spoilt", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_not_finite_is_told_and_the_others_are_kept(spoilt: float) -> None:
    z = np.random.default_rng(3).standard_normal((4, 6, 5)).astype(np.float32)
    whole = numbers(z)
    z[2, 3, 4] = spoilt
    found = numbers(z)
    assert found["finite"].tolist() == [True, True, False, True]
    rest = [0, 1, 3]
    assert all(np.array_equal(found[name][rest], whole[name][rest]) for name in ("dead", "linear", "keys"))


@settings(max_examples=20)
@given(
    tap=taps(),
    every_position=st.booleans(),
    rectify=st.booleans(),
    threshold=st.sampled_from([0.0, 0.5]),
    offset=st.sampled_from([0, 1000]),
)
def test_moments_are_those_of_numpy(
    tap: tuple[np.ndarray, tuple[int, int]], every_position: bool, rectify: bool, threshold: float, offset: int
) -> None:
    h, axes = tap
    h += h.dtype.type(offset)
    x = arranged(h.astype(np.float64), axes, every_position=every_position, threshold=threshold)
    rows = (np.maximum(x, 0) if rectify else x).reshape(-1, x.shape[2])
    found = moments(h, axes=axes, every_position=every_position, rectify=rectify, threshold=threshold)
    assert found["count"].shape == ()
    assert found["count"] == len(rows)
    np.testing.assert_allclose(found["mean"], rows.mean(axis=0), rtol=1e-14, atol=1e-14)
    expected = np.cov(rows, rowvar=False, bias=True).reshape(rows.shape[1], rows.shape[1]) * len(rows)
    np.testing.assert_allclose(found["m2"], expected[np.tril_indices(len(expected))], rtol=1e-9, atol=1e-9)
