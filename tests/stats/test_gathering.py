"""Co-moments gathered from many runs against numpy on all rows at once: how many wait, and for whom, never shows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relucid.analyzer.errors import StateError
from relucid.analyzer.runtime.tap_accumulator import runtime_product
from relucid.analyzer.stats import Block, CoMoment
from relucid.analyzer.stats.covariance import CovarianceAccumulator, product


def check(seen: CovarianceAccumulator, rows: np.ndarray) -> None:
    count, mean, m2 = seen.total()
    assert count == len(rows)
    scale = float(np.abs(rows).max()) + 1
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=0, atol=1e-12 * scale)
    centred = rows - rows.mean(axis=0)
    np.testing.assert_allclose(m2, centred.T @ centred, rtol=0, atol=1e-12 * scale**2 * len(rows))
    assert (m2 == m2.T).all()


@st.composite
def runs(draw: st.DrawFn) -> list[np.ndarray]:
    """Blocks (sample, position, unit) of one number of units, in either memory order, far from 0 and drifting."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    units, dtype = draw(st.sampled_from([1, 3, 64, 65, 130])), draw(st.sampled_from(["f4", "f8"]))
    offset = draw(st.sampled_from([0.0, 100.0]))
    found = []
    for number in range(draw(st.integers(1, 6))):
        shape = draw(st.integers(1, 40)), units, draw(st.integers(1, 9))
        z = (random.standard_normal(shape) + offset * number).astype(dtype).transpose(0, 2, 1)
        found.append(z if draw(st.booleans()) else np.ascontiguousarray(z))
    return found


@pytest.mark.parametrize("multiply", [product, runtime_product()], ids=["numpy", "runtime"])
@pytest.mark.parametrize("stack", [1, 500, 2**18])
@settings(max_examples=25)
@given(blocks=runs(), rectify=st.booleans())
def test_all_runs_together_are_one(multiply, stack: int, blocks: list[np.ndarray], rectify: bool) -> None:
    rows = np.concatenate([block.reshape(-1, block.shape[2]) for block in blocks]).astype(np.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("relucid.analyzer.stats.covariance.STACK", stack)
        seen = CovarianceAccumulator(rows.shape[1], product=multiply)
        for block in blocks:
            seen.add(block, rectify=rectify)
    check(seen, np.maximum(rows, 0) if rectify else rows)
    seen.add(blocks[0], rectify=rectify)  # nothing was used up by asking
    assert seen.total()[0] == len(rows) + blocks[0].shape[0] * blocks[0].shape[1]


def test_rows_that_wait_do_not_change_with_the_tap_they_were_read_from() -> None:
    for rectify in (False, True):
        tap = np.arange(6, dtype=np.float32).reshape(2, 1, 3)
        seen = CovarianceAccumulator(3)
        seen.add(tap, rectify=rectify)
        tap[:] = -7
        assert seen.total()[1].tolist() == [1.5, 2.5, 3.5]


def test_a_constant_unit_has_exactly_no_variance_however_many_runs() -> None:
    seen = CovarianceAccumulator(2)
    for samples in (3, 1, 70_000, 5):
        seen.add(np.full((samples, 3, 2), 0.1, dtype=np.float32))
    assert seen.total()[1].tolist() == [float(np.float32(0.1))] * 2
    assert not seen.total()[2].any()


def test_another_number_of_units_is_refused_and_nothing_of_it_kept() -> None:
    seen = CovarianceAccumulator(3)
    seen.add(np.ones((2, 1, 3)))
    with pytest.raises(StateError, match="3 and of 2 units"):
        seen.add(np.ones((1, 1, 2)))
    assert seen.total()[0] == 2


def test_a_total_stays_what_it_was_while_more_is_gathered() -> None:
    seen = CovarianceAccumulator(3)
    CoMoment.gather(Block(np.eye(3)[:, None]), seen)
    before = CoMoment(*seen.total())
    m2, mean = before.m2.copy(), before.mean.copy()
    seen.add(np.full((200_000, 1, 3), 9.0))
    seen.total()
    assert (before.m2 == m2).all()
    assert (before.mean == mean).all()
