"""When ActCooLR measures and fits: 1, 2, 4 ... steps apart after a fit, and never much more often than `every`."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from relucid.plugins.torch.actcoolr.rule import MeasureSchedule


def measure_steps(
    schedule: MeasureSchedule, steps: range, *, every: int, fits: frozenset[int] = frozenset()
) -> tuple[list[int], MeasureSchedule]:
    """Return the measured steps of a range with fits before some of them, and the schedule after it."""
    found = []
    for step in steps:
        if step in fits:
            schedule = schedule.after_fit(step, every=every)
        if step >= schedule.due:
            schedule = schedule.after_measurement(step, every=every)
            found.append(step)
    return found, schedule


@given(every=st.integers(1, 40), at=st.integers(0, 200))
def test_after_a_fit_the_looks_are_1_2_4_apart_up_to_every(every, at):
    _, schedule = measure_steps(MeasureSchedule(), range(at), every=every, fits=frozenset({0}))
    settled = schedule.gap == every or at == 0
    steps, _ = measure_steps(schedule, range(at, at + 4 * every + 1), every=every, fits=frozenset({at}))
    gaps = [min(2**k, every) for k in range(len(steps) - 1)]
    if settled:
        assert steps == [at + sum(gaps[:k]) for k in range(len(steps))]
    assert at + 4 * every - steps[-1] < every


@given(every=st.integers(1, 16), fits=st.sets(st.integers(0, 99)))
def test_however_often_there_are_fits_the_looks_are_few(every, fits):
    """One for each fit, and for repeated fits at most as many more as a cycle of gaps 1, 2 ... every has."""
    steps, _ = measure_steps(MeasureSchedule(), range(100), every=every, fits=frozenset({0, *fits}))
    doublings = (every - 1).bit_length()
    cycle = sum(min(2**k, every) for k in range(doublings + 1))
    assert len(set(steps) - fits) <= (doublings + 1) * (100 / cycle + 1) + 100 / every
    assert fits <= {*steps}


@given(every=st.integers(1, 40))
def test_fits_that_tell_nothing_are_made_again_ever_more_rarely(every):
    schedule, fits = MeasureSchedule(), []
    for step in range(200):
        if step >= schedule.fit_due:
            schedule = schedule.after_failed_fit(step, every=every)
            fits.append(step)
    assert fits[:2] == [0, 1]
    assert [b - a for a, b in pairwise(fits)] == [min(2**k, every) for k in range(len(fits) - 1)]
    assert schedule.failed == schedule.fits == len(fits)
    last = MeasureSchedule(due=200, gap=1, fits=len(fits) + 1, failed=0, fit_due=schedule.fit_due)
    assert schedule.after_fit(200, every=every) == last
