"""Archives of arrays, and one array in a file: as numpy writes them, from other writers, damaged."""

import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relucid.analyzer.data import input_specs, open_data
from relucid.analyzer.data.validation import SLICE_BYTES
from relucid.analyzer.errors import DataError

SAVES = {"stored": np.savez, "deflated": np.savez_compressed}
F4 = np.dtype("f4")


@pytest.fixture(params=SAVES)
def save(request):
    return SAVES[request.param]


def refusal(path, specs, **options):
    with pytest.raises(DataError) as caught:
        list(open_data(path, specs, **options))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def speech_arrays(samples):
    numbers = np.arange(samples * 6, dtype="f4")
    return {
        "input": numbers.reshape(samples, 6) / 7,
        "state": (numbers / 3).reshape(2, samples, 3),
        "sr": np.array(16000),
        "label": np.arange(samples, dtype="u1") % 5,
    }


@pytest.mark.parametrize("order", ["C", "F"])
def test_every_input_is_read_whatever_its_axis_and_order(tmp_path, save, speech, whole, order, monkeypatch):
    monkeypatch.setattr("relucid.analyzer.data.validation.SLICE_BYTES", 100)
    arrays = {key: np.asarray(array, order=order) for key, array in speech_arrays(50).items()}
    save(tmp_path / "a.npz", **arrays, unused=np.array([None, {}], object))
    batches = list(open_data(tmp_path / "a.npz", speech, labels="label"))
    assert len(batches) > 10
    found = whole(batches, speech)
    for name in ("input", "state", "sr"):
        np.testing.assert_array_equal(found[name], arrays[name])
        assert found[name].dtype == arrays[name].dtype
    np.testing.assert_array_equal(found["labels"], arrays["label"])


@pytest.mark.parametrize("order", ["C", "F"])
def test_shared_arrays_and_arrays_without_values(tmp_path, save, whole, order):
    specs = input_specs([("x", F4, ("batch", "k")), ("table", F4, (2, 3)), ("none", F4, (0, 3))])
    arrays = {
        "x": np.zeros((4, 0), "f4"),
        "table": np.arange(6, dtype="f4").reshape(2, 3),
        "none": np.zeros((0, 3), "f4"),
    }
    save(tmp_path / "a.npz", **{key: np.asarray(array, order=order) for key, array in arrays.items()})
    found = whole(open_data(tmp_path / "a.npz", specs), specs)
    for key, array in arrays.items():
        np.testing.assert_array_equal(found[key], array)


def test_a_single_input_reads_a_single_array_whatever_its_key(tmp_path, save, images, whole):
    array = np.random.default_rng(0).random((3, 1, 4, 5), "f4")
    save(tmp_path / "a.npz", arr_0=array)
    np.testing.assert_array_equal(whole(open_data(tmp_path / "a.npz", images), images)["x"], array)
    save(tmp_path / "b.npz", pictures=array, y=np.arange(3))
    found = whole(open_data(str(tmp_path / "b.npz"), images, labels="y"), images)
    np.testing.assert_array_equal(found["x"], array)
    assert found["labels"].tolist() == [0, 1, 2]
    assert found["labels"].dtype == np.int64


def test_columns_choose_the_key(tmp_path, save, images, whole):
    save(tmp_path / "a.npz", x=np.zeros((3, 1, 4, 5), "f4"), other=np.ones((3, 1, 4, 5), "f4"))
    assert whole(open_data(tmp_path / "a.npz", images, columns={"x": "other"}), images)["x"].all()


def test_missing_names(tmp_path, save, images):
    save(tmp_path / "a.npz", pictures=np.zeros(3), y=np.zeros(3))
    assert refusal(tmp_path / "a.npz", images) == (
        "a.npz: expected array 'x' for input 'x', got 'pictures', 'y'; "
        "choose one of them with --input x=KEY (inputs={'x': KEY} in Python)"
    )
    assert "expected array 'pics'" in refusal(tmp_path / "a.npz", images, columns={"x": "pics"})
    save(tmp_path / "lone.npz", pictures=np.zeros(3))
    assert "expected array 'pics'" in refusal(tmp_path / "lone.npz", images, columns={"x": "pics"})
    assert "expected array 'z' for the labels, got" in refusal(tmp_path / "a.npz", images, labels="z")
    assert refusal(tmp_path / "a.npz", images, columns={"y": "x"}) == (
        "--input: expected an input of the model ('x'), got 'y'; rename it"
    )


