"""Rows in csv files survive a round trip with six digits, and files of another kind are refused."""

import pytest

pytest.importorskip("torch")

from relucid.analyzer.errors import DataError
from relucid.trainers.recipes.grids.cells import Cell
from relucid.trainers.recipes.psb.scores import Score
from relucid.trainers.recipes.results_csv import (
    append_rows,
    columns_of,
    read_rows,
    read_values,
    six_decimals,
    six_digits,
    write_table,
)
from relucid.trainers.recipes.schedules.runs import EpochRow

ROWS = (
    (Cell("relu", "conv21", 3, 10, 10, 85, 5, 0.9, 3, 0.8, 0.7, 4, 0.6), six_decimals),
    (Score("fig4_3", "small", "a, b", 0, 4, 1, 10, 1.0, 0.5, 0.25), six_decimals),
    (EpochRow("f1", "cyclic", 10, 85, 2, rate=0.25, distances="0.5 0.25"), six_digits),
)


@pytest.mark.parametrize(("row", "number"), ROWS)
def test_rows_survive_a_round_trip(row, number, tmp_path):
    path, kind = tmp_path / "deep" / "rows.csv", type(row)
    assert read_rows(path, kind) == []
    append_rows(path, kind, [row], number=number)
    append_rows(path, kind, [row, row], number=number)
    assert read_rows(path, kind) == [row] * 3
    assert path.read_text().splitlines()[0].split(",") == [*columns_of(kind)]


@pytest.mark.parametrize(("row", "number"), ROWS)
@pytest.mark.parametrize(
    ("damage", "message"),
    [(lambda text: "a,b\n" + text, "columns"), (lambda text: text + "relu,conv21,ten", "line 3")],
)
def test_files_of_another_kind_are_refused(row, number, damage, message, tmp_path):
    path = tmp_path / "rows.csv"
    append_rows(path, type(row), [row], number=number)
    path.write_text(damage(path.read_text()))
    with pytest.raises(DataError, match=message):
        read_rows(path, type(row))


def test_numbers_are_rounded(tmp_path):
    columns = {"name": str, "count": int, "share": float}
    write_table(tmp_path / "table.csv", columns, [("a", 1, 1 / 3)], number=six_decimals)
    assert (tmp_path / "table.csv").read_text() == "name,count,share\na,1,0.333333\n"
    write_table(tmp_path / "table.csv", columns, [("a", 1, 1 / 30)], number=six_digits)
    assert read_values(tmp_path / "table.csv", columns) == [["a", 1, 0.0333333]]
