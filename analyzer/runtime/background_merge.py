"""Taking in what a run showed, by other threads, while the runtime is at the next run."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

Keep = Callable[[], None]


class BackgroundMerger:
    """Merges what runs showed, every site beside the others, one run after the other.

    Broken off anywhere, a run is taken in as a whole or not at all: a state that is saved then never holds half of one.

    Args:
        pool: the threads that merge.
        workers: how many they are.

    >>> seen = []
    >>> with ThreadPoolExecutor(2) as pool:
    ...     intake = BackgroundMerger(pool, 2)
    ...     intake.begin([lambda: seen.append("first site")], lambda: seen.append("all of it"))
    ...     intake.finish()
    >>> seen
    ['first site', 'all of it']
    """

    def __init__(self, pool: ThreadPoolExecutor, workers: int) -> None:
        self.pool = pool
        self._workers = workers
        self._left: Iterator[Keep] = iter(())
        self._jobs: list[Future[None]] = []
        self._then: Keep | None = None

    def begin(self, keep: Sequence[Keep], then: Keep) -> None:
        """Start to merge what one run showed, as soon as what came before is merged.

        Args:
            keep: merges what was found, site by site, beside each other.
            then: called once all of it is merged, by the thread that waits for it.
        """
        self.finish()
        # Each worker takes the next site until none is left: fewer threads are woken than there are sites.
        self._left, self._jobs, self._then = iter(keep), [], then
        for _ in range(min(self._workers, len(keep))):
            self._jobs.append(self.pool.submit(_merge, self._left))

    def finish(self) -> None:
        """Wait until all is merged that has begun."""
        if self._then is None:
            return
        try:
            wait(self._jobs)
        finally:
            # What no worker came to, be it that the start was broken off or that another site failed.
            self._jobs += [self.pool.submit(keep) for keep in list(self._left)]
            wait(self._jobs)
            then, self._then = self._then, None
            for job in self._jobs:
                job.result()
            then()


def _merge(left: Iterator[Keep]) -> None:
    for keep in left:
        keep()
