"""Data from Python, from plain arrays to the loaders of other libraries."""

import collections

import numpy as np
import pytest

from relucid.analyzer.data import input_specs, open_data
from relucid.analyzer.errors import DataError

F4 = np.dtype("f4")
ONE = input_specs([("x", F4, ("batch", 2))])
TWO = input_specs([("a", F4, ("batch",)), ("b", np.dtype("i8"), ("batch",))])
X = np.arange(14, dtype="f4").reshape(7, 2)
Y = np.arange(7) % 3


class Reader:
    """What onnxruntime's CalibrationDataReader promises."""

    def __init__(self):
        self.left = [{"x": X[:4]}, {"x": X[4:]}]

    def get_next(self):
        return self.left.pop(0) if self.left else None


Pair = collections.namedtuple("Pair", "x y")


@pytest.mark.parametrize(
    ("data", "labelled"),
    [
        (X, False),
        (X.astype("f8"), False),
        (X.tolist(), False),
        ({"x": X}, False),
        ({"whatever": X}, False),
        ({"x": X, "y": Y}, False),
        (collections.UserDict(x=X), False),
        ((X,), False),
        ((X, Y), True),
        (Pair(X, Y.astype("u1")), True),
        ([X[:4], X[4:]], False),
        ([X[:4], X[4:4], X[4:]], False),
        ([(X[:4], Y[:4]), [X[4:], Y[4:]]], True),
        (({"x": part} for part in (X[:3], X[3:])), False),
        (iter([X.tolist()]), False),
        (Reader(), False),
    ],
)
def test_one_input(data, labelled, whole):
    found = whole(open_data(data, ONE), ONE)
    np.testing.assert_array_equal(found["x"], X)
    assert ("labels" in found) == labelled
    if labelled:
        np.testing.assert_array_equal(found["labels"], Y)


@pytest.mark.parametrize(
    ("data", "labelled"),
    [
        ((X[:, 0], Y), False),
        ((X[:, 0], Y, Y), True),
        ([(X[:4, 0], Y[:4]), (X[4:, 0], Y[4:])], False),
        ({"b": Y, "a": X[:, 0]}, False),
    ],
)
def test_two_inputs(data, labelled, whole):
    found = whole(open_data(data, TWO), TWO)
    np.testing.assert_array_equal(found["a"], X[:, 0])
    np.testing.assert_array_equal(found["b"], Y)
    assert ("labels" in found) == labelled


def test_columns_and_labels_by_key(whole):
    records = [{"pixels": X[:4], "class": Y[:4], "x": None}, {"pixels": X[4:], "class": Y[4:], "x": None}]
    found = whole(open_data(records, ONE, columns={"x": "pixels"}, labels="class"), ONE)
    np.testing.assert_array_equal(found["x"], X)
    np.testing.assert_array_equal(found["labels"], Y)


def test_a_torch_data_loader(whole):
    torch = pytest.importorskip("torch")
    data = torch.utils.data
    pairs = data.TensorDataset(torch.tensor(X, requires_grad=True), torch.tensor(Y))
    found = whole(open_data(data.DataLoader(pairs, batch_size=3), ONE), ONE)
    np.testing.assert_array_equal(found["x"], X)
    np.testing.assert_array_equal(found["labels"], Y)
    dicts = data.DataLoader([{"x": row, "id": number} for number, row in enumerate(X)], batch_size=3)
    np.testing.assert_array_equal(whole(open_data(dicts, ONE), ONE)["x"], X)
    np.testing.assert_array_equal(whole(open_data(torch.tensor(X), ONE), ONE)["x"], X)
    with pytest.raises(DataError, match="wants an array, came Tensor"):
        list(open_data(torch.tensor(X).bfloat16(), ONE))
    with pytest.raises(DataError, match="is it one sample"):
        list(open_data([pairs[0]], ONE))


def test_an_onnxruntime_calibration_reader(whole):
    quantization = pytest.importorskip("onnxruntime.quantization")

    class Calibration(quantization.CalibrationDataReader):
        left = iter([{"x": X[:4]}, {"x": X[4:]}])

        def get_next(self):
            return next(self.left, None)

    np.testing.assert_array_equal(whole(open_data(Calibration(), ONE), ONE)["x"], X)


def test_an_open_npz(tmp_path, whole):
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    with np.load(tmp_path / "a.npz") as archive:
        found = whole(open_data(archive, ONE, labels="y"), ONE)
    np.testing.assert_array_equal(found["x"], X)
    np.testing.assert_array_equal(found["labels"], Y)


@pytest.mark.parametrize(
    ("data", "specs", "wanted"),
    [
        (None, ONE, "wants a path, an array, a dict of arrays or an iterable of them, came NoneType"),
        (b"bytes", ONE, "wants a path, an array, a dict of arrays or an iterable of them, came bytes"),
        (object(), ONE, "came object"),
        ([], ONE, "data: holds no samples"),
        ([X[:0]], ONE, "data: holds no samples"),
        ({}, ONE, "input 'x' wants array 'x', which is not among nothing"),
        ([X, "text"], ONE, "data, item 1: input 'x' wants float32"),
        (3.0, ONE, r"data: input 'x' wants float32 \(batch, 2\), came float64 \(\)"),
        ([[1.0, 2.0], [3.0]], ONE, "data: wants an array, came list"),
        (np.array([[1.0], [2.0, 3.0]], object), ONE, "object arrays are never read"),
        ((X, X, X), ONE, "the model wants 1 inputs .'x'. and perhaps a vector of integers as labels, came 3 arrays"),
        ((X, X), ONE, "came 2 arrays"),
        ((X, X[:, 0]), ONE, "came 2 arrays"),
        ((X, Y[:5]), ONE, "same number of samples, came input 'x' 7, labels 5"),
        (X, TWO, "the model wants 2 inputs"),
        ({"a": X[:, 0]}, TWO, "input 'b' wants array 'b', which is not among 'a'"),
        ([X, (X, Y)], ONE, "labels begin at sample 7"),
        ([(X, Y), X], ONE, "labels stop at sample 7"),
    ],
)
def test_refusals(data, specs, wanted):
    with pytest.raises(DataError, match=wanted) as caught:
        list(open_data(data, specs))
    assert "\n" not in str(caught.value)


def test_names_cannot_be_chosen_where_there_are_none():
    for options in ({"columns": {"x": "k"}}, {"labels": "y"}):
        for data in (X, (X, Y), [(X, Y)]):
            with pytest.raises(DataError, match="its arrays have no names"):
                list(open_data(data, ONE, **options))


def test_records_are_read_one_at_a_time():
    def records():
        yield X
        pytest.fail("the second record was read before it was wanted")

    assert len(next(open_data(records(), ONE)).arrays["x"]) == 7
