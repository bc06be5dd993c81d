"""Co-moments accumulated over many blocks against numpy on all rows at once, whatever the sizes of the blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relucid.analyzer.errors import StateError
from relucid.analyzer.runtime.tap_accumulator import runtime_product
from relucid.analyzer.stats import Block, CoMoment
from relucid.analyzer.stats.covariance import CovarianceAccumulator, product


def check(accumulator: CovarianceAccumulator, rows: np.ndarray) -> None:
    count, mean, m2 = accumulator.total()
    assert count == len(rows)
    scale = float(np.abs(rows).max()) + 1
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=0, atol=1e-12 * scale)
    centred = rows - rows.mean(axis=0)
    np.testing.assert_allclose(m2, centred.T @ centred, rtol=0, atol=1e-12 * scale**2 * len(rows))
    assert (m2 == m2.T).all()


@st.composite
def blocks_of_one_site(draw: st.DrawFn) -> list[np.ndarray]:
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
@given(blocks=blocks_of_one_site(), rectify=st.booleans())
def test_many_blocks_equal_one(multiply, stack: int, blocks: list[np.ndarray], rectify: bool) -> None:
    rows = np.concatenate([block.reshape(-1, block.shape[2]) for block in blocks]).astype(np.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("relucid.analyzer.stats.covariance.STACK_VALUES", stack)
        accumulator = CovarianceAccumulator(rows.shape[1], product=multiply)
        for block in blocks:
            accumulator.add(block, rectify=rectify)
    check(accumulator, np.maximum(rows, 0) if rectify else rows)
    accumulator.add(blocks[0], rectify=rectify)  # more may be added after a total
    assert accumulator.total()[0] == len(rows) + blocks[0].shape[0] * blocks[0].shape[1]


def test_pending_rows_do_not_change_with_the_tap() -> None:
    for rectify in (False, True):
        tap = np.arange(6, dtype=np.float32).reshape(2, 1, 3)
        accumulator = CovarianceAccumulator(3)
        accumulator.add(tap, rectify=rectify)
        tap[:] = -7
        assert accumulator.total()[1].tolist() == [1.5, 2.5, 3.5]


def test_a_constant_unit_has_exactly_no_variance_in_any_number_of_blocks() -> None:
    accumulator = CovarianceAccumulator(2)
    for samples in (3, 1, 70_000, 5):
        accumulator.add(np.full((samples, 3, 2), 0.1, dtype=np.float32))
    assert accumulator.total()[1].tolist() == [float(np.float32(0.1))] * 2
    assert not accumulator.total()[2].any()


def test_another_number_of_units_is_refused_and_changes_nothing() -> None:
    accumulator = CovarianceAccumulator(3)
    accumulator.add(np.ones((2, 1, 3)))
    with pytest.raises(StateError, match="units in both parts, got 3 and 2"):
        accumulator.add(np.ones((1, 1, 2)))
    assert accumulator.total()[0] == 2


def test_a_returned_total_does_not_change_when_more_is_added() -> None:
    accumulator = CovarianceAccumulator(3)
    CoMoment.accumulate(Block(np.eye(3)[:, None]), accumulator)
    before = CoMoment(*accumulator.total())
    m2, mean = before.m2.copy(), before.mean.copy()
    accumulator.add(np.full((200_000, 1, 3), 9.0))
    accumulator.total()
    assert (before.m2 == m2).all()
    assert (before.mean == mean).all()
