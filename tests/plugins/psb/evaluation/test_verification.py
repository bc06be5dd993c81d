"""`verify` returns what numpy computes from the outputs of both models."""

import numpy as np
import onnxruntime as ort
import pytest

from relucid.analyzer import demo
from relucid.analyzer.errors import DataError, ModelError, OptionError
from relucid.plugins import psb


@pytest.fixture(scope="module")
def net(build):
    random = np.random.default_rng(0)
    weights = {
        "w": random.standard_normal((3, 2, 3, 3)).astype("f4"),
        "m": random.standard_normal((48, 4)).astype("f4"),
    }
    nodes = [
        ("Conv", ["x", "w"], {"pads": [1, 1, 1, 1]}),
        ("Relu", ["v0"], {}),
        ("Flatten", ["v1"], {}),
        ("MatMul", ["v2", "m"], {}),
    ]
    return build(x=("batch", 2, 4, 4), weights=weights, nodes=nodes)


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((21, 2, 4, 4)).astype(np.float32)


def tapped(model, x, **inputs) -> list[np.ndarray]:
    """The output and the pre-activation, in one batch."""
    import onnx_ir as ir

    copy = model.clone()
    copy.graph.outputs.append(next(out for node in copy.graph for out in node.outputs if out.name == "v0"))
    copy.graph.outputs[1].type = ir.TensorType(ir.DataType.FLOAT)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    session = ort.InferenceSession(ir.to_proto(copy).SerializeToString(), options)
    return session.run(["v3", "v0"], {"x": x} | {name: np.array(n) for name, n in inputs.items()})


def test_every_number_is_that_of_numpy(net, x):
    rewritten = psb.rewrite(net, calibrate=x)
    found = psb.verify(net, rewritten, x, samples=2, seed=3, labels=np.arange(21) % 4)
    (scores, z), (scores_after, z_after) = tapped(net, x), tapped(rewritten.ir, x, samples=2, seed=3)
    assert (found.images, found.samples, found.seed, found.missing) == (21, 2, 3, ())
    (output,), (site,) = found.outputs, found.sites
    for one, before, after in ((output, scores, scores_after), (site, z, z_after)):
        moved = after.astype(np.float64) - before
        assert one.rms == pytest.approx(np.sqrt((moved**2).mean()))
        assert one.relative == pytest.approx(np.linalg.norm(moved) / np.linalg.norm(before.astype(np.float64)))
        assert one.largest == pytest.approx(np.abs(moved).max())
    decided, decided_after = scores.argmax(axis=1), scores_after.argmax(axis=1)
    assert output.agreement == pytest.approx((decided == decided_after).mean())
    assert site.flipped == pytest.approx(((z > 0) != (z_after > 0)).mean())
    assert 0 < site.flipped < 0.5
    assert found.accuracy_before == pytest.approx((decided == np.arange(21) % 4).mean())
    assert found.accuracy_after == pytest.approx((decided_after == np.arange(21) % 4).mean())


def test_more_samples_are_nearer_and_a_limit_limits(net, x):
    rewritten = psb.rewrite(net, calibrate=x)
    few, many = (psb.verify(net, rewritten, x, samples=n, limit=10) for n in (1, 1024))
    assert few.images == many.images == 10
    assert many.outputs[0].relative < few.outputs[0].relative / 4
    assert many.sites[0].rms < few.sites[0].rms / 4
    assert few.accuracy_before is None


def test_folded_normalizations_and_files_and_attention(tmp_path):
    rewritten = psb.rewrite(demo.model(), calibrate=demo.data())
    psb.save(rewritten, tmp_path / "psb.onnx")
    found = psb.verify(demo.model(), tmp_path / "psb.onnx", demo.data(), samples=64, limit=20)
    assert len(found.sites) == 7
    assert not found.missing
    assert max(site.relative for site in found.sites) < 0.1


def test_attention_is_compared_with_its_second_pass(build):
    random = np.random.default_rng(0)
    w = random.standard_normal((4, 2, 3, 3)).astype("f4")
    nodes = [("Conv", ["x", "w"], {}), ("Relu", ["v0"], {}), ("GlobalAveragePool", ["v1"], {})]
    model = build(x=("batch", 2, 9, 9), weights={"w": w}, nodes=nodes)
    x = random.standard_normal((4, 2, 9, 9)).astype("f4")
    rewritten = psb.rewrite(model, calibrate=x, attention="random", coverage=1.0)
    near = psb.verify(model, rewritten, x, samples=1024, base=1)
    far = psb.verify(model, rewritten, x, samples=1, base=1024)
    assert near.sites[0].relative < far.sites[0].relative / 4


def test_a_fixed_batch_that_does_not_divide_the_data(build):
    w = np.random.default_rng(0).standard_normal((5, 3)).astype("f4")
    model = build(x=(4, 5), weights={"w": w}, nodes=[("MatMul", ["x", "w"], {})])
    x = np.random.default_rng(1).standard_normal((7, 5)).astype("f4")
    found = psb.verify(model, psb.rewrite(model, calibrate=x), x, samples=1024)
    assert found.images == 7
    assert found.outputs[0].agreement is not None


def test_what_does_not_fit_is_one_line(net, build, x):
    rewritten = psb.rewrite(net)
    with pytest.raises(OptionError, match="with an input 'base'"):
        psb.verify(net, rewritten, x, base=1)
    with pytest.raises(OptionError, match="with an input 'seed'"):
        psb.verify(net, net, x)
    with pytest.raises(DataError):
        psb.verify(net, rewritten, x[:, :1])
    other = build(x=("batch", 2, 4, 4), weights={"k": np.ones((2, 2, 1, 1), "f4")}, nodes=[("Conv", ["x", "k"], {})])
    with pytest.raises(ModelError, match="expected an output of"):
        psb.verify(net, psb.rewrite(other).ir, x)
