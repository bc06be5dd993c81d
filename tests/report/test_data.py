"""The data of a report is frozen and plain, available by name, and equal to its copies."""

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relucid.analyzer.report import Report, SiteReport
from relucid.analyzer.values.estimate import Estimate


def test_every_value_is_a_key_and_an_attribute(usual):
    for site in usual.sites:
        assert usual[site.name] is site
        for name, value in site.values.items():
            assert site[name] is value
            if name not in {"name", "kind"}:
                assert getattr(site, name) is value
    assert usual["block1.act1"].dead_units == (0, 1, 2)
    assert usual.accuracy == usual.network["accuracy"] == 0.9722
    assert "block1.act1" in usual
    assert "block9.act1" not in usual
    assert [site.name for site in usual] == [site.name for site in usual.sites]


def test_names_are_completed(usual):
    site = usual["block1.act1"]
    assert {*site.values, "name", "kind", "values", "per_unit"} <= set(dir(site))
    assert {*usual.network, "sites", "save", "to_json"} <= set(dir(usual))
    assert usual._ipython_key_completions_() == [each.name for each in usual.sites]
    assert site._ipython_key_completions_() == list(site.values)
    assert all(hasattr(report, name) for report in (usual, site) for name in dir(report))


@pytest.mark.parametrize(
    ("ask", "error", "hint"),
    [
        (lambda report: report["block1.act"], KeyError, "did you mean 'block1.act2' or 'block1.act1'"),
        (lambda report: report["zzz"], KeyError, "it has stem.act, block1.act1"),
        (lambda report: report.acuracy, AttributeError, "did you mean 'accuracy'"),
        (lambda report: report["head.act"]["dead_unit"], KeyError, "did you mean 'dead_units'"),
        (lambda report: report["head.act"].entropie, AttributeError, "'entropy'"),
    ],
)
def test_an_unknown_name_lists_similar_names(usual, ask, error, hint):
    with pytest.raises(error) as caught:
        ask(usual)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_report_cannot_be_changed(usual):
    site = usual.sites[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        usual.notes = ()
    with pytest.raises(TypeError):
        site.values["vni"] = 1.0
    with pytest.raises(TypeError):
        usual.provenance["seed"] = 1
    with pytest.raises(ValueError, match="read-only"):
        site.unit_low[0] = 0.0


def test_arrays_are_copied():
    low, values = np.array([1.0, 2.0]), {"units": 2}
    site = SiteReport("act", "relu", {**values, "unit_low": low})
    low[0] = 9.0
    assert site.unit_low.tolist() == [1.0, 2.0]
    assert low.flags.writeable


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda report: pickle.loads(pickle.dumps(report))])
def test_copies_are_equal(usual, enormous, again):
    for report in (usual, enormous, Report(())):
        assert again(report) == report
        assert all(again(site) == site for site in report.sites)


def test_a_difference_anywhere_is_a_difference(usual):
    site = usual.sites[0]
    others = [
        Report(usual.sites[:-1], usual.network, usual.provenance, usual.notes, usual.not_analysable),
        Report(usual.sites, {**usual.network, "accuracy": 0.5}, usual.provenance, usual.notes, usual.not_analysable),
        Report(usual.sites, usual.network, {**usual.provenance, "seed": 1}, usual.notes, usual.not_analysable),
        Report(usual.sites, usual.network, usual.provenance, (), usual.not_analysable),
        Report(usual.sites, usual.network, usual.provenance, usual.notes, ()),
    ]
    assert all(other != usual for other in others)
    assert SiteReport(site.name, site.kind, {**site.values, "unit_low": site.unit_low + 1}) != site
    assert SiteReport(site.name, site.kind, {**site.values, "entropy": Estimate(10.73, 0.0)}) != site
    assert SiteReport(site.name, "gelu", site.values) != site
    assert SiteReport(site.name, site.kind, dict(reversed(site.values.items()))) == site
    assert usual != "report"


def test_what_measures_return_becomes_plain():
    values = {
        "units": np.int64(2),
        "vni": np.float32(0.5),
        "entropy": np.nan,
        "dead_units": np.array([[1]]).tolist(),
        "flag": np.bool_(True),
        "unit_low": np.array([np.inf, 1.0], np.float16),
    }
    site = SiteReport("act", "relu", values)
    assert {name: type(value) for name, value in site.values.items()} == {
        "units": int,
        "vni": float,
        "entropy": type(None),
        "dead_units": tuple,
        "flag": bool,
        "unit_low": np.ndarray,
    }
    assert site.unit_low.dtype == np.float64
    assert np.isnan(site.unit_low[0])
    assert Report((), {"first_dead": np.array([1, 2])}).first_dead == (1, 2)


@pytest.mark.parametrize(
    "values",
    [
        {"units": 3, "unit_low": np.zeros(2)},
        {"unit_low": np.zeros(2), "unit_high": np.zeros(3)},
        {"unit_low": np.zeros((2, 2))},
        {"unit_low": np.array([object()])},
        {"statistic": object()},
    ],
)
def test_values_that_are_not_plain_are_rejected(values):
    with pytest.raises(ValueError, match=r"plain data|units\b|array"):
        SiteReport("act", "relu", values)


def test_two_sites_of_the_same_name_are_rejected():
    with pytest.raises(ValueError, match="'act'"):
        Report((SiteReport("act", "relu", {}), SiteReport("act", "relu", {})))


def test_repr_is_short(enormous):
    assert len(repr(enormous)) < 250
    assert len(repr(enormous.sites[-1])) < 150


@given(value=st.floats(allow_nan=True), error=st.floats(allow_nan=True))
def test_an_estimate_must_be_finite(value, error):
    if np.isfinite(value) and np.isfinite(error) and error >= 0:
        assert float(Estimate(value, error)) == value
        assert str(Estimate(value, error)).endswith("(estimate)")
    else:
        with pytest.raises(ValueError, match="finite"):
            Estimate(value, error)
