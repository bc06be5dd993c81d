"""The HTML page makes no request and runs only its own script; the snippet has the cells of the table."""

import base64
import hashlib
import html
import re
from html.parser import HTMLParser

import pytest

from relucid.analyzer.report import Report, SiteReport
from relucid.analyzer.report.formatting import printable
from relucid.analyzer.report.html_page import format_ranges

VOID = {"meta", "rect", "circle", "path", "polyline", "br"}
KNOWN = VOID | set(
    "html head title style body main h1 h2 p bdi div b span i section figure figcaption svg g text table thead tbody "
    "tr th td button small dl dt dd ul li details summary footer script".split()
)
ATTRIBUTES = set(
    "lang charset http-equiv content name class title data-v viewbox role aria-label x y width height d points "
    "cx cy r text-anchor".split()
)


class Page(HTMLParser):
    """Elements, attributes and texts of a page; every element is closed."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(name="pages", scope="module")
def pages_fixture(usual, enormous):
    return [Page(report.to_html()) for report in (usual, enormous, Report(()))]


def test_no_name_becomes_an_element_or_an_attribute(pages):
    for page in pages:
        assert set(page.tags) <= KNOWN
        assert {name for name, _ in page.attributes} <= ATTRIBUTES
        assert page.tags.count("script") == page.tags.count("style") == 1


def test_nothing_is_fetched(usual, enormous):
    for report in (usual, enormous):
        outside = re.sub(r"<bdi>.*?</bdi>|<title>.*?</title>|title=\"[^\"]*\"", "", report.to_html(), flags=re.S)
        for way in ("http:", "https:", "//", "src=", "href=", "url(", "@import", "<link", "<iframe"):
            assert way not in outside
        assert "default-src 'none'" in outside


def test_only_the_pages_own_script_may_run(usual, enormous):
    for report in (usual, enormous):
        page = report.to_html()
        script = re.search(r"<script>(.*?)</script>", page, re.S)[1]
        allowed = re.search(r"script-src 'sha256-([^']*)'", page)[1]
        assert base64.b64decode(allowed) == hashlib.sha256(script.encode()).digest()
        assert "script-src" in page
        assert page.count("<script>") == 1


def test_every_name_note_and_number_is_on_the_page(usual, enormous):
    for report in (usual, enormous):
        page = report.to_html()
        for site in report.sites:
            assert f'title="{html.escape(printable(site.name))}"' in page
        for note in report.notes:
            assert f"<li><bdi>{html.escape(printable(note))}</bdi></li>" in page
        for name, _, reason in report.not_analysable:
            assert html.escape(printable(name)) in page
            assert html.escape(printable(reason)) in page
        assert page.count('<tr><td data-v="') == len(report.sites)
    assert "~1.235M<small>±0.005M</small>" in usual.to_html()
    assert usual.provenance["sha256"] in usual.to_html()


def test_bar_heights_are_the_shares(usual):
    first = usual.to_html().partition("<figure>")[2].partition("</figure>")[0]
    groups = re.findall(r"<g><title>(.*?)</title>(.*?)</g>", first)
    assert len(groups) == len(usual.sites)
    for site, (title, boxes) in zip(usual.sites, groups, strict=True):
        heights = {kind: float(height) for kind, height in re.findall(r'class="(\w+)" .*?height="([\d.]+)"', boxes)}
        whole = heights["nonlinear"]
        assert heights.get("dead", 0) / whole == pytest.approx(site.dead_unit_ratio, abs=1e-3)
        assert heights.get("linear", 0) / whole == pytest.approx(site.linear_unit_ratio, abs=1e-3)
        assert site.name in title


def test_a_line_breaks_where_there_is_no_value(usual):
    vni = usual.to_html().partition("VNI</figcaption>")[2].partition("</figure>")[0]
    assert vni.count("<circle") == 4
    assert vni.count("<polyline") == 2


def test_the_page_without_some_measures():
    page = Page(Report((SiteReport("act", "relu", {"units": 2}),)).to_html())
    assert "figure" not in page.tags
    assert "table" in page.tags


def test_long_lists_are_truncated():
    assert format_ranges(()) == ""
    assert format_ranges(tuple(range(0, 1000, 2))).endswith("398 ... (the rest is in report.json)")


class Snippet(HTMLParser):
    """Elements, attributes and cells of a snippet; every element is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.open, self.cells = set(), [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag != "br":
            self.open.append(tag)
        if tag in {"td", "th"}:
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data


def test_the_snippet_has_a_row_per_site(usual):
    snippet = Snippet(usual._repr_html_())
    width = len(snippet.cells) // (len(usual.sites) + 1)
    rows = [snippet.cells[at : at + width] for at in range(0, len(snippet.cells), width)]
    assert rows[0][:3] == ["site", "kind", "units"]
    assert [row[:3] for row in rows[1:]] == [[site.name, site.kind, str(site.units)] for site in usual.sites]
    assert "0.9722" in usual._repr_html_()


def test_no_name_becomes_an_element_of_the_snippet(enormous):
    for report in (enormous, Report(())):
        snippet = Snippet(report._repr_html_())
        assert snippet.tags <= set("div p b br table thead tbody tr th td bdi".split())
        assert snippet.attributes == []
        assert all(cell == printable(cell) for cell in snippet.cells)
