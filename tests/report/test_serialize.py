"""report.json is strict JSON, and the report read from it equals the one written."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relucid.analyzer.errors import DataError
from relucid.analyzer.report import Report, SiteReport
from relucid.analyzer.report.serialize import report_from_json, report_to_json
from relucid.analyzer.values.estimate import Estimate

names = st.text(st.characters(codec=None), max_size=30)
floats = st.floats()
estimates = st.builds(Estimate, st.floats(allow_nan=False, allow_infinity=False), st.floats(0, 1e9))
scalars = st.one_of(st.integers(), floats, st.booleans(), names, st.none(), estimates)
values = st.dictionaries(names, st.one_of(scalars, st.lists(st.integers()), st.lists(names)), max_size=6)
arrays = st.one_of(
    st.lists(floats, min_size=3, max_size=3).map(lambda entries: np.array(entries, np.float64)),
    st.lists(st.floats(width=32), min_size=3, max_size=3).map(lambda entries: np.array(entries, np.float32)),
    st.lists(st.integers(-(2**62), 2**62), min_size=3, max_size=3).map(lambda entries: np.array(entries, np.int64)),
    st.lists(st.booleans(), min_size=3, max_size=3).map(np.array),
    st.lists(st.sampled_from(["dead", "linear", "nonlinear"]), min_size=3, max_size=3).map(np.array),
)


@st.composite
def reports(draw):
    site_names = draw(st.lists(names, unique=True, max_size=4))
    sites = []
    for name in site_names:
        of_units = draw(st.dictionaries(names, arrays, max_size=3))
        sites.append(SiteReport(name, draw(names), {**draw(values), **of_units, "units": 3}))
    refused = draw(st.lists(st.tuples(names, names, names), max_size=3))
    made = {**draw(values), "nested": draw(values)}
    return Report(tuple(sites), draw(values), made, tuple(draw(st.lists(names, max_size=3))), tuple(refused))


def strictly(text):
    def refuse(token):
        raise AssertionError(f"{token} is not JSON")

    return json.loads(text, parse_constant=refuse)


@given(reports())
def test_the_report_read_equals_the_one_written(report):
    text = report_to_json(report)
    strictly(text)
    assert text.isascii()
    assert report_from_json(text, "report.json") == report


def test_the_documented_keys(usual, tmp_path):
    whole = strictly(usual.to_json())
    assert list(whole) == ["schema", "version", "made", "network", "notes", "not_analysable", "sites"]
    assert (whole["schema"], whole["version"]) == ("relucid.report", 1)
    assert whole["network"]["dead_sites"] == ["block2.act1"]
    assert whole["not_analysable"] == [{"name": "loop.act", "kind": "relu", "reason": "inside a Loop body"}]
    site = whole["sites"][2]
    assert site["values"]["patterns"] == {"estimate": 1234567.0, "error": 4321.0}
    assert whole["sites"][3]["values"]["vni"] is None
    assert site["units"]["unit_low"] == usual["block1.act2"].unit_low.tolist()
    assert set(site) == {"name", "kind", "values", "units"}


def test_load_takes_the_file_or_its_folder(usual, enormous, tmp_path):
    for report in (usual, enormous, Report(())):
        path = report.save(tmp_path)[0]
        assert Report.load(path) == Report.load(str(tmp_path)) == report


def _broken(change):
    whole = {"schema": "relucid.report", "version": 1, "made": {}, "network": {}, "notes": [], "not_analysable": []}
    whole["sites"] = [{"name": "act", "kind": "relu", "values": {"units": 1}, "units": {"unit_low": [0.0]}}]
    change(whole)
    return json.dumps(whole)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not strict JSON"),
        ("[" * 100_000, "not strict JSON"),
        ("[1]", "schema"),
        ('{"schema": "other"}', "schema"),
        ('{"schema": "relucid.report", "version": 2}', "version 2"),
        (_broken(lambda w: w["network"].update(x=float("nan"))), "NaN"),
        (_broken(lambda w: w.pop("sites")), "without 'sites'"),
        (_broken(lambda w: w["sites"][0].pop("kind")), "without 'kind'"),
        (_broken(lambda w: w["sites"].append(w["sites"][0])), "'act'"),
        (_broken(lambda w: w["sites"].append(3)), "damaged"),
        (_broken(lambda w: w["sites"][0].update(name=3)), "expected str, got int"),
        (_broken(lambda w: w.update(notes="text")), "expected list, got str"),
        (_broken(lambda w: w.update(network=[])), "expected dict, got list"),
        (_broken(lambda w: w["network"].update(x={"estimate": "a", "error": 1})), "damaged"),
        (_broken(lambda w: w["network"].update(x={"estimate": 1, "error": -1})), "damaged"),
        (_broken(lambda w: w["sites"][0]["units"].update(unit_low=[0.0, "a"])), "several types"),
        (_broken(lambda w: w["sites"][0]["units"].update(unit_low=[[0.0]])), "several types"),
        (_broken(lambda w: w["sites"][0]["units"].update(unit_low=[10**30])), "damaged"),
        (_broken(lambda w: w["sites"][0]["units"].update(unit_low=[1.0, 2.0])), "length 1"),
        (_broken(lambda w: w["not_analysable"].append({"name": "x", "kind": "y"})), "without 'reason'"),
    ],
)
def test_invalid_reports_are_rejected_in_one_line(tmp_path, text, says):
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(DataError) as caught:
        Report.load(path)
    assert says in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_files_are_rejected(tmp_path):
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    for name in ("absent.json", "binary.json", ""):
        with pytest.raises(DataError):
            Report.load(tmp_path / name)
