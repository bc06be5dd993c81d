"""The files of a report: units.csv has the values of the report, and no file is ever incomplete."""

import csv
from pathlib import Path

import numpy as np
import pyarrow.csv
import pytest

from relucid.analyzer.errors import OptionError
from relucid.analyzer.report import Report, SiteReport


def test_one_row_for_each_site_and_unit(usual, tmp_path):
    table = pyarrow.csv.read_csv(usual.save(tmp_path)[1])
    per_unit = usual.sites[0].per_unit
    assert table.column_names == ["site", "unit", *per_unit]
    assert table["site"].to_pylist() == [site.name for site in usual.sites for _ in range(site.units)]
    assert table["unit"].to_pylist() == [unit for site in usual.sites for unit in range(site.units)]
    for name in per_unit:
        expected = np.concatenate([site[name] for site in usual.sites])
        np.testing.assert_array_equal(table[name].to_numpy(), expected)


def test_awful_names_survive_the_csv(enormous, tmp_path):
    with enormous.save(tmp_path)[1].open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(site.units for site in enormous.sites)
    names = list(dict.fromkeys(row["site"] for row in rows))
    assert names == [site.name.encode("utf-8", "backslashreplace").decode() for site in enormous.sites]


def test_missing_values_are_empty(tmp_path):
    one = SiteReport("one", "relu", {"units": 2, "unit_low": np.array([np.nan, 0.1])})
    two = SiteReport("two", "relu", {"units": 1, "unit_class": np.array(["dead"])})
    text = Report((one, two)).save(tmp_path)[1].read_text()
    assert text == "site,unit,unit_low,unit_class\none,0,,\none,1,0.1,\ntwo,0,,dead\n"
    bare = Report((SiteReport("bare", "relu", {"units": 2}),)).save(tmp_path)[1].read_text()
    assert bare == "site,unit\nbare,0\nbare,1\n"


def test_three_files_and_nothing_else(usual, tmp_path):
    folder = tmp_path / "new" / "folder"
    paths = usual.save(str(folder))
    assert [path.name for path in paths] == ["report.json", "units.csv", "report.html"]
    assert sorted(folder.iterdir()) == sorted(paths)
    usual.save(folder)
    assert sorted(folder.iterdir()) == sorted(paths)


@pytest.mark.parametrize("error_", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_error_while_saving_changes_no_file(usual, tmp_path, monkeypatch, error_):
    before = {path: path.read_bytes() for path in Report(()).save(tmp_path)}
    write = Path.write_text

    def fail_at_the_last(self, text, **options):
        write(self, text[: len(text) // 2], **options)
        if ".html" in self.name:
            raise error_

    monkeypatch.setattr(Path, "write_text", fail_at_the_last)
    with pytest.raises((OptionError, KeyboardInterrupt)):
        usual.save(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_unusable_folder_is_a_one_line_error(usual, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match="choose another folder") as caught:
        usual.save(tmp_path / "file")
    assert "\n" not in str(caught.value)
