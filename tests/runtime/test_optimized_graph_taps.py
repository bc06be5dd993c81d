"""Taps in an optimized graph are removed, and values in blocks are found."""

import onnx_ir as ir

from relucid.analyzer.runtime.optimized_graph import remove_taps

OPTIMIZED = """<ir_version: 8, opset_import: ["": 13, "com.microsoft.nchwc": 1]>
g (float[N, 32, 4, 4] x, float[N, 3] w) => (float[N, 20, 4, 4] z, float[N, 20, 4, 4] alone, float[N, 20, 4, 4] last,
    float[N, 3] other, float[N, 32, 4, 4] y)
{
    inside = com.microsoft.nchwc.ReorderInput (x)
    z = com.microsoft.nchwc.ReorderOutput <channels = 20, channels_last = 0> (inside)
    h = Relu (inside)
    aside = com.microsoft.nchwc.ReorderInput (x)
    alone = com.microsoft.nchwc.ReorderOutput <channels = 20> (aside)
    last = com.microsoft.nchwc.ReorderOutput <channels = 20, channels_last = 1> (h)
    other = Neg (w)
    y = com.microsoft.nchwc.ReorderOutput <channels = 32> (h)
}"""


def remove_from_text(*, taps: set[str], blocks: set[str]) -> tuple[ir.Model, dict[str, tuple[str, int]]]:
    model = ir.from_onnx_text(OPTIMIZED)
    return model, remove_taps(model, taps, blocks=blocks, size=16)


def test_what_others_read_in_blocks_is_found_and_the_rest_is_read_where_it_is() -> None:
    every = {"z", "alone", "last", "other"}
    model, found = remove_from_text(taps=every, blocks=every)
    assert found == {"z": ("inside", 20)}
    assert [value.name for value in model.graph.outputs] == ["y"]
    made = {value.name: value for node in model.graph for value in node.outputs}
    assert "z" not in made
    assert {"alone", "last", "other"} <= set(made)
    assert list(made["inside"].shape)[1:] == [32, 4, 4]
    before = ir.to_proto(model).SerializeToString()
    assert remove_taps(model, every, blocks=every, size=16) == {}
    assert ir.to_proto(model).SerializeToString() == before


def test_an_output_of_the_model_stays_one() -> None:
    model, found = remove_from_text(taps={"alone"}, blocks={"alone", "z"})
    assert found == {}
    assert [value.name for value in model.graph.outputs] == ["z", "last", "other", "y"]


def test_a_value_that_cannot_be_read_in_blocks_stays_plain() -> None:
    model, found = remove_from_text(taps={"z"}, blocks=set())
    assert found == {}
    assert "z" in {value.name for node in model.graph for value in node.outputs}
