"""The commands `relucid psb` and `relucid psb-cost`."""

import json

import click
import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from relucid.analyzer import demo
from relucid.analyzer.cli import main
from relucid.analyzer.errors import RelucidError
from relucid.plugins import psb
from relucid.plugins.cli import psb as psb_command
from relucid.plugins.cli import psb_cost


def call(command: click.Command, *words: object):
    return CliRunner().invoke(command, [str(word) for word in words])


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("psb") / "out.onnx"


@pytest.fixture(scope="module")
def made(out) -> dict:
    """The output of `relucid psb --json` with options of all kinds."""
    words = ["--calibrate", demo.data(), "--verify", demo.data(), "--limit", 20, "--prune", 0.25, "--json"]
    words += ["--exponent-bits", 3, "--probability-bits", 2, "--placing", "ends", "--node-samples", "node_linear=4"]
    words += ["--exclude", "node_linear_1", "--samples", 8, "--most-samples", 64]
    done = call(psb_command.command, demo.model(), out, *words)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_file_is_what_the_options_ask_for(made, out):
    assert made["out"] == str(out)
    assert made["bytes"] == out.stat().st_size
    assert len(made["layers"]) == 7
    assert [left["name"] for left in made["left"]] == ["node_linear_1"]
    (one,) = psb.cost(out, samples=(8,))
    assert {node.weight_bits for node in one.nodes} == {6}
    assert {node.name: node.samples for node in one.nodes}["node_linear"] == 4
    assert one.nodes[0].nonzero <= 0.75 * one.nodes[0].weights


def test_the_comparison_is_that_of_verify(made, out):
    found = made["verification"]
    meant = psb.verify(demo.model(), out, demo.data(), limit=20)
    assert found["images"] == meant.images == 20
    assert found["outputs"][0]["rms"] == pytest.approx(meant.outputs[0].rms)
    assert [site["flipped"] for site in found["sites"]] == pytest.approx([site.flipped for site in meant.sites])


def test_the_model_itself_is_never_overwritten(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(demo.model().read_bytes())
    (tmp_path / "link.onnx").symlink_to("net.onnx")
    for out in (path, tmp_path / "link.onnx"):
        done = call(psb_command.command, path, out)
        assert isinstance(done.exception, RelucidError)
        assert "got the model itself" in str(done.exception)
    assert path.read_bytes() == demo.model().read_bytes()


def test_the_tables(tmp_path):
    done = call(psb_command.command, demo.model(), tmp_path / "o.onnx", "--verify", demo.data(), "--limit", 4)
    assert done.exit_code == 0, done.output
    for word in ("same decision", "decisions flipped", "stem.relu", "4 images", "wrote"):
        assert word in done.output
    done = call(psb_cost.command, tmp_path / "o.onnx", "--samples", "1,16")
    assert done.exit_code == 0, done.output
    one, sixteen = psb.cost(tmp_path / "o.onnx", samples=(1, 16))
    for number in (one.shifts, sixteen.adds, sixteen.random_bits, sixteen.nodes[0].shifts):
        assert f"{number:,}" in done.output


def test_costs_with_and_without_a_mask_as_json(text_model, tmp_path):
    w = np.random.default_rng(0).standard_normal((4, 2, 3, 3)).astype("f4")
    nodes = "a = Conv(x, w) b = Relu(a) y = GlobalAveragePool(b)"
    model = text_model(f"net (float[N, 2, 8, 8] x) => (float[N, 4, 1, 1] y) {{ {nodes} }}")
    model.graph.initializer.append(onnx.numpy_helper.from_array(w, "w"))
    psb.save(psb.rewrite(model, attention="entropy"), tmp_path / "o.onnx")
    done = call(psb_cost.command, tmp_path / "o.onnx", "--samples", "32", "--coverage", 0.5, "--base", 2, "--json")
    found = json.loads(done.stdout)
    (part,) = psb.cost(tmp_path / "o.onnx", samples=(32,), base=2, coverage=0.5)
    assert found["with_mask"][0]["shifts"] == part.shifts
    assert found["with_mask"][0]["shifts"] < found["without_mask"][0]["shifts"]
    assert found["with_mask"][0]["nodes"][0]["turn"] == "base"
    table = call(psb_cost.command, tmp_path / "o.onnx", "--samples", "32", "--base", 2).output
    assert "34% of the positions inside the mask" in table


def test_attention_by_weights_and_what_it_costs(tmp_path):
    words = ["--attention", "neuron", "--within", 0.2, "--base", 2, "--refine", 32]
    assert call(psb_command.command, demo.model(), tmp_path / "o.onnx", *words).exit_code == 0
    meant = psb.rewrite(demo.model(), attention="neuron", within=0.2, base=2, refine=32)
    (cost,) = psb.cost(meant, samples=(32,))
    found = json.loads(call(psb_cost.command, tmp_path / "o.onnx", "--samples", "32", "--json").stdout)
    assert (found["without_mask"][0]["shifts"], found["with_mask"]) == (cost.shifts, [])
    share = sum(node.refined for node in cost.nodes) / sum(node.nonzero for node in cost.nodes)
    table = call(psb_cost.command, tmp_path / "o.onnx", "--samples", "32").output
    assert f"{share:.1%} of the nonzero weights use these samples, the others 2" in table
    assert "masked" not in table


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--node-samples", "a=b"], "expected GLOB=N"),
        (["--attention", "margin"], "is not one of"),
        (["--verify", "nowhere.npz"], "as data, got 'nowhere.npz'"),
        (["--exclude", "nothing"], "nodes that can be rewritten, got 'nothing'"),
        (["--attention", "entropy"], "averages its last feature map"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, words, said):
    done = call(psb_command.command, demo.model(), tmp_path / "o.onnx", *words)
    assert done.exit_code != 0
    assert said in (str(done.exception) if isinstance(done.exception, RelucidError) else done.output)
    assert not (tmp_path / "o.onnx").exists()


def test_numbers_of_samples_and_sizes_are_read_or_refused(tmp_path):
    psb.save(psb.rewrite(demo.model()), tmp_path / "o.onnx")
    assert "expected whole numbers" in call(psb_cost.command, tmp_path / "o.onnx", "--samples", "1,two").output
    assert call(psb_cost.command, tmp_path / "o.onnx", "--size", "image=1,8,8").exit_code == 0


def test_the_command_is_known_to_relucid():
    done = CliRunner().invoke(main, ["psb", "--help"])
    assert done.exit_code == 0
    assert "--verify" in done.output
