"""The face of all readers: the same samples from every kind of source, and one line for what is none."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import numpy_helper
from PIL import Image
from pyarrow import parquet

from relucid.analyzer.data import input_specs, open_data, rebatch
from relucid.analyzer.errors import DataError

X = np.random.default_rng(0).random((50, 1, 4, 5), "f4")


def sources(folder):
    np.save(folder / "a.npy", X)
    np.savez(folder / "a.npz", x=X)
    np.savez_compressed(folder / "b.npz", X)
    (folder / "a.npz").rename(folder / "named_otherwise.bin")
    parquet.write_table(pa.table({"x": list(X.reshape(50, 20))}), folder / "a.parquet")
    (folder / "pb").mkdir()
    (folder / "pb" / "input_0.pb").write_bytes(numpy_helper.from_array(X, "x").SerializeToString())
    np.save(folder / "for_the_loader.npy", X)
    code = f"import numpy as np\ndef f():\n    yield np.load({str(folder / 'for_the_loader.npy')!r})\n"
    (folder / "loader.py").write_text(code)
    names = ["a.npy", "b.npz", "named_otherwise.bin", "a.parquet", "pb", "loader.py:f"]
    return [folder / name for name in names] + [X, {"x": X}, (X,), list(X[:, None])]


def test_every_kind_of_source_gives_the_same_batches(tmp_path, images):
    for source in sources(tmp_path):
        batches = list(rebatch(open_data(source, images), images, batch=16))
        assert [len(batch.index) for batch in batches] == [16, 16, 16, 2]
        np.testing.assert_array_equal(np.concatenate([batch.arrays["x"] for batch in batches]), X)


def test_the_current_folder_has_a_name(tmp_path, images, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"{tmp_path.name}: wants images"):
        list(open_data(".", images))


def test_refusals(tmp_path, images):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text.csv").write_text("1,2,3\n")
    (tmp_path / "folder").mkdir()
    model = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], []))
    onnx.save(model, tmp_path / "model.onnx")
    for source, wanted in [
        (tmp_path / "none.npz", "no such data: .*none.npz"),
        ("", "no such data"),
        (tmp_path / "empty", "empty: is an empty file"),
        (tmp_path / "text.csv", "text.csv: wants an .npz, .npy or .parquet file, came one that begins with b'1,2,3"),
        (tmp_path / "model.onnx", "model.onnx: wants an .npz, .npy or .parquet file"),
        (tmp_path / "folder", "folder: wants images"),
    ]:
        with pytest.raises(DataError, match=wanted):
            list(open_data(source, images))


@pytest.mark.parametrize("name", ["x.npz", "x.npy", "x.parquet", "input_0.pb", "cfg.json", "labels.npy"])
def test_a_file_that_may_not_be_read_is_one_line(tmp_path, images, monkeypatch, name):
    (tmp_path / name).touch()
    np.save(tmp_path / "data.npy", X)
    opened, closed = Path.open, tmp_path / name

    def refuse(path, *args, **options):
        if path == closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)
    source = {"input_0.pb": tmp_path, "cfg.json": tmp_path / "photos", "labels.npy": tmp_path / "data.npy"}
    (tmp_path / "photos").mkdir()
    Image.new("L", (5, 4)).save(tmp_path / "photos" / "a.png")
    with pytest.raises(DataError, match=f"{name}: cannot be read: Permission denied"):
        list(
            open_data(
                source.get(name, closed),
                images,
                labels=closed if name == "labels.npy" else None,
                preprocess=closed if name == "cfg.json" else None,
            )
        )


def test_a_data_set_of_others(shared_data, whole):
    path = shared_data / "mnist_test.npz"
    raw = input_specs([("x", np.dtype("u1"), ("batch", 28, 28))])
    found = whole(open_data(path, raw, columns={"x": "images"}, labels="labels"), raw)
    assert found["x"].shape == (10_000, 28, 28)
    assert np.bincount(found["labels"]).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]  # LeCun's counts
    scaled = input_specs([("x", np.dtype("f4"), (1, 1, 28, 28))])
    with pytest.raises(
        DataError, match=r"wants float32 \(1, 1, 28, 28\), came uint8 \(10000, 28, 28\): scale the pixels"
    ):
        list(open_data(path, scaled, columns={"x": "images"}))


def test_only_what_is_wanted_is_imported():
    heavy = ("torch", "PIL", "pyarrow", "onnx", "google.protobuf")
    code = f"import sys, relucid.analyzer.data; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert found.stdout.strip() == "[]"
