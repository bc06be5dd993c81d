"""Test data sets as shipped with ONNX models; damaged and incomplete ones."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from relucid.analyzer.data import open_data
from relucid.analyzer.errors import DataError


def write(folder, *tensors):
    folder.mkdir(parents=True, exist_ok=True)
    for place, (name, array) in enumerate(tensors):
        (folder / f"input_{place}.pb").write_bytes(numpy_helper.from_array(np.asarray(array), name).SerializeToString())
    (folder / "output_0.pb").write_bytes(b"not read")


def speech_tensors(samples, start=0.0):
    return [
        ("input", np.full((samples, 6), start, "f4")),
        ("state", np.full((2, samples, 3), start + 0.5, "f4")),
        ("sr", np.array(16000)),
    ]


def test_data_sets_follow_one_another_by_number(tmp_path, images, whole):
    for number in range(11):
        write(tmp_path / f"test_data_set_{number}", ("x", np.full((1 + number % 2, 1, 4, 5), number, "f4")))
    found = whole(open_data(tmp_path, images), images)["x"]
    assert found[:, 0, 0, 0].tolist() == [number for number in range(11) for _ in range(1 + number % 2)]


def test_a_single_data_set(tmp_path, speech, whole):
    write(tmp_path / "test_data_set_0", *speech_tensors(2))
    found = whole(open_data(str(tmp_path / "test_data_set_0"), speech), speech)
    assert {name: array.shape for name, array in found.items()} == {"input": (2, 6), "state": (2, 2, 3), "sr": ()}


def test_inputs_are_matched_by_name_or_else_by_order(tmp_path, speech, whole):
    tensors = speech_tensors(2, 7.0)
    write(tmp_path / "named" / "test_data_set_0", *reversed(tensors))
    write(tmp_path / "nameless" / "test_data_set_0", *(("", array) for _, array in tensors))
    write(
        tmp_path / "misnamed" / "test_data_set_0", *((f"t{place}", array) for place, (_, array) in enumerate(tensors))
    )
    columns = {"input": "t0", "state": "t1", "sr": "t2"}
    for folder, chosen in [("named", {}), ("nameless", {}), ("misnamed", {}), ("misnamed", columns)]:
        found = whole(open_data(tmp_path / folder, speech, columns=chosen), speech)
        for name, array in tensors:
            np.testing.assert_array_equal(found[name], array)


def test_labels_may_be_separate(tmp_path, images, whole):
    write(tmp_path, ("x", np.zeros((2, 1, 4, 5), "f4")))
    assert whole(open_data(tmp_path, images, labels=[4, 5]), images)["labels"].tolist() == [4, 5]


def refusal(path, specs, **options):
    with pytest.raises(DataError) as caught:
        list(open_data(path, specs, **options))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_values_in_another_file_are_never_read(tmp_path, images):
    (tmp_path / "secret").write_bytes(bytes(80))
    tensor = onnx.TensorProto(name="x", dims=[1, 1, 4, 5], data_type=onnx.TensorProto.FLOAT)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret")
    (tmp_path / "input_0.pb").write_bytes(tensor.SerializeToString())
    assert (
        "input_0.pb: expected a tensor with its values, got one with values in another file, which is not read"
        in refusal(tmp_path, images)
    )


def test_damaged_tensors(tmp_path, images):
    good = numpy_helper.from_array(np.zeros((1, 1, 4, 5), "f4"), "x")
    bad = {
        "expected a protobuf tensor (onnx.TensorProto), got other bytes": b"\xff\xff\xff\xff",
        "got a damaged one": onnx.TensorProto(name="x", dims=[9], data_type=1, raw_data=b"1234").SerializeToString(),
        "got a damaged one ": onnx.TensorProto(name="x", dims=[1], data_type=99, raw_data=b"1234").SerializeToString(),
        "got a damaged one (": onnx.TensorProto(name="x", dims=[1], raw_data=b"1234").SerializeToString(),
        "cannot be": good.SerializeToString()[:-4],
    }
    for expected, content in bad.items():
        (tmp_path / "input_0.pb").write_bytes(content)
        message = refusal(tmp_path, images)
        assert (expected if expected != "cannot be" else "got other bytes") in message


def test_files_that_do_not_match_the_inputs(tmp_path, speech):
    write(tmp_path / "few", *speech_tensors(2)[:2])
    assert ("expected a file for each input ('input', 'state', 'sr'), got 2 with tensors 'input', 'state'") in refusal(
        tmp_path / "few", speech
    )
    assert "expected tensors 'a', 'state', 'sr', got 'input', 'state'" in refusal(
        tmp_path / "few", speech, columns={"input": "a"}
    )
    assert "expected no choice of arrays" in refusal(tmp_path / "few", speech, labels="y")
    write(tmp_path / "wrong", ("input", np.zeros((2, 6), "u1")), *speech_tensors(2)[1:])
    assert "wrong: expected float32 (batch, time) for input 'input', got uint8 (2, 6)" in refusal(
        tmp_path / "wrong", speech
    )
