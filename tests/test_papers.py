"""Numbers printed in the papers, or that follow from what they print, computed with our functions."""

import importlib
import re
from math import comb
from pathlib import Path

import numpy as np
import pytest

from relucid.analyzer.measures import jumpstart, vanishing_nodes
from relucid.analyzer.measures import pattern_counts as measure
from relucid.analyzer.stats import Block, CoMoment, Patterns, PreactivationCoMoment, UnitRanges

INDEX = Path(__file__).parents[1] / "docs" / "papers.md"


def test_jumpstart_dead_layers_by_chance() -> None:
    """Section 3 with p = 1/2, width 4, depth 50: as printed 1.0, the probability of a dead unit; corrected 0.960."""
    printed = 1 - np.prod([(1 - 0.5) ** 4] * 50)
    assert printed == pytest.approx(1.0)
    assert jumpstart.probability_of_dead_layer(0.5, [4] * 50) == pytest.approx(1 - (15 / 16) ** 50)
    assert round(jumpstart.probability_of_dead_layer(0.5, [4] * 50), 3) == 0.960


def test_jumpstart_figure_1_one_unit_and_one_point_of_each_kind() -> None:
    """Figure 1: dead, linear and nonlinear unit over three inputs; (3) and (4) as printed keep units nonlinear."""
    g = np.array([[[-3.0, 1.0, -1.0]], [[-1.0, 2.0, 1.0]], [[0.0, 0.1, 5.0]]])
    extents = UnitRanges.of(Block(g))
    assert jumpstart.unit_classes(extents).tolist() == ["dead", "linear", "nonlinear"]
    above, below, _, _ = jumpstart.satisfied(g)
    assert (above & below).tolist() == [False, False, True]


@pytest.mark.parametrize("N", [6, 50, 100, 500])
def test_vni_ranges_from_one_over_n_to_one_and_leaves_n_to_one_effective_nodes(N: int) -> None:
    """Thesis, below (3.7), and section 3.3: R = 1/N leaves all N nodes, R = 1 a single one."""
    assert vanishing_nodes.vni(np.eye(N)) == pytest.approx(1 / N)
    assert vanishing_nodes.vni(np.ones((N, N))) == pytest.approx(1)
    assert vanishing_nodes.effective_units(1 / N, N) == pytest.approx(N)
    assert vanishing_nodes.effective_units(1.0, N) == pytest.approx(1)


def test_vni_of_finite_data_has_a_floor_of_1_n_plus_1_m() -> None:
    """Independent nodes, N = 300, M = 1000: 0.0043 where the covariance itself gives 0.0033."""
    x = np.random.default_rng(0).standard_normal((1000, 1, 300))
    C = PreactivationCoMoment.of(Block(x)).covariance
    assert round(vanishing_nodes.vni(C), 4) == 0.0043
    assert round(1 / 300, 4) == 0.0033


@pytest.mark.parametrize(("name", "mu1"), [("linear", 1.0), ("hard-tanh", None)])
@pytest.mark.parametrize("L", [5, 20])
def test_vni_grows_with_depth_as_3_7_says(name: str, mu1: float | None, L: int) -> None:
    """(3.7) for scaled Gaussian weights, s_1 = -1: R = 1/N + L/N mu_2 / mu_1^2, with data as in figure 3.2."""
    N, M, runs = 200, 1000, 4
    random = np.random.default_rng(L)
    found, ratios = [], []
    for _ in range(runs):
        x = random.normal(0, np.sqrt(0.1), (M, N))
        slopes = []
        for _ in range(L):
            z = x @ random.normal(0, 1 / np.sqrt(N), (N, N))
            x = z if mu1 else np.clip(z, -1, 1)
            slopes.append(1.0 if mu1 else np.mean(np.abs(z) < 1))
        found.append(vanishing_nodes.vni(CoMoment.of(Block(z[:, None], h=x[:, None])).covariance) - 1 / M)
        # phi' is 0 or 1, hence mu_2 = mu_1 and mu_2 / mu_1^2 = 1 / mu_1.
        ratios.append(np.mean(1 / np.array(slopes)))
    predicted = 1 / N + L / N * np.mean(ratios)
    assert np.mean(found) == pytest.approx(predicted, rel=0.12)


@pytest.mark.parametrize("D", [2, 3, 8, 15])
def test_without_bias_d_lines_in_the_plane_cut_2d_cells(D: int) -> None:
    """Thesis, proposition 1, counted exactly: 2 sum_(n < d) C(D - 1, n) cells through the origin; in the plane 2 D."""
    angles = np.linspace(0, 2 * np.pi, 20_001)[:-1] + 1e-4
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    w = np.random.default_rng(D).standard_normal((2, D))
    cells = measure.total(Patterns.of(Block((x @ w)[:, None])))
    assert cells == 2 * sum(comb(D - 1, n) for n in range(2)) == 2 * D
    assert cells <= 2**D


@pytest.mark.parametrize("D", [1, 2, 3, 5])
def test_with_bias_d_lines_in_general_position_cut_as_many_cells_as_the_plane_allows(D: int) -> None:
    """Thesis, proposition 1, as an exact count: sum_(n <= d) C(D, n) cells of D lines in general position."""
    random = np.random.default_rng(0)
    w = np.stack([np.cos(np.arange(D)), np.sin(np.arange(D))]) + 0.01 * random.standard_normal((2, D))
    grid = np.stack(np.meshgrid(*[np.linspace(-9, 9, 700)] * 2), axis=-1).reshape(-1, 2)
    cells = measure.total(Patterns.of(Block((grid @ w + 0.3 * random.standard_normal(D))[:, None])))
    assert cells == sum(comb(D, n) for n in range(3))


def test_pattern_entropy_reaches_the_maxima_of_3_10() -> None:
    """(3.10): all 2^d patterns equally often give H = d, N different ones log2 N; both are the most there is."""
    every = ((np.arange(16)[:, None] >> np.arange(4)) & 1) - 0.5
    c = Patterns.of(Block(np.repeat(every, 5, axis=0)[:, None]))
    assert measure.entropy(c) == pytest.approx(4)
    assert measure.relative_entropy(c) == pytest.approx(1)
    few = Patterns.of(Block(np.where(np.eye(7, 20) > 0, 1.0, -1.0)[:, None]))
    assert measure.entropy(few) == pytest.approx(np.log2(7))
    assert measure.relative_entropy(few) == pytest.approx(1)


def index_rows() -> list[list[str]]:
    rows = [line.strip("| ").split(" | ") for line in INDEX.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if re.fullmatch(r"[A-Z]-\d+", row[0].strip())]


@pytest.mark.parametrize("row", index_rows(), ids=lambda row: row[0])
def test_the_index_names_functions_and_tests_that_exist(row: list[str]) -> None:
    """docs/papers.md: `| id | what | function, ... | test file::test, ... |`, names relative to the package."""
    _, _, functions, tests = row
    for name in re.findall(r"`([\w.]+)`", functions):
        module, _, attribute = name.rpartition(".")
        try:
            holder = importlib.import_module(f"relucid.{module}")
        except ModuleNotFoundError:
            module, _, owner = module.rpartition(".")
            holder = getattr(importlib.import_module(f"relucid.{module}"), owner)
        assert hasattr(holder, attribute), name
    for path, test in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", tests):
        assert f"def {test}(" in (INDEX.parent.parent / path).read_text(encoding="utf-8"), f"{path}::{test}"
    assert functions.count("`") >= 2
    assert "::" in tests


def test_the_index_has_one_row_for_each_capability() -> None:
    names = [row[0] for row in index_rows()]
    assert len(set(names)) == len(names)
