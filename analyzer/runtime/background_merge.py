"""Merge the statistics of one run in background threads while onnxruntime computes the next run."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

Job = Callable[[], None]


class BackgroundMerger:
    """Merges runs one after the other; within a run, sites are merged in parallel.

    An exception or interrupt never leaves a run half merged: it is merged at every site or at none, so that a state
    saved afterwards is consistent.

    Args:
        pool: the threads that merge.
        workers: number of threads in the pool.

    >>> merged = []
    >>> with ThreadPoolExecutor(2) as pool:
    ...     merger = BackgroundMerger(pool, 2)
    ...     merger.start([lambda: merged.append("first site")], lambda: merged.append("the whole run"))
    ...     merger.finish()
    >>> merged
    ['first site', 'the whole run']
    """

    def __init__(self, pool: ThreadPoolExecutor, workers: int) -> None:
        self.pool = pool
        self._workers = workers
        self._queue: Iterator[Job] = iter(())
        self._futures: list[Future[None]] = []
        self._callback: Job | None = None

    def start(self, jobs: Sequence[Job], callback: Job) -> None:
        """Wait until the previous run is merged, then start to merge the next one.

        Args:
            jobs: one for each site; they run in parallel.
            callback: called after all jobs, by the thread that calls `finish` (or the next `start`).
        """
        self.finish()
        # Each worker processes the next site until none is left: this starts fewer jobs than there are sites.
        self._queue, self._futures, self._callback = iter(jobs), [], callback
        for _ in range(min(self._workers, len(jobs))):
            self._futures.append(self.pool.submit(_run_all, self._queue))

    def finish(self) -> None:
        """Wait until the run that was started is merged, and call its callback.

        Raises:
            Exception: any exception of a job; the other jobs are completed first.
        """
        if self._callback is None:
            return
        try:
            wait(self._futures)
        finally:
            # Jobs that no worker has started, because `start` was interrupted or another site failed.
            self._futures += [self.pool.submit(job) for job in list(self._queue)]
            wait(self._futures)
            callback, self._callback = self._callback, None
            for future in self._futures:
                future.result()
            callback()


def _run_all(queue: Iterator[Job]) -> None:
    for job in queue:
        job()
