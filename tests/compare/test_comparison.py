"""Comparisons and courses are reports: they save, load and pickle."""

import pickle
from pathlib import Path

import relucid
from relucid.analyzer.compare import compare, compare_chain
from relucid.analyzer.compare.comparison import Comparison, Course
from relucid.analyzer.report import Report

from ..small import perceptron, samples


def test_it_is_a_report_that_saves_and_loads(tmp_path: Path) -> None:
    change = compare(perceptron(), perceptron(seed=1), samples(50))
    assert [path.name for path in change.save(tmp_path)] == ["comparison.json", "units.csv", "comparison.html"]
    assert isinstance(change, Report)
    for loaded in (Comparison.load(tmp_path), Comparison.load(tmp_path / "comparison.json")):
        assert isinstance(loaded, Comparison)
        assert loaded == change
        assert str(loaded) == str(change)
    assert pickle.loads(pickle.dumps(change)) == change
    rows = (tmp_path / "units.csv").read_text().splitlines()
    assert rows[0] == "site,unit,unit_flips,unit_flip_share"
    assert len(rows) == 1 + 7 + 5


def test_a_course_saves_and_loads(tmp_path: Path) -> None:
    whole = compare_chain([perceptron(), perceptron(seed=1), perceptron(seed=2)], samples(50))
    assert [path.name for path in whole.save(tmp_path)] == ["course.json", "course.csv", "course.html"]
    assert Course.load(tmp_path) == whole == pickle.loads(pickle.dumps(whole))
    assert str(Course.load(tmp_path)) == str(whole)
    rows = [line.split(",") for line in (tmp_path / "course.csv").read_text().splitlines()]
    assert len(rows) == 1 + 2 * 3
    assert float(rows[2][rows[0].index("distance_to_first")]) == whole["h1"].distance_to_first[1]


def test_the_faces_are_the_functions() -> None:
    assert relucid.compare is compare
    assert relucid.compare_chain is compare_chain
