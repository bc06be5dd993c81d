"""The vanishing node indicator against numpy.corrcoef, the spectrum, and its own two forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relucid.analyzer.measures import vanishing_nodes
from relucid.analyzer.stats import Block, CoMoment, PreactivationCoMoment


def covariance(seed: int, units: int, constant: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    x = random.standard_normal((30, units)) @ random.standard_normal((units, units)) * 10.0 ** random.integers(-9, 9)
    x[:, :constant] = 3
    return np.atleast_2d(np.cov(x.T, bias=True))


@given(st.integers(0, 2**31), st.integers(1, 9), st.integers(0, 9))
def test_the_two_forms_agree_also_with_constant_units(seed: int, units: int, constant: int) -> None:
    C = covariance(seed, units, constant)
    if constant >= units:
        assert vanishing_nodes.vni(C) is None
        assert vanishing_nodes.vni_by_correlations(C) is None
    else:
        assert vanishing_nodes.vni(C) == pytest.approx(vanishing_nodes.vni_by_correlations(C), rel=1e-12)


@given(st.integers(0, 2**31), st.integers(2, 9))
def test_squared_correlations_are_those_of_numpy(seed: int, units: int) -> None:
    x = np.random.default_rng(seed).standard_normal((30, units))
    C = np.cov(x.T, bias=True)
    np.testing.assert_allclose(vanishing_nodes.squared_correlations(C), np.corrcoef(x.T) ** 2, atol=1e-12)


@given(st.integers(0, 2**31), st.integers(1, 9))
def test_vni_is_the_inverse_participation_ratio_of_the_spectrum(seed: int, units: int) -> None:
    C = covariance(seed, units, 0)
    eigenvalues = np.linalg.eigvalsh(C)
    R = vanishing_nodes.vni(C)
    assert pytest.approx((eigenvalues**2).sum() / eigenvalues.sum() ** 2, rel=1e-9) == R
    assert R is not None
    assert 1 / units - 1e-12 <= R <= 1 + 1e-12
    assert 1 - 1e-9 <= vanishing_nodes.effective_units(R, units) <= units + 1e-9


def test_no_correlation_is_one_over_n_and_full_correlation_is_one() -> None:
    assert vanishing_nodes.vni(np.eye(7)) == pytest.approx(1 / 7)
    assert vanishing_nodes.vni(np.ones((7, 7))) == pytest.approx(1)


def test_the_measure_reads_activations_or_preactivations() -> None:
    z = np.random.default_rng(0).standard_normal((50, 2, 4))
    rows = z.reshape(-1, 4)
    for values, name, x in (
        (vanishing_nodes.node_redundancy(CoMoment.of(Block(z))), "vni", np.maximum(rows, 0)),
        (vanishing_nodes.preactivation_redundancy(PreactivationCoMoment.of(Block(z))), "preactivation_vni", rows),
    ):
        C = np.cov(x.T, bias=True)
        R = np.trace(C @ C.T) / np.trace(C) ** 2
        assert values[name] == pytest.approx(R)
        assert values[name.replace("vni", "effective_units")] == pytest.approx(4 * (1 - R) + 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_site_whose_units_are_all_constant_has_none(dtype: type) -> None:
    state = CoMoment.of(Block(np.full((90, 3, 5), 0.1, dtype=dtype)))
    assert vanishing_nodes.node_redundancy(state) == {"vni": None, "effective_units": None}
