"""Taking in beside the next run: in order, one run at a time, and as a whole or not at all."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from relucid.analyzer.runtime import background_merge as module
from relucid.analyzer.runtime.background_merge import BackgroundMerger

from ..interrupts import broken_off

SITES = 6
LONG = 10.0


@pytest.fixture(params=[1, 2, 9])
def intake(request: pytest.FixtureRequest) -> Iterator[BackgroundMerger]:
    with ThreadPoolExecutor(request.param) as pool:
        yield BackgroundMerger(pool, request.param)


def broken() -> None:
    raise ValueError("does not merge")


def test_every_site_sees_the_runs_in_order_and_never_two_at_once(intake: BackgroundMerger) -> None:
    seen: list[tuple[int, int | str]] = []

    def keep(run: int, site: int) -> Callable[[], None]:
        return lambda: (time.sleep(0.0005 * ((run + site) % 3)), seen.append((run, site)))[1]

    for run in range(10):
        intake.start([keep(run, site) for site in range(SITES)], lambda run=run: seen.append((run, "all")))
    intake.finish()
    assert [run for run, _ in seen] == [run for run in range(10) for _ in range(SITES + 1)]
    for run in range(10):
        its = [site for number, site in seen if number == run]
        assert sorted(its[:-1]) == list(range(SITES))
        assert its[-1] == "all"


def test_who_begins_goes_on_before_all_is_taken_in(intake: BackgroundMerger) -> None:
    gone_on, taken = Event(), []
    intake.start([lambda: taken.append(gone_on.wait(LONG))] * SITES, lambda: taken.append("all"))
    assert taken == []
    gone_on.set()
    intake.finish()
    assert taken == [True] * SITES + ["all"]


def test_a_site_that_fails_is_told_and_keeps_no_other_from_being_taken_in(intake: BackgroundMerger) -> None:
    taken: list[object] = []
    intake.start(
        [broken, *(lambda site=site: taken.append(site) for site in range(SITES))], lambda: taken.append("all")
    )
    with pytest.raises(ValueError, match="does not merge"):
        intake.finish()
    assert sorted(map(str, taken)) == [str(site) for site in range(SITES)]
    intake.finish()
    assert "all" not in taken


def test_a_run_broken_off_as_it_begins_is_taken_in_whole_and_once(intake: BackgroundMerger) -> None:
    """The signal arrives when some of the workers have been woken."""
    taken: list[object] = []
    submit, asked = intake.pool.submit, []

    def breaks(*job: Any) -> Future[Any]:
        asked.append(job)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return submit(*job)

    intake.pool.submit = breaks  # type: ignore[method-assign]
    keep = [lambda site=site: taken.append(site) for site in range(SITES)]
    try:
        intake.start(keep, lambda: taken.append("all"))
    except KeyboardInterrupt:
        assert len(asked) == 2
    intake.finish()
    assert sorted(taken[:-1]) == list(range(SITES))
    assert taken[-1] == "all"


def test_a_run_broken_off_while_it_is_waited_for_is_taken_in_first(
    intake: BackgroundMerger, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[object] = []
    monkeypatch.setattr(module, "wait", broken_off(module.wait, at=1))
    keep = [lambda site=site: (time.sleep(0.01), taken.append(site))[1] for site in range(SITES)]
    intake.start(keep, lambda: taken.append("all"))
    with pytest.raises(KeyboardInterrupt):
        intake.finish()
    assert sorted(taken[:-1]) == list(range(SITES))
    assert taken[-1] == "all"
