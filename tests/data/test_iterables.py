"""Data from Python: plain arrays, the loaders of other libraries, a function in the user's file."""

import collections
import sys

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
    """An object with the interface of onnxruntime's CalibrationDataReader."""

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
    with pytest.raises(DataError, match="expected an array, got Tensor"):
        list(open_data(torch.tensor(X).bfloat16(), ONE))
    with pytest.raises(DataError, match="for a single sample"):
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
    ("data", "specs", "message"),
    [
        (None, ONE, "expected a path, an array, a dict of arrays or an iterable of them, got NoneType"),
        (b"bytes", ONE, "expected a path, an array, a dict of arrays or an iterable of them, got bytes"),
        (object(), ONE, "got object"),
        ([], ONE, "data: expected at least one sample, got none"),
        ([X[:0]], ONE, "data: expected at least one sample, got none"),
        ({}, ONE, "expected array 'x' for input 'x', got none"),
        ([X, "text"], ONE, "data, item 1: expected float32"),
        (3.0, ONE, r"data: expected float32 \(batch, 2\) for input 'x', got float64 \(\)"),
        ([[1.0, 2.0], [3.0]], ONE, "data: expected an array, got list"),
        (np.array([[1.0], [2.0, 3.0]], object), ONE, "object arrays are not read"),
        (
            (X, X, X),
            ONE,
            "expected one array for each input .'x'. and optionally a vector of integers as labels, got 3 arrays",
        ),
        ((X, X), ONE, "got 2 arrays"),
        ((X, X[:, 0]), ONE, "got 2 arrays"),
        ((X, Y[:5]), ONE, "same number of samples in all arrays, got input 'x' 7, labels 5"),
        (X, TWO, "expected arrays for 2 inputs"),
        ({"a": X[:, 0]}, TWO, "expected array 'b' for input 'b', got 'a'"),
        ([X, (X, Y)], ONE, "got labels that begin at sample 7"),
        ([(X, Y), X], ONE, "got labels that stop at sample 7"),
    ],
)
def test_refusals(data, specs, message):
    with pytest.raises(DataError, match=message) as caught:
        list(open_data(data, specs))
    assert "\n" not in str(caught.value)


def test_arrays_without_names_cannot_be_chosen():
    for options in ({"columns": {"x": "k"}}, {"labels": "y"}):
        for data in (X, (X, Y), [(X, Y)]):
            with pytest.raises(DataError, match="expected no choice of arrays, as they have no names"):
                list(open_data(data, ONE, **options))


def test_records_are_read_one_at_a_time():
    def records():
        yield X
        pytest.fail("the second record was read too early")

    assert len(next(open_data(records(), ONE)).arrays["x"]) == 7


CODE = """
from __future__ import annotations
from dataclasses import dataclass
import numpy as np
from next_to_the_loader import COUNT

@dataclass
class Settings:
    count: int = COUNT

def dicts():
    for number in range(Settings().count):
        yield {"x": np.full((2, 1, 4, 5), number, "f4"), "y": np.array([number, number])}

def pairs():
    return [(record["x"], record["y"]) for record in dicts()]

def array():
    return np.concatenate([record["x"] for record in dicts()])

def broken():
    yield {"x": np.zeros((2, 1, 4, 5), "f4")}
    raise KeyError("mine")

number = 3
"""


@pytest.fixture
def loader(tmp_path):
    (tmp_path / "loader.py").write_text(CODE)
    (tmp_path / "next_to_the_loader.py").write_text("COUNT = 3\n")
    yield tmp_path / "loader.py"
    sys.modules.pop("next_to_the_loader", None)
    sys.modules.pop("relucid_loader_loader", None)


@pytest.mark.parametrize("function", ["dicts", "pairs", "array"])
def test_the_result_of_the_function_is_read(loader, images, whole, function, monkeypatch):
    (loader.parent / "elsewhere").mkdir()
    (loader.parent / "elsewhere" / "next_to_the_loader.py").write_text("COUNT = 1\n")
    monkeypatch.syspath_prepend(loader.parent / "elsewhere")
    path = list(sys.path)
    found = whole(open_data(f"{loader}:{function}", images, labels="y" if function == "dicts" else None), images)
    assert found["x"][:, 0, 0, 0].tolist() == [0, 0, 1, 1, 2, 2]
    assert ("labels" in found) == (function != "array")
    assert sys.path == path


def test_exceptions_of_the_function_propagate(loader, images):
    with pytest.raises(KeyError, match="mine"):
        list(open_data(f"{loader}:broken", images))


def test_messages_name_the_loader(loader, images):
    with pytest.raises(DataError, match=r"loader.py:dicts, item 0: expected array 'z' for the labels, got 'x', 'y'"):
        list(open_data(f"{loader}:dicts", images, labels="z"))


def test_loader_refusals(loader, images):
    (loader.parent / "bad.py").write_text("def broken(:\n")
    (loader.parent / "absent.py").write_text("import no_such_module_at_all\n")
    for text, message in [
        (f"{loader}:none", "a function in loader.py, got 'none'"),
        (f"{loader}:number", "a function in loader.py, got 'number'"),
        (f"{loader.parent / 'missing.py'}:f", "no such file"),
        (f"{loader.parent / 'bad.py'}:f", "that can be imported, got SyntaxError"),
        (f"{loader.parent / 'absent.py'}:f", "that can be imported, got ModuleNotFoundError: No module named"),
    ]:
        with pytest.raises(DataError, match=message) as caught:
            open_data(text, images)
        assert "\n" not in str(caught.value)


def test_a_loader_is_run_only_when_a_function_is_named(loader, images):
    with pytest.raises(DataError, match=rf"name the function: {loader}:FUNC"):
        open_data(str(loader), images)
