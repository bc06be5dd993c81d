"""report.html is one page that asks the network for nothing and runs nothing but its own script."""

import base64
import hashlib
import html
import re
from html.parser import HTMLParser

import pytest

from relucid.analyzer.report import Report, SiteReport
from relucid.analyzer.report.formatting import printable
from relucid.analyzer.report.html_page import ranges

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
    """Elements, attributes and texts, and whether what opens closes."""

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


def test_the_bars_are_as_high_as_the_shares(usual):
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


def test_long_lists_are_cut():
    assert ranges(()) == ""
    assert ranges(tuple(range(0, 1000, 2))).endswith("398 ... (the rest is in report.json)")
