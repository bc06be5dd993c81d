"""Results do not depend on batches: any size, models with a fixed batch, models that only seem to take batches."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

from relucid.analyzer import demo
from relucid.analyzer.analysis import analyze
from relucid.analyzer.errors import DataError, ModelError, StateError

from .. import reference
from ..small import model, perceptron, samples

ALL = ["units", "points", "patterns", "vni", "margins", "preactivation_vni", "global_patterns"]


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    with np.load(demo.data()) as stored:
        return stored["image"], stored["labels"]


def cifar_rows(shared_data: Path, count: int) -> np.ndarray:
    with np.load(shared_data / "cifar10_test_lossless.npz") as stored:
        images = np.moveaxis(stored["images"][:count], 3, 1).astype(np.float32)
    return (images / 255 - np.float32(0.5)) / np.float32(0.5)


@pytest.mark.parametrize("batch", [1, 7, 256, None])
def test_no_number_depends_on_the_batch(digits: tuple[np.ndarray, np.ndarray], batch: int | None) -> None:
    images, labels = digits
    whole = analyze(demo.model(), images, labels=labels, measures=[*ALL, "information"], batch=len(images))
    other = analyze(demo.model(), images, labels=labels, measures=[*ALL, "information"], batch=batch)
    assert other.notes == whole.notes == ()
    assert reference.differences(whole, other) == []


@pytest.mark.parametrize("batch", [1, 7, 256])
def test_no_number_of_a_trained_model_depends_on_the_batch(shared_models: Path, shared_data: Path, batch: int) -> None:
    path, x = shared_models / "winml_cifar_imageclassifier.onnx", cifar_rows(shared_data, 60)
    assert reference.differences(analyze(path, x), analyze(path, x, batch=batch)) == []


@pytest.mark.parametrize("sizes", [[1, 59, 40], [33, 33, 34]])
def test_no_number_depends_on_how_the_data_is_cut(sizes: list[int]) -> None:
    x = samples(100)
    parts = np.split(x, np.cumsum(sizes)[:-1])
    assert reference.differences(analyze(perceptron(), x), analyze(perceptron(), iter(parts))) == []


@pytest.mark.parametrize("fixed", [1, 4])
def test_a_fixed_batch_is_padded_and_the_padding_not_counted(fixed: int) -> None:
    x, labels = samples(10), np.arange(10) % 4
    free = analyze(perceptron(), x, labels=labels, measures=[*ALL, "information"])
    bound = analyze(perceptron(batch=fixed), x, labels=labels, measures=[*ALL, "information"])
    assert bound.samples == 10
    assert reference.differences(free, bound) == []


def test_a_graph_that_only_seems_to_take_batches_is_run_sample_by_sample() -> None:
    weights = samples(6, 5, seed=2)
    honest = model("g (float[N, 2, 3] x) => (float[N, 5] y) { f = Flatten(x) z = MatMul(f, W) y = Relu(z) }", W=weights)
    stuck = model(
        "g (float[N, 2, 3] x) => (float[M, 5] y) { f = Reshape(x, s) z = MatMul(f, W) y = Relu(z) }",
        W=weights,
        s=np.array([1, 6]),
    )
    x = samples(9, 2, 3)
    report = analyze(stuck, x, batch=4)
    assert [note[:22] for note in report.notes] == ["Run sample by sample: "]
    assert reference.differences(analyze(honest, x), report) == []


def test_a_run_that_fails_at_one_site_is_not_counted_at_another() -> None:
    """The first site has a sample axis, the second does not: no result of the failed run may remain."""
    both = model(
        """g (float[N, 4] x) => (float[N, 4] y, float[1, K] f) {
            y = Relu(x) u = Reshape(y, s) v = Sub(u, c) f = Relu(v)
        }""",
        s=np.array([1, -1]),
        c=np.array(0.5, dtype=np.float32),
    )
    x = samples(12, 4)
    report = analyze(both, x, batch=6)
    assert len(report.notes) == 1
    first, second = report.sites
    expected = reference.units(x[:, None]) | reference.points(x[:, None]) | reference.patterns(x[:, None])
    assert first.unit_active.tolist() == expected["unit_active"].tolist()
    assert first.dead_points == expected["dead_points"]
    shifted = np.maximum(x, 0)[:, None] - 0.5
    assert second.patterns == reference.patterns(shifted)["patterns"]
    assert (first.samples, second.samples) == (12, 12)


@pytest.mark.parametrize("batch", [2, 3, 6, 12])
@pytest.mark.parametrize("flattened", [False, True])
def test_time_before_the_samples_is_detected_even_if_all_shapes_fit(batch: int, flattened: bool) -> None:
    """(time, sample, unit) with unknown dimensions: time may be as long as the batch, or a multiple of it."""
    body = "t = Transpose<perm = [1, 0, 2]>(x) " + ("r = Reshape(t, s)" if flattened else "r = Identity(t)")
    W = np.abs(samples(3, 4, seed=3))
    turned = model(f"g (float[N, 6, 3] x) => (y) {{ {body} z = MatMul(r, W) y = Relu(z) }}", W=W, s=np.array([-1, 3]))
    straight = model("g (float[N, 6, 3] x) => (float[N, 6, 4] y) { z = MatMul(x, W) y = Relu(z) }", W=W)
    for value in turned.graph.output:
        value.ClearField("type")
        value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    x = samples(12, 6, 3)
    x[3], x[7] = -np.abs(x[3]), np.abs(x[7])
    expected, got = analyze(straight, x), analyze(turned, x, batch=batch)
    assert (expected.sites[0].dead_points, expected.sites[0].linear_points) == ((3,), (7,))
    assert [each for each in reference.differences(expected, got) if "unit_axis" not in each] == []


def test_samples_along_axis_one_are_taken_as_samples() -> None:
    first = model(
        "g (float[T, batch, 3] x) => (float[T, batch, 4] y) { z = MatMul(x, W) y = Relu(z) }", W=samples(3, 4, seed=3)
    )
    x = samples(5, 8, 3)
    report = analyze(first, x, measures=ALL)
    z = (x @ samples(3, 4, seed=3)).transpose(1, 0, 2)
    assert report.samples == 8
    assert report.sites[0].positions == 5
    for name, value in (reference.points(z) | reference.patterns(z)).items():
        assert report.sites[0][name] == pytest.approx(value), name


def test_sequences_of_different_lengths_are_samples_of_different_numbers_of_positions() -> None:
    free = model(
        "g (float[batch, T, 3] x) => (float[batch, T, 4] y) { z = MatMul(x, W) y = Relu(z) }", W=samples(3, 4, seed=3)
    )
    lengths = [2, 2, 5, 3, 2]
    rows = [samples(1, length, 3, seed=place) for place, length in enumerate(lengths)]
    report = analyze(free, iter(rows))
    flat = np.concatenate([row[0] @ samples(3, 4, seed=3) for row in rows])[:, None]
    site = report.sites[0]
    assert (site.samples, site.positions) == (5, sum(lengths) / 5)
    assert site.patterns == reference.patterns(flat)["patterns"]
    assert site.entropy == pytest.approx(reference.patterns(flat)["entropy"])
    assert site.unit_active.tolist() == reference.units(flat)["unit_active"].tolist()


def test_units_by_position_of_different_lengths_do_not_merge() -> None:
    free = model("g (float[batch, T, 3] x) => (float[batch, T, 3] y) { y = Relu(x) }")
    with pytest.raises(StateError, match=r"got 6 and 15"):
        analyze(free, iter([samples(1, 2, 3), samples(1, 5, 3)]), units="position")


def test_several_inputs_a_shared_one_and_integers() -> None:
    """Two inputs by sample, a scale that all share, and an embedding of integers."""
    several = model(
        """g (float[N, 3] a, int64[N, 2] ids, float scale) => (float[N, 2, 3] y) {
            e = Gather(E, ids) b = Unsqueeze(a, one) s = Mul(b, scale) z = Add(e, s) y = Relu(z)
        }""",
        E=samples(7, 3, seed=5),
        one=np.array([1]),
    )
    a, ids, scale = samples(11, 3), np.random.default_rng(0).integers(0, 7, (11, 2)), np.float32(0.5)
    report = analyze(several, {"a": a, "ids": ids, "scale": scale}, batch=4, unit_axis={"y": 2})
    z = samples(7, 3, seed=5)[ids] + a[:, None] * scale
    site = report.sites[0]
    for name, value in (reference.units(z) | reference.points(z) | reference.patterns(z)).items():
        np.testing.assert_allclose(site[name], value, rtol=1e-6, err_msg=name)


def test_initializers_that_old_models_list_as_inputs_need_no_data() -> None:
    old = perceptron()
    new = analyze(old, samples(5))
    for tensor in old.graph.initializer:
        old.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    old.ir_version = 3
    assert reference.differences(new, analyze(old, samples(5))) == []


@pytest.mark.parametrize(("dtype", "name"), [("f2", "float16"), ("f8", "double")])
def test_half_and_double_precision_are_computed_as_they_are(dtype: str, name: str) -> None:
    weights = samples(6, 5, seed=2).astype(dtype)
    typed = model(f"g ({name}[N, 6] x) => ({name}[N, 5] y) {{ z = MatMul(x, W) y = Relu(z) }}", W=weights)
    x = samples(20).astype(dtype)
    z = reference.outputs(typed, ["z"], {"x": x})["z"][:, None].astype("f4" if dtype == "f2" else "f8")
    site = analyze(typed, x).sites[0]
    assert site.patterns == reference.patterns(z)["patterns"]
    assert site.unit_active.tolist() == reference.units(z)["unit_active"].tolist()
    assert site.vni == pytest.approx(reference.vni(np.maximum(z, 0))[1], rel=1e-6)


def test_an_input_without_a_declared_shape() -> None:
    bare = model("g (float[N, 6] x) => (float[N, 6] y) { y = Relu(x) }")
    bare.graph.input[0].type.tensor_type.ClearField("shape")
    bare.graph.output[0].type.tensor_type.ClearField("shape")
    x = samples(10)
    site = analyze(bare, x, batch=4).sites[0]
    assert (site.samples, site.units) == (10, 6)
    assert site.dead_points == reference.points(x[:, None])["dead_points"]


def test_a_number_for_each_sample_and_a_number_for_all() -> None:
    """A site of rank 1 has one unit; one of rank 0 has no sample axis, so samples are run one by one."""
    one = model("g (float[N, 6] x) => (float[N] y) { z = ReduceMean<axes = [1], keepdims = 0>(x) y = Relu(z) }")
    none = model("g (float[N, 6] x) => (float y) { z = ReduceMean<keepdims = 0>(x) y = Relu(z) }")
    x = samples(10)
    for made, notes in ((one, 0), (none, 1)):
        report = analyze(made, x, batch=5)
        assert len(report.notes) == notes
        site = report.sites[0]
        assert (site.units, site.samples, site.positions) == (1, 10, 1)
        assert site.dead_points == tuple(np.flatnonzero(x.mean(axis=1) <= 0).tolist())


def test_a_site_that_sometimes_sees_nothing() -> None:
    """Only the rows of a sample whose first entry is positive go on."""
    some = model(
        """g (float[1, 4, 3] x) => (y) {
            c = Constant<value = float {0.0}>() k = Constant<value = int64 {0}>()
            f = Gather<axis = 2>(x, k) g1 = Greater(f, c) one = Squeeze(g1, a) row = Squeeze(x, a)
            z = Compress<axis = 0>(row, one) y = Relu(z)
        }""",
        a=np.array([0]),
    )
    for value in some.graph.output:
        value.ClearField("type")
        value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    x = samples(6, 4, 3)
    x[2, :, 0] = -1
    report = analyze(some, x, measures=ALL)
    rows = x.reshape(-1, 3)
    kept = rows[rows[:, 0] > 0][:, None]
    site = report.sites[0]
    assert (report.samples, site.nonfinite_samples) == (6, 0)
    assert site.unit_active.tolist() == reference.units(kept)["unit_active"].tolist()
    assert site.patterns == reference.patterns(kept)["patterns"]


def test_what_fails_for_one_sample_is_one_line() -> None:
    broken = model("g (float[N, 6] x) => (float[N, 2, 2] y) { r = Reshape(x, s) y = Relu(r) }", s=np.array([-1, 2, 2]))
    with pytest.raises(ModelError, match="cannot run the given ModelProto") as refusal:
        analyze(broken, samples(5))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("batch", [None, 2, 5])
@pytest.mark.parametrize("left", [np.nan, 1.0])
def test_memory_of_a_feed_may_be_reused_once_it_was_taken(batch: int | None, left: float) -> None:
    def reused() -> Iterator[np.ndarray]:
        room = np.empty((5, 6), dtype=np.float32)
        for part in np.split(samples(20), 4):
            room[:] = part
            yield room
            room[:] = left

    assert reference.differences(analyze(perceptron(), samples(20)), analyze(perceptron(), reused(), batch=batch)) == []


def test_scores_that_are_no_row_per_sample_are_refused() -> None:
    turned = model("g (float[N, 6] x) => (float[6, N] y) { h = Relu(x) y = Transpose(h) }")
    with pytest.raises(
        DataError, match=r"output 'y': expected one row of class scores for each of 5 samples.*--output"
    ):
        analyze(turned, samples(5), labels=np.zeros(5, dtype=int), output="y", batch=5)


def test_samples_mixed_in_a_fixed_batch_are_detected() -> None:
    """Time precedes the four samples of a batch and both are flattened together: no axis counts samples."""
    mixed = model(
        """g (float[4, 6, 5] x) => (float[24, 5] h) {
            t = Transpose<perm = [1, 0, 2]>(x) f = Reshape(t, s) h = Relu(f)
        }""",
        s=np.array([-1, 5]),
    )
    with pytest.raises(DataError, match="expected the 4 samples of a fixed batch along one axis"):
        analyze(mixed, samples(8, 6, 5))


def test_samples_flattened_in_order_in_a_fixed_batch_are_split() -> None:
    right = model("g (float[4, 6, 5] x) => (float[24, 5] h) { f = Reshape(x, s) h = Relu(f) }", s=np.array([-1, 5]))
    x = samples(10, 6, 5)
    x[[1, 7]] = -1
    assert analyze(right, x)["h"].dead_points == (1, 7)
