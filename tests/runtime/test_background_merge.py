"""Merging in the background: in order, one run at a time, and completely or not at all."""

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
def merger(request: pytest.FixtureRequest) -> Iterator[BackgroundMerger]:
    with ThreadPoolExecutor(request.param) as pool:
        yield BackgroundMerger(pool, request.param)


def broken() -> None:
    raise ValueError("does not merge")


def test_every_site_merges_the_runs_in_order_and_never_two_at_once(merger: BackgroundMerger) -> None:
    seen: list[tuple[int, int | str]] = []

    def keep(run: int, site: int) -> Callable[[], None]:
        return lambda: (time.sleep(0.0005 * ((run + site) % 3)), seen.append((run, site)))[1]

    for run in range(10):
        merger.start([keep(run, site) for site in range(SITES)], lambda run=run: seen.append((run, "all")))
    merger.finish()
    assert [run for run, _ in seen] == [run for run in range(10) for _ in range(SITES + 1)]
    for run in range(10):
        its = [site for number, site in seen if number == run]
        assert sorted(its[:-1]) == list(range(SITES))
        assert its[-1] == "all"


def test_start_returns_before_the_run_is_merged(merger: BackgroundMerger) -> None:
    gone_on, taken = Event(), []
    merger.start([lambda: taken.append(gone_on.wait(LONG))] * SITES, lambda: taken.append("all"))
    assert taken == []
    gone_on.set()
    merger.finish()
    assert taken == [True] * SITES + ["all"]


def test_a_site_that_fails_raises_and_the_other_sites_are_merged(merger: BackgroundMerger) -> None:
    taken: list[object] = []
    merger.start(
        [broken, *(lambda site=site: taken.append(site) for site in range(SITES))], lambda: taken.append("all")
    )
    with pytest.raises(ValueError, match="does not merge"):
        merger.finish()
    assert sorted(map(str, taken)) == [str(site) for site in range(SITES)]
    merger.finish()
    assert "all" not in taken


def test_a_run_interrupted_at_its_start_is_merged_completely_and_once(merger: BackgroundMerger) -> None:
    """The signal arrives when some of the workers have been woken."""
    taken: list[object] = []
    submit, asked = merger.pool.submit, []

    def breaks(*job: Any) -> Future[Any]:
        asked.append(job)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return submit(*job)

    merger.pool.submit = breaks  # type: ignore[method-assign]
    keep = [lambda site=site: taken.append(site) for site in range(SITES)]
    try:
        merger.start(keep, lambda: taken.append("all"))
    except KeyboardInterrupt:
        assert len(asked) == 2
    merger.finish()
    assert sorted(taken[:-1]) == list(range(SITES))
    assert taken[-1] == "all"


def test_a_run_interrupted_during_the_wait_is_merged_first(
    merger: BackgroundMerger, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[object] = []
    monkeypatch.setattr(module, "wait", broken_off(module.wait, at=1))
    keep = [lambda site=site: (time.sleep(0.01), taken.append(site))[1] for site in range(SITES)]
    merger.start(keep, lambda: taken.append("all"))
    with pytest.raises(KeyboardInterrupt):
        merger.finish()
    assert sorted(taken[:-1]) == list(range(SITES))
    assert taken[-1] == "all"