def test_a_wrong_array_is_refused_before_any_batch(tmp_path, save, images):
    save(tmp_path / "a.npz", x=np.zeros((9, 4, 5), "u1"))
    assert refusal(tmp_path / "a.npz", images).startswith(
        "a.npz: expected float32 (batch, 1, 4, 5) for input 'x', got uint8"
    )


def test_ragged_empty_and_object_arrays(tmp_path, save, images, speech):
    save(tmp_path / "a.npz", **(speech_arrays(5) | {"state": np.zeros((2, 4, 3), "f4")}))
    assert "same number of samples in all arrays, got input 'input' 5, input 'state' 4" in refusal(
        tmp_path / "a.npz", speech
    )
    save(tmp_path / "b.npz", x=np.zeros((0, 1, 4, 5), "f4"))
    assert refusal(tmp_path / "b.npz", images).endswith("b.npz: expected at least one sample, got none; check the data")
    save(tmp_path / "c.npz", x=np.array([[1], [2, 3]], object))
    assert refusal(tmp_path / "c.npz", images) == (
        "c.npz[x]: expected numbers, got Python objects, which are never read; save a numeric array"
    )
    save(tmp_path / "d.npz", x=np.zeros(3, [("a", "f4"), ("b", "i4")]))
    assert "d.npz[x]: expected a plain numeric array" in refusal(tmp_path / "d.npz", images)
    save(tmp_path / "e.npz")
    assert "got none" in refusal(tmp_path / "e.npz", images)


def test_zip64_comments_and_names_in_utf8(tmp_path, whole):
    specs = input_specs([("größe", F4, ("batch", 3))])
    array = np.arange(12, dtype="f4").reshape(4, 3)
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(tmp_path / "a.npz", "w", compression) as archive:
            archive.comment = b"made by hand"
            for key in ("other", "größe"):
                with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                    np.save(member, array)
        np.testing.assert_array_equal(whole(open_data(tmp_path / "a.npz", specs), specs)["größe"], array)


def test_big_endian_arrays(tmp_path, save, whole):
    specs = input_specs([("x", F4, ("batch", 3))])
    array = np.arange(12, dtype=">f4").reshape(4, 3)
    save(tmp_path / "a.npz", x=array)
    found = whole(open_data(tmp_path / "a.npz", specs), specs)["x"]
    assert found.dtype == F4
    np.testing.assert_array_equal(found, array)


