"""The report of a state: non-finite samples are counted and excluded, and every site is listed."""

import numpy as np
import pytest

from relucid.analyzer.analysis import analyze, observe
from relucid.analyzer.errors import OptionError
from relucid.analyzer.model import load
from relucid.analyzer.options import Options
from relucid.analyzer.report import Report
from relucid.analyzer.report.evaluation import build_report
from relucid.analyzer.stats import merge_all

from .. import reference
from ..small import model, samples

MEASURES = ["units", "points", "patterns", "vni", "margins", "preactivation_vni", "global_patterns"]
CHAIN = model(
    """g (float[N, 6] x) => (float[N, 6] y) {
        a = Relu(x) l = Log(b0) n = Add(a, l) b = Relu(n) s = Sub(x, c) y = Relu(s)
    }""",
    b0=np.ones(1, dtype=np.float32),
    c=np.array(0.25, dtype=np.float32),
)
"""Three sites: `a` reads x, `b` reads max(x, 0) + 0, `y` reads x - 0.25."""


def nonfinite_samples() -> tuple[np.ndarray, np.ndarray]:
    """Samples some of which are not finite, and which of them are."""
    x = samples(50)
    x[3, 1] = np.nan
    x[17, 0] = np.inf
    x[17, 5] = -np.inf
    x[49, 2] = -np.inf
    return x, np.isfinite(x).all(axis=1)


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_samples_with_nan_or_infinity_are_counted_and_excluded(batch: int) -> None:
    x, finite = nonfinite_samples()
    report = analyze(CHAIN, x, measures=MEASURES, sites=["a", "y"], batch=batch)
    for name, z in (("a", x[:, None]), ("y", x[:, None] - np.float32(0.25))):
        site = report[name]
        assert (site.nonfinite_values, site.nonfinite_samples, site.first_nonfinite) == (4, 3, 3)
        good = z[finite]
        for key, value in (reference.units(good) | reference.patterns(good)).items():
            np.testing.assert_allclose(site[key], value, rtol=1e-6, err_msg=key)
        numbers = np.flatnonzero(finite)
        assert site.dead_points == tuple(numbers[list(reference.points(good)["dead_points"])].tolist())
        assert site.dead_point_count + site.linear_point_count + site.nonlinear_point_count == 47
        assert site.vni == pytest.approx(reference.vni(np.maximum(good, 0))[1], rel=1e-6)
        assert site.samples == 50
    assert report.global_patterns == reference.global_patterns([x[finite, None], x[finite, None] - 0.25])
    assert sum("NaN or infinite, in 3 samples (first: 3)" in note for note in report.notes) == 2


def test_samples_are_excluded_only_where_they_are_not_finite() -> None:
    """-inf in x is 0 after the first ReLU: all values of the second site are finite."""
    x, _ = nonfinite_samples()
    report = analyze(CHAIN, x, measures=MEASURES)
    after = np.maximum(x, 0)
    assert report["b"].nonfinite_samples == (~np.isfinite(after).all(axis=1)).sum() == 2
    assert report["b"].dead_points == reference.points(after[np.isfinite(after).all(axis=1)][:, None])["dead_points"]


def nothing_finite() -> tuple[Report, np.ndarray]:
    made = model(
        "g (float[N, 6] x) => (float[N, 6] y) { a = Relu(x) m = Mul(x, c) b = Relu(m) s = Sub(x, d) y = Relu(s) }",
        c=np.full(1, np.nan, dtype=np.float32),
        d=np.full(1, 0.75, dtype=np.float32),
    )
    x = samples(30) - np.float32(0.75)
    return analyze(made, x, measures=MEASURES), x


def test_a_site_with_only_nan_is_not_analysable() -> None:
    report, _ = nothing_finite()
    assert [site.name for site in report] == ["a", "y"]
    [(name, kind, reason)] = report.not_analysable
    assert (name, kind) == ("b", "relu")
    assert "180 such values in 30 samples (first: 0)" in reason


def test_where_points_die_first_counts_only_the_sites_of_the_report() -> None:
    report, x = nothing_finite()
    expected = reference.first_dead([x[:, None], x[:, None] - np.float32(0.75)])
    assert report.first_dead == expected
    assert min(expected) > 0
    assert len(report.linear_so_far) == len(report.sites)


def test_nan_in_one_shard_is_merged() -> None:
    x, _ = nonfinite_samples()
    x[10:20, 4] = np.nan
    parts = [observe(load(CHAIN), x, Options(measures=MEASURES, shard=(i, 3))) for i in (2, 0, 1)]
    whole = analyze(CHAIN, x, measures=MEASURES)
    assert reference.differences(whole, build_report(merge_all(parts))) == []


def test_network_values_are_those_of_the_sites() -> None:
    x = samples(60) - np.float32(0.5)
    report = analyze(CHAIN, x)
    z = [x[:, None], np.maximum(x, 0)[:, None], x[:, None] - np.float32(0.25)]
    assert report.first_dead == reference.first_dead(z)
    assert report.dead_points_somewhere == sum(reference.first_dead(z))
    assert report.dead_points_somewhere_ratio == report.dead_points_somewhere / 60
    always = [np.array([(one > 0).all() for one in each]) for each in z]
    assert report.linear_so_far == tuple(int(np.logical_and.reduce(always[: i + 1]).sum()) for i in range(3))


def test_layers_all_dead_and_all_linear_are_listed() -> None:
    made = model("g (float[N, 6] x) => (float[N, 6] y) { p = Exp(x) a = Relu(p) n = Neg(p) b = Relu(n) y = Relu(x) }")
    report = analyze(made, samples(30))
    assert (report.linear_sites, report.dead_sites) == (("a",), ("b",))
    assert report["a"].linear_units == report["b"].dead_units == tuple(range(6))
    assert (report["b"].patterns, report["b"].entropy, report["b"].vni) == (1, 0, None)


def test_sites_that_cannot_be_tapped_are_listed_with_their_reason() -> None:
    made = model(
        """g (float[N, 6] x, bool c) => (float[N, 6] y) {
            a = Relu(x)
            y = If(c) <
                then_branch = t () => (float[N, 6] u) { u = Relu(a) },
                else_branch = e () => (float[N, 6] v) { v = Neg(a) }
            >
        }"""
    )
    report = analyze(made, {"x": samples(5), "c": np.array(True)})
    assert [site.name for site in report] == ["a"]
    [(_, kind, reason)] = report.not_analysable
    assert kind == "relu"
    assert "inside the body of If" in reason


def test_provenance() -> None:
    made = analyze(CHAIN, samples(5), capacity=77, seed=3, measures=["units"], sites="a").provenance
    assert {key: made[key] for key in ("provider", "optimisation", "capacity", "seed", "units")} == {
        "provider": "CPUExecutionProvider",
        "optimisation": "all",
        "capacity": 77,
        "seed": 3,
        "units": "channel",
    }
    assert (made["measures"], made["sites"]) == (("units",), ("a",))
    assert len(made["sha256"]) == 64
    assert {"relucid", "onnxruntime"} <= set(made)


def test_a_limit_of_zero_is_rejected() -> None:
    with pytest.raises(OptionError):
        analyze(CHAIN, samples(5), limit=0)
