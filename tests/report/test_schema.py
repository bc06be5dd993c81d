"""docs/report.md says of every value what the program says."""

import re
from pathlib import Path

from relucid.analyzer.report.columns import COLUMNS, MORE
from relucid.analyzer.report.schema import BY_NAME, REPORT_FIELDS
from relucid.analyzer.report.serialize import VERSION

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "report.md"


def test_the_document_lists_the_words():
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (count|number|share|list|truth|text) \| (.*) \|$", text, re.M)
    assert rows == [(word.name, word.kind, word.meaning) for word in REPORT_FIELDS]
    assert f"version {VERSION}" in text


def test_a_name_stands_once_in_each_place():
    assert len({(word.name, word.place) for word in REPORT_FIELDS}) == len(REPORT_FIELDS)


def test_shares_of_lists_and_columns_are_words():
    for word in REPORT_FIELDS:
        assert not word.share or BY_NAME[word.share].kind == "share"
    assert all(column.name in BY_NAME for column in COLUMNS + MORE)


def test_hand_made_reports_use_no_other_names(usual):
    known = {*BY_NAME, "name", "kind"}
    assert set(usual.network) <= known
    assert all(set(site.values) <= known for site in usual.sites)
