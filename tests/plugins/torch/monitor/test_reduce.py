"""The reduction by torch and the analyzer's own give the same statistics."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from relucid.analyzer.errors import DataError
from relucid.analyzer.runtime.tap_accumulator import TapAccumulator, in_axes
from relucid.analyzer.sites import Site
from relucid.analyzer.stats import CoMoment, Patterns, Points, PreactivationCoMoment, UnitRanges
from relucid.plugins.torch.monitor.reduce import STATISTICS, arrange, comoment_type, reduce_on_device, reduce_site
from relucid.plugins.torch.monitor.window_report import pack_statistic, unpack_statistic

ALL = (UnitRanges, Points, Patterns, CoMoment, PreactivationCoMoment)


def accumulator(kinds=ALL) -> TapAccumulator:
    options = {"capacity": 50, "seed": 0, "every_position": False, "squares": 4096, "keys": False}
    return TapAccumulator(Site("act", "", "relu", 1), kinds, **options)


def assert_same(one, other):
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray) and field.name in {"mean", "m2"}:
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * (1 + np.abs(a).max()))
        else:
            np.testing.assert_array_equal(a, b)
            assert type(a) is type(b)


@st.composite
def blocks(draw):
    samples, positions, units = draw(
        st.tuples(st.integers(1, 6), st.integers(1, 5), st.sampled_from([1, 3, 64, 65, 90]))
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    z = rng.choice([-2.5, -1.0, 0.0, 0.5, 3.0], (samples, units, positions)) + draw(st.sampled_from([0.0, 1e4]))
    z *= rng.random((samples, 1, 1)) < draw(st.sampled_from([0.3, 1.0]))
    if draw(st.booleans()):
        z[rng.random(z.shape) < 0.02] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    return torch.from_numpy(z.astype(draw(st.sampled_from(["f4", "f8"])))).transpose(1, 2)


@settings(max_examples=60)
@given(blocks())
def test_on_a_device_the_statistics_are_the_analyzers(z):
    index = np.arange(5, 5 + len(z))
    ours, theirs = reduce_on_device(z, index, ALL, capacity=50), accumulator().reduce((z.numpy(),), index, None)
    for name in ("finite", "dead", "linear"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    assert ours.parts.keys() == theirs.parts.keys()
    for kind, statistic in theirs.parts.items():
        assert_same(statistic, ours.parts[kind])


def test_a_device_reduction_cut_into_pieces_changes_nothing(monkeypatch):
    z = torch.randn(9, 4, 70)
    whole = reduce_on_device(z, np.arange(9), ALL, capacity=50)
    monkeypatch.setattr("relucid.plugins.torch.monitor.reduce.CPU_CHUNK", 300)
    for kind, statistic in reduce_on_device(z, np.arange(9), ALL, capacity=50).parts.items():
        assert_same(whole.parts[kind], statistic)


def test_a_constant_unit_has_no_variance_on_a_device():
    z = torch.full((1000, 1, 2), 0.1, dtype=torch.float64)
    assert not reduce_on_device(z, np.arange(1000), [CoMoment], capacity=50).parts[CoMoment].m2.any()


def test_statistics_survive_a_checkpoint(tmp_path):
    result = accumulator().reduce((np.random.default_rng(0).normal(size=(7, 2, 65)),), np.arange(7), None)
    torch.save([pack_statistic(statistic) for statistic in result.parts.values()], tmp_path / "state.pt")
    for values, statistic in zip(
        torch.load(tmp_path / "state.pt", weights_only=True), result.parts.values(), strict=True
    ):
        assert type(unpack_statistic(values)) is type(statistic)
        assert_same(statistic, unpack_statistic(values))


@settings(max_examples=40)
@given(blocks())
def test_on_the_processor_the_statistics_are_the_analyzers(z):
    index = np.arange(len(z))
    ours = reduce_site(z, accumulator(STATISTICS), index, capacity=50, squares=4096)
    theirs = accumulator((*STATISTICS, CoMoment)).reduce((z.numpy(),), index, None)
    assert ours.parts.keys() == theirs.parts.keys()
    for kind, statistic in theirs.parts.items():
        assert_same(statistic, ours.parts[kind])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(dtype):
    z = torch.tensor([[[0.5, -0.25]], [[1.5, 0.0]]], dtype=dtype)
    result = reduce_site(z, accumulator(), np.arange(2), capacity=9, squares=9)
    assert result.parts[UnitRanges].high.tolist() == [1.5, 0.0]


@pytest.mark.parametrize(
    ("shape", "axis", "samples"),
    [
        ((4, 3), 1, 4),
        ((4, 3, 5, 6), 1, 4),
        ((4, 5, 3), 2, 4),
        ((8, 3), 1, 4),
        ((8, 3, 5), 1, 4),
        ((4,), 0, 4),
        ((), 0, 1),
    ],
)
def test_tensors_are_arranged_as_the_analyzer_arranges_taps(shape, axis, samples):
    z, site = torch.randn(shape), Site("act", "", "relu", axis)
    np.testing.assert_array_equal(arrange(z, site, samples=samples).numpy(), in_axes(z.numpy(), site, batch=samples))


def test_values_without_a_sample_axis_are_an_error():
    for z, axis in ((torch.zeros(3, 4), 0), (torch.zeros(7, 4), 1)):
        with pytest.raises(DataError, match="first axis counts the 2 samples"):
            arrange(z, Site("act", "", "relu", axis), samples=2)


def test_redundancy_is_that_of_the_preactivations_unless_the_activation_is_max_z_0():
    assert [comoment_type(kind) for kind in ("relu", "max", "gelu", "clip")] == [CoMoment] * 2 + [
        PreactivationCoMoment
    ] * 2


def test_many_units_are_left_without_comoments(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "relucid.plugins.torch.monitor.reduce.reduce_on_device", lambda *arguments, **_: calls.append(arguments[2])
    )
    z = torch.zeros(2, 1, 10, device="meta")
    reduce_site(z, accumulator(), np.arange(2), capacity=9, squares=9)
    reduce_site(z, accumulator(), np.arange(2), capacity=9, squares=10)
    assert [CoMoment in kinds for kinds in calls] == [False, True]
