"""Every kind of source gives the same samples; labels from other sources; identity; one-line errors."""

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

from relucid.analyzer.data import input_specs, open_data, rebatch, source_identity
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
    with pytest.raises(DataError, match=f"{tmp_path.name}: expected images"):
        list(open_data(".", images))


def test_refusals(tmp_path, images):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text.csv").write_text("1,2,3\n")
    (tmp_path / "folder").mkdir()
    model = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], []))
    onnx.save(model, tmp_path / "model.onnx")
    for source, message in [
        (tmp_path / "none.npz", "expected a file, a folder, random:N or loader.py:func as data, got '.*none.npz'"),
        ("", "as data, got ''"),
        (tmp_path / "empty", "empty: expected data, got an empty file"),
        (tmp_path / "text.csv", "text.csv: expected an .npz, .npy or .parquet file, got one that begins with b'1,2,3"),
        (tmp_path / "model.onnx", "model.onnx: expected an .npz, .npy or .parquet file"),
        (tmp_path / "folder", "folder: expected images"),
    ]:
        with pytest.raises(DataError, match=message):
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


def test_a_third_party_data_set(shared_data, whole):
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
        DataError,
        match=r"expected float32 \(1, 1, 28, 28\) for input 'x', got uint8 \(10000, 28, 28\); scale the pixels",
    ):
        list(open_data(path, scaled, columns={"x": "images"}))


def test_optional_libraries_are_not_imported():
    heavy = ("torch", "PIL", "pyarrow", "onnx", "google.protobuf")
    code = f"import sys, relucid.analyzer.data; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert found.stdout.strip() == "[]"


ROW_SPECS = input_specs([("x", np.dtype("f4"), ("batch", 2))])
ROWS = np.zeros((7, 2), "f4")
LABELS = np.arange(7, dtype="u1") % 3


@pytest.fixture
def label_folder(tmp_path):
    np.save(tmp_path / "y.npy", LABELS)
    np.savez(tmp_path / "y.npz", anything=LABELS)
    np.savez_compressed(tmp_path / "small.npz", LABELS)
    np.savez(tmp_path / "two.npz", a=LABELS, b=LABELS)
    np.save(tmp_path / "float.npy", LABELS / 2)
    (tmp_path / "damaged.npz").write_bytes(b"PK")
    return tmp_path


@pytest.mark.parametrize("name", ["y.npy", "y.npz", "small.npz"])
@pytest.mark.parametrize("kind", [str, Path])
def test_labels_from_a_file(label_folder, whole, name, kind):
    found = whole(open_data([ROWS[:4], ROWS[4:]], ROW_SPECS, labels=kind(label_folder / name)), ROW_SPECS)["labels"]
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, LABELS)


@pytest.mark.parametrize("labels", [LABELS, LABELS.tolist(), tuple(LABELS.tolist())])
def test_labels_from_python(whole, labels):
    np.testing.assert_array_equal(whole(open_data(ROWS, ROW_SPECS, labels=labels), ROW_SPECS)["labels"], LABELS)


def test_labels_replace_those_in_the_data(whole):
    np.testing.assert_array_equal(
        whole(open_data((ROWS, LABELS), ROW_SPECS, labels=LABELS + 1), ROW_SPECS)["labels"], LABELS + 1
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS[:6], "labels: expected one for each sample, got 6 for at least 7 samples"),
        (np.arange(9), "labels: expected one for each sample, got 9 for 7 samples"),
        (LABELS / 2, r"labels: expected labels with one integer for each sample, got float64 \(7,\)"),
        (LABELS[:, None], r"got uint8 \(7, 1\)"),
        (["cat", "dog"], r"got <U3 \(2,\)"),
        (Path("nowhere.npy"), "labels: expected an .npy or .npz file, got no such file: nowhere.npy"),
        ("nowhere.npz", "got no such file: nowhere.npz"),
        (Path("nowhere.csv"), "got no such file: nowhere.csv"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(DataError, match=message):
        list(open_data(ROWS, ROW_SPECS, labels=labels))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("two.npz", "two.npz: expected one array, got 2"),
        ("float.npy", r"float.npy: expected labels with one integer for each sample, got float64 \(7,\)"),
        ("damaged.npz", "damaged.npz: expected an .npz file, got a damaged or other file"),
    ],
)
def test_label_files_that_do_not_fit_are_refused(label_folder, name, message):
    with pytest.raises(DataError, match=message):
        open_data(ROWS, ROW_SPECS, labels=label_folder / name)


def test_a_limit_needs_no_more_labels_than_it_reads():
    batches = open_data([ROWS, ROWS], ROW_SPECS, labels=np.arange(20))
    (batch,) = rebatch(batches, ROW_SPECS, batch=7, limit=5)
    assert batch.labels.tolist() == [0, 1, 2, 3, 4]


class PathLike(os.PathLike):
    """A path-like object that is no pathlib.Path."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return str(self._path)


def test_a_copy_has_the_same_identity_whatever_the_type_of_its_path(tmp_path: Path) -> None:
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, np.arange(6.0))
    known = {source_identity(kind(tmp_path / name)) for kind in (str, Path, PathLike) for name in ("a.npy", "b.npy")}
    assert len(known) == 1
    assert known != {""}


@pytest.mark.parametrize("place", [0, 5_000_000, 9_999_999])
def test_a_value_at_either_end_changes_the_identity_of_a_large_file(tmp_path: Path, place: int) -> None:
    """Only the first and the last MiB are read: a difference in the middle alone is not detected."""
    x = np.zeros(10_000_000, dtype=np.uint8)
    np.save(tmp_path / "a.npy", x)
    x[place] = 1
    np.save(tmp_path / "b.npy", x)
    assert (source_identity(tmp_path / "a.npy") == source_identity(tmp_path / "b.npy")) == (place == 5_000_000)


def test_sources_that_are_expensive_to_identify_have_no_identity(tmp_path: Path) -> None:
    assert [source_identity(source) for source in (np.zeros(3), {"x": np.zeros(3)}, tmp_path, "loader.py:f")] == [
        ""
    ] * 4
    assert source_identity("random:3") != source_identity("random:4") != ""
