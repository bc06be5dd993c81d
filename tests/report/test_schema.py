"""docs/report.md lists every value with its meaning."""

import re
from pathlib import Path

from relucid.analyzer.report.columns import COLUMNS, OPTIONAL_COLUMNS, PAGE_COLUMNS
from relucid.analyzer.report.schema import REPORT_FIELDS, REPORT_FIELDS_BY_NAME
from relucid.analyzer.report.serialize import VERSION

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "report.md"


def test_the_document_lists_the_fields():
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (count|number|share|list|truth|text) \| (.*) \|$", text, re.M)
    assert rows == [(field.name, field.kind, field.meaning) for field in REPORT_FIELDS]
    assert f"version {VERSION}" in text


def test_names_are_unique_in_each_place():
    assert len({(field.name, field.place) for field in REPORT_FIELDS}) == len(REPORT_FIELDS)


def test_shares_of_lists_and_columns_are_fields():
    for field in REPORT_FIELDS:
        assert not field.share or REPORT_FIELDS_BY_NAME[field.share].kind == "share"
    assert all(column.name in REPORT_FIELDS_BY_NAME for column in COLUMNS + PAGE_COLUMNS + OPTIONAL_COLUMNS)


def test_hand_made_reports_use_no_other_names(usual):
    known = {*REPORT_FIELDS_BY_NAME, "name", "kind"}
    assert set(usual.network) <= known
    assert all(set(site.values) <= known for site in usual.sites)
