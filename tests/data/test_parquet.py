"""Tables: columns of numbers and of lists as arrays."""

import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from relucid.analyzer.data import input_specs, open_data
from relucid.analyzer.errors import DataError, MissingDependencyError

ROWS = 2500
F4, I8 = np.dtype("f4"), np.dtype("i8")
NUMBERS = np.random.default_rng(0).random((ROWS, 20), "f4")


def write(path, **columns):
    parquet.write_table(pa.table(columns), path, row_group_size=700)
    return path


@pytest.mark.parametrize(
    "column",
    [
        pa.array(list(NUMBERS)),
        pa.array(list(NUMBERS), pa.large_list(pa.float32())),
        pa.array(list(NUMBERS), pa.list_(pa.float32(), 20)),
        pa.array([row.tolist() for row in NUMBERS.reshape(ROWS, 4, 5)]),
        pa.FixedShapeTensorArray.from_numpy_ndarray(NUMBERS.reshape(ROWS, 1, 4, 5)),
    ],
    ids=["list", "large_list", "fixed_size_list", "nested", "tensor"],
)
def test_lists_become_arrays_of_the_declared_shape(tmp_path, whole, column):
    nested = pa.types.is_list(column.type) and pa.types.is_list(column.type.value_type)
    specs = input_specs([("x", F4, ("batch", 4, 5) if nested else ("batch", 1, 4, 5))])
    path = write(tmp_path / "a.parquet", x=column, y=np.arange(ROWS) % 7, unused=["text"] * ROWS)
    batches = list(open_data(path, specs, labels="y"))
    assert len(batches) >= 3
    found = whole(batches, specs)
    np.testing.assert_array_equal(found["x"].reshape(ROWS, 20), NUMBERS)
    np.testing.assert_array_equal(found["labels"], np.arange(ROWS) % 7)


def test_columns_and_several_inputs(tmp_path, whole):
    specs = input_specs([("a", F4, ("batch",)), ("b", I8, ("batch", 1)), ("c", F4, (20, "batch"))])
    path = write(tmp_path / "a.parquet", first=NUMBERS[:, 0], b=np.arange(ROWS, dtype="i4"), c=pa.array(list(NUMBERS)))
    found = whole(open_data(path, specs, columns={"a": "first"}), specs)
    np.testing.assert_array_equal(found["a"], NUMBERS[:, 0])
    np.testing.assert_array_equal(found["b"], np.arange(ROWS)[:, None])
    np.testing.assert_array_equal(found["c"], NUMBERS.T)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([1.0, None]), r"a.parquet\[x\]: expected a value in every row, got 1 null"),
        (pa.array([[1.0], None]), r"got 1 null"),
        (pa.array([[1.0], [None]]), r"got 1 null"),
        (pa.array([[1.0], [1.0, 2.0]]), "expected lists of one length, got 1 and 2, first at row 1 of a group"),
        (pa.array([[[1.0], [2.0]], [[1.0], [2.0, 3.0]]]), "got 1 and 2, first at row 1 of a group of 2"),
        (pa.array(["a", "b"]), "expected numbers or lists of numbers, got string"),
        (pa.array([b"a", b"b"]), "expected numbers or lists of numbers, got binary"),
        (
            pa.array([[], []], pa.list_(pa.float32())),
            r"expected float32 \(batch, 3\) for input 'x', got float32 \(2, 0\)",
        ),
        (
            pa.array([[1, 2, 3]] * 2),
            r"expected float32 \(batch, 3\) for input 'x', got int64 \(2, 3\); convert it first",
        ),
    ],
)
def test_columns_that_are_not_arrays(tmp_path, column, message):
    specs = input_specs([("x", F4, ("batch", 3))])
    with pytest.raises(DataError, match=message):
        list(open_data(write(tmp_path / "a.parquet", x=column), specs))


def test_refusals(tmp_path, speech):
    specs = input_specs([("x", F4, ("batch",))])
    path = write(tmp_path / "a.parquet", a=[1.0], b=[2.0])
    (tmp_path / "short.parquet").write_bytes(path.read_bytes()[:-20])
    for name, model_specs, message in [
        ("a.parquet", specs, "expected array 'x' for input 'x', got 'a', 'b'"),
        ("a.parquet", speech, "expected inputs with a value for each row, got 'sr', which all samples share"),
        ("short.parquet", specs, "short.parquet: expected a .parquet file, got a damaged one"),
        (write(tmp_path / "none.parquet", x=pa.array([], pa.float32())).name, specs, "expected at least one sample"),
    ]:
        with pytest.raises(DataError, match=message):
            list(open_data(tmp_path / name, model_specs))


def test_a_missing_pyarrow_is_an_error_when_it_is_needed(tmp_path, monkeypatch):
    path = write(tmp_path / "a.parquet", x=[1.0])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match="pip install pyarrow"):
        list(open_data(path, input_specs([("x", F4, ("batch",))])))
