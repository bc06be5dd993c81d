"""Conditions evaluate as Python would, never fire on unknown values, and anything else is rejected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relucid.analyzer.errors import OptionError
from relucid.analyzer.report import Report, SiteReport, expression
from relucid.analyzer.report.condition import VOCABULARIES, Condition

numbers = st.sampled_from(["a", "b", "0", "1", "0.5", "2.25"])
arithmetic = st.recursive(
    numbers,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map("-{}".format),
    ),
    max_leaves=4,
)
chains = st.lists(st.tuples(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), arithmetic), min_size=1, max_size=2)
comparisons = st.tuples(arithmetic, chains).map(lambda p: p[0] + "".join(f" {op} {right}" for op, right in p[1]))
truths = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda parts: f"({' '.join(parts)})"),
        inner.map("not ({})".format),
    ),
    max_leaves=5,
)
values = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.25, 3.0])


@given(truths, values, values)
def test_evaluates_as_python(text, a, b):
    known = {"a": a, "b": b}
    assert expression.evaluate(expression.parse(text), known.get) is eval(text, {}, known)


@given(truths, values)
def test_a_known_result_holds_for_every_value_of_the_unknown_number(text, b):
    tree = expression.parse(text)
    result = expression.evaluate(tree, {"a": None, "b": b}.get)
    possible = {eval(text, {}, {"a": a, "b": b}) for a in (-7.5, -1.0, 0.0, 0.3, 0.5, 1.0, 2.25, 9.5)}
    assert result is None or possible == {result}


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "dead_units > (lambda: 1)()",
        "dead_units.real > 0",
        "dead_units[0] > 0",
        "[1] > [0]",
        "'a' > 'b'",
        "True",
        "True > 0",
        "1j > 0",
        "vni ** 2 > 1",
        "vni // 2 > 1",
        "vni % 2 > 1",
        "vni & 1 > 1",
        "~units > 0",
        "vni is None",
        "units in samples",
        "units if vni > 0 else samples",
        "(units := 3) > 2",
        "units > True",
        "units > 2, vni > 1",
        "{units > 2}",
        "f'{units}' > 2",
        "units >",
        "units > 0) or (vni > 0",
        "dead_units > 0.2 dead_units",
        "",
        "# comment",
        "units > 0\x00",
        "units > \ud800",
        "1e999 > units",
        "9" * 900 + " > units",
        "(" * 500 + "units" + ")" * 500 + " > 0",
        "-" * 900 + "units > 0",
        "units" + " > 0" * 400,
        "units + (vni > 0.5) > 1",
        "not units",
        "units and vni > 0.5",
        "units",
        "1 < 2",
        "dead_unit > 0.2",
        "unit_class == 1",
        "first_dead > 1",
        "separated == 1",
    ],
)
def test_invalid_conditions_are_rejected_in_one_line(text):
    with pytest.raises(OptionError) as caught:
        Condition.parse(text)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_lists_similar_names():
    with pytest.raises(OptionError, match=r"no value 'dead_unit'; did you mean .*'dead_units'"):
        Condition.parse("dead_unit > 0.2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dead_units > 20", "never true of dead_units.*0.2 for 20 %, or use dead_unit_count"),
        ("20 < dead_units", "never"),
        ("dead_units > 1", "never"),
        ("dead_units >= 0", "always"),
        ("dead_units < 0", "never"),
        ("dead_units == 1.5", "never"),
        ("dead_units != -1", "always"),
        ("dead_units < 2 * 3", "always"),
        ("vni <= 1", "always true of vni"),
        ("accuracy < 90", "always true of accuracy"),
        ("patterns > 5 or not dead_points > 3", "never"),
        ("0 <= vni < 0.5", "always"),
        ("dead_sites > 1", "never.*dead_site_count"),
    ],
)
def test_comparisons_of_shares_with_a_constant_result_are_rejected(text, message):
    with pytest.raises(OptionError, match=message):
        Condition.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "dead_units > 0",
        "dead_units <= 0",
        "dead_units == 1",
        "dead_units == 0.123",
        "dead_units >= 1",
        "vni < 1",
        "patterns > 5",
        "dead_units != 0.123",
    ],
)
def test_shares_can_be_compared_with_0_and_1(text):
    assert Condition.parse(text).text == text


@pytest.mark.parametrize(
    ("text", "sites"),
    [
        ("dead_units > 0.09", ("block1.act1", "block2.act1", "head.act")),
        ("dead_unit_ratio > 0.09", ("block1.act1", "block2.act1", "head.act")),
        ("dead_unit_count > 3", ("block2.act1", "head.act")),
        ("dead_points == 2 / 360", ("stem.act", "block1.act1", "block1.act2", "block2.act1", "head.act")),
        ("dead_point_count > 2", ()),
        ("dead_points_count > 2", None),
        ("patterns > 1000000", ("block1.act2",)),
        ("vni > 0.2", ("stem.act", "block1.act2", "head.act")),
        ("not vni <= 0.2", ("stem.act", "block1.act2", "head.act")),
        ("vni > 0.2 or dead_units == 1", ("stem.act", "block1.act2", "block2.act1", "head.act")),
        ("effective_units < units / 2", ()),
        ("effective_units < 0.8 * units", ("block1.act2", "head.act")),
        ("units / linear_unit_count > 17", ("head.act",)),
        ("accuracy < 0.99", ("the network",)),
        ("accuracy < 0.9", ()),
        ("dead_sites > 0", ("the network",)),
        ("dead_sites == 1 / 5", ("the network",)),
        ("dead_site_count == 1", ("the network",)),
        ("dead_points_somewhere > 8", ("the network",)),
        ("accuracy < 0.99 and units > 64", ("head.act",)),
        ("nonfinite_values > 0", ("head.act",)),
    ],
)
def test_firing(usual, text, sites):
    if sites is None:
        with pytest.raises(OptionError):
            Condition.parse(text)
    else:
        assert Condition.parse(text).firing(usual) == sites


def test_every_numeric_value_is_a_name():
    for name in VOCABULARIES["report"]:
        assert Condition.parse(f"{name} > 0.5 or {name} < 0.25").names == (name,)


def test_a_value_that_the_report_lacks_is_an_error(usual):
    for text in ("mutual_information > 1", "global_patterns > 1"):
        with pytest.raises(OptionError, match="request its measure"):
            Condition.parse(text).firing(usual)
    with pytest.raises(OptionError, match="a report with accuracy, got none"):
        Condition.parse("accuracy < 0.9").firing(Report(usual.sites))


def test_a_value_undefined_at_every_site_gets_a_note():
    report = Report((SiteReport("act", "relu", {"units": 1, "vni": None}),))
    condition = Condition.parse("vni > 0.5 or units > 5")
    assert condition.firing(report) == ()
    assert len(condition.notes(report)) == 1
    assert "vni" in condition.notes(report)[0]


def test_a_report_without_sites_does_not_fire():
    assert Condition.parse("dead_units > 0.2").firing(Report(())) == ()


def test_a_value_defined_at_some_site_gets_no_note(usual):
    assert Condition.parse("vni > 0.5").notes(usual) == ()
