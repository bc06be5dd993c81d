"""Labels apart from the data: an array, a list, a file."""

from pathlib import Path

import numpy as np
import pytest

from relucid.analyzer.data import input_specs, open_data, rebatch
from relucid.analyzer.errors import DataError

SPECS = input_specs([("x", np.dtype("f4"), ("batch", 2))])
X = np.zeros((7, 2), "f4")
Y = np.arange(7, dtype="u1") % 3


@pytest.fixture
def folder(tmp_path):
    np.save(tmp_path / "y.npy", Y)
    np.savez(tmp_path / "y.npz", anything=Y)
    np.savez_compressed(tmp_path / "small.npz", Y)
    np.savez(tmp_path / "two.npz", a=Y, b=Y)
    np.save(tmp_path / "float.npy", Y / 2)
    (tmp_path / "damaged.npz").write_bytes(b"PK")
    return tmp_path


@pytest.mark.parametrize("name", ["y.npy", "y.npz", "small.npz"])
@pytest.mark.parametrize("kind", [str, Path])
def test_from_a_file(folder, whole, name, kind):
    found = whole(open_data([X[:4], X[4:]], SPECS, labels=kind(folder / name)), SPECS)["labels"]
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, Y)


@pytest.mark.parametrize("labels", [Y, Y.tolist(), tuple(Y.tolist())])
def test_from_python(whole, labels):
    np.testing.assert_array_equal(whole(open_data(X, SPECS, labels=labels), SPECS)["labels"], Y)


def test_they_replace_those_in_the_data(whole):
    np.testing.assert_array_equal(whole(open_data((X, Y), SPECS, labels=Y + 1), SPECS)["labels"], Y + 1)


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (Y[:6], "labels: one for each sample wanted, came 6 for at least 7 samples"),
        (np.arange(9), "labels: one for each sample wanted, came 9 for 7 samples"),
        (Y / 2, r"labels: labels want one integer for each sample, came float64 \(7,\)"),
        (Y[:, None], r"came uint8 \(7, 1\)"),
        (["cat", "dog"], r"came <U3 \(2,\)"),
        (Path("nowhere.npy"), "labels: no such file: nowhere.npy"),
        ("nowhere.npz", "labels: no such file: nowhere.npz"),
        (Path("nowhere.csv"), "labels: no such file"),
    ],
)
def test_refusals(labels, wanted):
    with pytest.raises(DataError, match=wanted):
        list(open_data(X, SPECS, labels=labels))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("two.npz", "two.npz: wants one array, came 2"),
        ("float.npy", r"float.npy: labels want one integer for each sample, came float64 \(7,\)"),
        ("damaged.npz", "damaged.npz: damaged or not an .npz file"),
    ],
)
def test_refused_files(folder, name, wanted):
    with pytest.raises(DataError, match=wanted):
        open_data(X, SPECS, labels=folder / name)


def test_a_limit_needs_no_more_labels_than_it_reads():
    feeds = open_data([X, X], SPECS, labels=np.arange(20))
    (batch,) = rebatch(feeds, SPECS, batch=7, limit=5)
    assert batch.labels.tolist() == [0, 1, 2, 3, 4]
