"""A notebook shows a report as one plain table, whatever the names in it are."""

from html.parser import HTMLParser

from relucid.analyzer.report import Report
from relucid.analyzer.report.formatting import printable


class Shown(HTMLParser):
    """The tags, the attributes and the cells of a piece of HTML; every tag closes."""

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


def test_every_site_has_a_row_of_what_the_terminal_shows(usual):
    shown = Shown(usual._repr_html_())
    width = len(shown.cells) // (len(usual.sites) + 1)
    rows = [shown.cells[at : at + width] for at in range(0, len(shown.cells), width)]
    assert rows[0][:3] == ["site", "kind", "units"]
    assert [row[:3] for row in rows[1:]] == [[site.name, site.kind, str(site.units)] for site in usual.sites]
    assert "0.9722" in usual._repr_html_()


def test_no_name_becomes_an_element(enormous):
    for report in (enormous, Report(())):
        shown = Shown(report._repr_html_())
        assert shown.tags <= set("div p b br table thead tbody tr th td bdi".split())
        assert shown.attributes == []
        assert all(cell == printable(cell) for cell in shown.cells)
