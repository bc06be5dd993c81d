"""Loggers: every line has the numbers of a site and its window."""

import csv
import io
import sys

import pytest
import torch
from rich.console import Console
from torch import nn

from relucid.analyzer.errors import MissingDependencyError, OptionError
from relucid.plugins.torch import Monitor
from relucid.plugins.torch.monitor.loggers import CsvLog, LiveTable, TensorBoardLog


def train(log, *, steps: int = 4) -> Monitor:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 5), nn.ReLU())
    monitor = Monitor(model, every=2, log=log)
    for _ in range(steps):
        model(torch.randn(6, 3)).sum().backward()
    return monitor


def test_csv_has_a_line_for_each_site_and_window(tmp_path):
    path = tmp_path / "sites.csv"
    monitor = train(CsvLog(path))
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [(row["step"], row["site"], row["units"]) for row in rows] == [
        ("0", "", ""), ("0", "1", "4"), ("0", "3", "5"), ("2", "", ""), ("2", "1", "4"), ("2", "3", "5")
    ]  # fmt: skip
    assert {(row["window_forwards"], row["samples"]) for row in rows} == {("1", "6")}
    assert float(rows[-1]["entropy"]) == monitor.report["3"].entropy
    assert int(rows[-1]["dead_units"]) == len(monitor.report["3"].dead_units)


def test_csv_is_continued_and_nothing_else_is_overwritten(tmp_path):
    path = tmp_path / "sites.csv"
    train(CsvLog(path), steps=1)
    train(CsvLog(path), steps=1)
    assert len(path.read_text().splitlines()) == 1 + 2 * 3
    other = tmp_path / "mine.csv"
    other.write_text("a,b\n")
    with pytest.raises(OptionError, match=r"mine\.csv"):
        CsvLog(other)


def test_tensorboard_gets_scalars_by_site(tmp_path):
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = TensorBoardLog(tmp_path)
    monitor = train(log)
    log.writer.close()
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    found = events.Scalars("relucid/3/entropy")
    assert [event.step for event in found] == [0, 2]
    assert found[-1].value == pytest.approx(monitor.report["3"].entropy, rel=1e-6)


def test_without_tensorboard_it_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingDependencyError, match=r'TensorBoardLog needs .* pip install "relucid\[tensorboard\]"'):
        TensorBoardLog(tmp_path)


def test_the_live_table_shows_the_last_window():
    page = io.StringIO()
    with LiveTable(console=Console(file=page, width=100, force_terminal=True)) as table:
        monitor = train(table)
    text = page.getvalue()
    assert "step 2: 1 forwards from step 2 on, 6 samples" in text
    assert f"{monitor.report['3'].vni:.3f}" in text


def test_names_of_modules_are_shown_as_they_are():
    page = io.StringIO()
    with LiveTable(console=Console(file=page, width=100)) as table:
        table({"window_forwards": 1, "window_first_step": 1, "samples": 6, "block[/b]/units": 4}, 1)
    assert "block[/b]" in page.getvalue()


@pytest.mark.parametrize("what", ["a folder", "in no folder", "bytes"])
def test_an_unwritable_csv_file_is_an_error(tmp_path, what):
    path = {"a folder": tmp_path, "in no folder": tmp_path / "none" / "log.csv", "bytes": tmp_path / "log.csv"}[what]
    if what == "bytes":
        path.write_bytes(bytes([255, 254, 0]))
    with pytest.raises(OptionError, match=r"(cannot write|expected) .*choose another file"):
        CsvLog(path)


def test_an_object_that_is_no_writer_is_an_error():
    with pytest.raises(OptionError, match="expected a SummaryWriter or a folder, got int"):
        TensorBoardLog(3)