def write_member(path: Path, member: bytes, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("x.npy", member)
    return path


def npy(array, tmp_path):
    np.save(tmp_path / "x.npy", array)
    return (tmp_path / "x.npy").read_bytes()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_with_wrong_headers(tmp_path, images, compression):
    good = npy(np.zeros((3, 1, 4, 5), "f4"), tmp_path)
    cases = {
        "expected the .npy format, got other bytes": b"hello",
        "expected 240 bytes of values for float32 (3, 1, 4, 5), got 236; the file is damaged": good[:-4],
        "expected 240 bytes of values for float32 (3, 1, 4, 5), got 244; the file is damaged": good + b"four",
        "bytes of values for float32 (3000000000000000000000, 1, 4, 5), got": good.replace(
            b"(3, 1, 4, 5), }" + b" " * 21, b"(3000000000000000000000, 1, 4, 5), }"
        ),
        "expected a plain numeric array, got float32 (-3, 1, 4, -5)": good.replace(
            b"(3, 1, 4, 5), }  ", b"(-3, 1, 4, -5), }"
        ),
        "expected .npy format 1.0 or 2.0, got 3.0": good.replace(b"NUMPY\x01\x00", b"NUMPY\x03\x00"),
    }
    for message, member in cases.items():
        assert message in refusal(write_member(tmp_path / "a.npz", member, compression), images)


def test_damaged_archives(tmp_path, images):
    rng = np.random.default_rng(0)
    np.savez_compressed(tmp_path / "a.npz", x=rng.random((300, 1, 4, 5), "f4"))
    content = (tmp_path / "a.npz").read_bytes()
    middle = len(content) // 2
    for name, damaged in {
        "short.npz": content[:middle],
        "flipped.npz": content[:middle]
        + bytes(255 - byte for byte in content[middle : middle + 40])
        + content[middle + 40 :],
        "pickle.npz": b"PK\x03\x04" + b"something else" * 10,
    }.items():
        (tmp_path / name).write_bytes(damaged)
        assert f"{name}: expected an .npz file, got a damaged or other file" in refusal(tmp_path / name, images)


def test_an_encrypted_member_is_refused(tmp_path, images):
    write_member(tmp_path / "a.npz", npy(np.zeros((3, 1, 4, 5), "f4"), tmp_path))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    place = content.index(b"PK\x01\x02") + 8
    content[place : place + 2] = struct.pack("<H", 1)
    (tmp_path / "a.npz").write_bytes(content)
    assert "got an encrypted one" in refusal(tmp_path / "a.npz", images)


@settings(max_examples=30)
@given(samples=st.integers(1, 40), step=st.integers(1, 400), name=st.sampled_from(list(SAVES)))
def test_any_slice_size_gives_the_same_samples(tmp_path_factory, speech, whole, samples, step, name):
    folder = tmp_path_factory.mktemp("slices")
    arrays = speech_arrays(samples)
    SAVES[name](folder / "a.npz", **arrays)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("relucid.analyzer.data.validation.SLICE_BYTES", step)
        found = whole(open_data(folder / "a.npz", speech), speech)
    for key in found:
        np.testing.assert_array_equal(found[key], arrays[key])


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_memory_does_not_grow_with_the_data(tmp_path, compression):
    rows, columns = 50_000, 1024  # 204.8 MB
    header = np.lib.format.header_data_from_array_1_0(np.empty((0, columns), "f4")) | {"shape": (rows, columns)}
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w", compression, compresslevel=1) as archive,
        archive.open("x.npy", "w") as member,
    ):
        np.lib.format.write_array_header_1_0(member, header)
        for start in range(0, rows, 1000):
            member.write(np.full((1000, columns), start, "f4").tobytes())
    specs = input_specs([("x", np.dtype("f4"), ("batch", columns))])
    on_linux = Path("/proc/self/statm").exists()
    before, most, total = resident() if on_linux else 0, 0, 0.0
    tracemalloc.start()
    try:
        for batch in open_data(tmp_path / "a.npz", specs):
            total += float(batch.arrays["x"].sum(dtype="f8"))
            most = max(most, resident() - before if on_linux else 0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == sum(range(0, rows, 1000)) * 1000.0 * columns
    assert peak < 20e6
    assert peak < 5 * SLICE_BYTES
    assert most < 40e6  # the mapped pages count here


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_array_of_a_file_is_read_in_slices(tmp_path, images, whole, order, monkeypatch):
    monkeypatch.setattr("relucid.analyzer.data.validation.SLICE_BYTES", 500)
    array = np.asarray(np.random.default_rng(0).random((30, 1, 4, 5)), order=order)
    np.save(tmp_path / "a.npy", array)
    batches = list(open_data(tmp_path / "a.npy", images))
    assert len(batches) > 5
    np.testing.assert_array_equal(whole(batches, images)["x"], array.astype("f4"))


def test_files_of_one_array_are_refused(tmp_path, images, speech):
    np.save(tmp_path / "a.npy", np.zeros((3, 1, 4, 5), "f4"))
    np.save(tmp_path / "object.npy", np.array([None]), allow_pickle=True)
    (tmp_path / "short.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-8])
    (tmp_path / "header.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:40])
    for name, specs, options, message in [
        ("a.npy", speech, {}, r"expected arrays for 3 inputs \('input', 'state', 'sr'\), got one array without a name"),
        ("a.npy", images, {"columns": {"x": "k"}}, "expected no choice of arrays, as they have no names, got 'k'"),
        ("a.npy", images, {"labels": "y"}, "expected no choice of arrays, as they have no names, got 'y'"),
        ("object.npy", images, {}, "got Python objects, which are never read"),
        ("short.npy", images, {}, "expected 240 bytes of values .*, got 232; the file is damaged"),
        ("header.npy", images, {}, "expected the .npy format, got other bytes"),
    ]:
        with pytest.raises(DataError, match=message):
            list(open_data(tmp_path / name, specs, **options))
