"""Sites and inputs of two models matched: by name, else by order, else an error that lists both."""

import numpy as np
import pytest

from relucid.analyzer.compare.matching import count_units, match_inputs, match_sites
from relucid.analyzer.compare.site_changes import SiteChanges
from relucid.analyzer.data import InputSpec
from relucid.analyzer.errors import ModelError
from relucid.analyzer.sites import Site
from relucid.analyzer.stats import Nonfinite


def site(name: str, units: int | str | None = None, kind: str = "relu") -> Site:
    return Site(name, "z", kind, 1, shape=None if units is None else ("N", units))


def spec(name: str, *shape: int | str | None, dtype: str = "f4", axis: int | None = 0) -> InputSpec:
    return InputSpec(name, np.dtype(dtype), shape, axis)


A = ("a", [site("one", 7), site("two", 5)])


def pairs_of(*others: tuple[str, list[Site]]) -> list[tuple[str, ...]]:
    matches, _ = match_sites([A, *others])
    return [tuple(each.name for each in match) for match in matches]


def test_by_name_in_whatever_order_they_come() -> None:
    assert pairs_of(("b", [site("two", 5), site("one", 7)])) == [("one", "one"), ("two", "two")]
    assert match_sites([A, A])[1] == ()


def test_by_order_where_names_differ_and_it_is_said() -> None:
    b = ("b", [site("x", 7), site("y", 5)])
    matches, notes = match_sites([A, A, b])
    assert [tuple(each.name for each in match) for match in matches] == [("one", "one", "x"), ("two", "two", "y")]
    assert notes == ("Sites are matched by order, as a and b name them differently: one with x, two with y.",)


def test_one_name_in_common_is_not_by_name() -> None:
    """Half by name and half by order could pair the wrong sites without a word."""
    assert pairs_of(("b", [site("two", 7), site("one more", 5)])) == [("one", "two"), ("two", "one more")]


@pytest.mark.parametrize(
    "sites",
    [
        [site("one", 7)],
        [site("one", 7), site("two", 6)],
        [site("x", 5), site("y", 7)],
        [site("one", 7), site("two", 5), site("three", 5)],
    ],
)
def test_what_does_not_match_is_an_error_that_lists_both(sites: list[Site]) -> None:
    with pytest.raises(ModelError) as refusal:
        match_sites([A, ("b", sites)])
    text = str(refusal.value)
    assert "a has 2: one (7 units), two (5 units)" in text
    assert f"b has {len(sites)}: " in text
    assert all(each.name in text for each in sites)
    assert "--sites" in text
    assert "\n" not in text


def test_units_that_no_shape_tells_match_any() -> None:
    assert count_units(site("x")) is count_units(site("x", "width")) is None
    assert pairs_of(("b", [site("x"), site("y", "width")])) == [("one", "x"), ("two", "y")]


def test_kinds_may_differ_and_are_both_told() -> None:
    def kind(*sites: Site) -> str:
        return SiteChanges(sites, Nonfinite(0, 0, 0), states=(), changes={}).kind

    assert kind(site("a", 7), site("a", 7)) == "relu"
    assert kind(site("a", 7), site("a", 7, "gelu")) == "relu -> gelu"


@pytest.mark.parametrize(
    ("mine", "theirs", "found"),
    [
        ([spec("x", "N", 6)], [spec("x", "N", 6)], {"x": "x"}),
        ([spec("x", "N", 6)], [spec("x", 4, 6)], {"x": "x"}),
        ([spec("x", "N", "H")], [spec("x", "batch", 6)], {"x": "x"}),
        ([spec("x", "N", 6)], [spec("x", "N", 6, dtype="f2")], {"x": "x"}),
        ([spec("x", "N", 6)], [InputSpec("x", np.dtype("f4"), None, 0)], {"x": "x"}),
        ([spec("x", "N", 6), spec("y", "N", 2)], [spec("y", "N", 2), spec("x", "N", 6)], {"y": "y", "x": "x"}),
        ([spec("x", "N", 6), spec("y", "N", 2)], [spec("p", "N", 6), spec("q", "N", 2)], {"p": "x", "q": "y"}),
    ],
)
def test_inputs_that_take_the_same_data(mine: list[InputSpec], theirs: list[InputSpec], found: dict[str, str]) -> None:
    inputs, notes = match_inputs(("a", mine), ("b", theirs))
    assert inputs == found
    assert bool(notes) == any(name != partner for name, partner in found.items())


@pytest.mark.parametrize(
    "theirs",
    [
        [spec("x", "N", 7)],
        [spec("x", "N", 6, 1)],
        [spec("x", "N", 6, dtype="i8")],
        [spec("x", "N", 6), spec("y", "N", 6)],
        [spec("x", 6, "N", axis=1)],
        [],
    ],
)
def test_inputs_that_want_other_data_are_one_line(theirs: list[InputSpec]) -> None:
    with pytest.raises(ModelError, match=r"with the same inputs, got a has x float32 \(N, 6\); b has") as refusal:
        match_inputs(("a", [spec("x", "N", 6)]), ("b", theirs))
    assert "\n" not in str(refusal.value)


def test_inputs_matched_by_order_are_told() -> None:
    _, notes = match_inputs(("a", [spec("x", "N", 6)]), ("b", [spec("image", "N", 6)]))
    assert notes == ("Inputs are matched by order, as a and b name them differently: x with image.",)
