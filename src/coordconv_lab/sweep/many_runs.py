"""Train many runs: one after another in this process, or in parallel in worker processes."""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass

from coordconv_lab.errors import InputError
from coordconv_lab.results import Record, RunStore
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.sweep.worker import WorkerSettings
from coordconv_lab.sweep.worker_pool import WorkerPool
from coordconv_lab.train import Attempt, Hardware, Progress, attempt, attempt_after, run
from coordconv_lab.train.processor import threads_of_torch

NextRun = Callable[[], ExperimentSpec | None]
"""A function that returns the next run, or None if no run can be started now.

It is called again whenever a run ends.
"""


@dataclass(frozen=True)
class ManyRuns:
    """How to train many runs.

    Attributes:
        store: The store of the runs.
        jobs: Number of parallel runs. With 1, runs are trained in this process.
        progress_of: Returns the progress callbacks for the worker process with a given number. If
            runs are trained in this process, it has the number 0.
        hardware: Hardware for the runs.
        threads: Threads per run.
        scores_only: Whether to keep only the record and the learning curve, as in `run`.
    """

    store: RunStore
    jobs: int
    progress_of: Callable[[int], Progress | None]
    hardware: Hardware
    threads: int = 1
    scores_only: bool = False

    def train(
        self, next_run: NextRun, wait_seconds: float = 0.0
    ) -> Generator[tuple[ExperimentSpec, Record | InputError], None, None]:
        """Train runs. When a run ends, yield its spec with its record or its error.

        If the generator is closed or raises an exception, all workers are ended. Their runs can be
        resumed from checkpoints.

        Args:
            next_run: Returns the next run.
            wait_seconds: How long to wait for another process to release a run.

        Raises:
            InputError: A worker process cannot start.
        """
        if self.jobs > 1:
            yield from self._in_workers(next_run, wait_seconds)
            return
        while (spec := next_run()) is not None:
            yield spec, self._trained_here(spec, wait_seconds)

    def attempt(self, next_run: NextRun) -> Generator[tuple[ExperimentSpec, Attempt], None, None]:
        """Train runs, and record which of them fail. When a run ends, yield its spec and outcome.

        Args:
            next_run: Returns the next run.

        Raises:
            InputError: A directory cannot be used, or a worker process cannot start.
        """
        if self.jobs > 1:
            with closing(self._in_workers(next_run, 0.0)) as ended:
                for spec, found in ended:
                    done = isinstance(found, Record)
                    yield spec, Attempt(found) if done else attempt_after(found, spec, self.store)
            return
        while (spec := next_run()) is not None:
            with threads_of_torch(self.threads):
                progress = self.progress_of(0)
                tried = attempt(spec, self.store, progress, self.hardware, self.scores_only)
            yield spec, tried

    def _trained_here(self, spec: ExperimentSpec, wait_seconds: float) -> Record | InputError:
        try:
            with threads_of_torch(self.threads):
                return run(
                    spec,
                    self.store,
                    self.progress_of(0),
                    hardware=self.hardware,
                    scores_only=self.scores_only,
                    wait_seconds=wait_seconds,
                )
        except InputError as error:
            return error

    def _in_workers(
        self, next_run: NextRun, wait_seconds: float
    ) -> Generator[tuple[ExperimentSpec, Record | InputError], None, None]:
        device, compiled = self.hardware.device, self.hardware.compiled
        settings = WorkerSettings(
            self.store.place, self.threads, device, compiled, self.scores_only
        )
        with WorkerPool(self.jobs, self.store, settings, self.progress_of) as pool:
            while True:
                while pool.has_room and (spec := next_run()) is not None:
                    pool.begin(spec, wait_seconds)
                if not pool.is_busy:
                    return
                yield pool.ended()
