"""Start worker processes, send them runs, and detect if they end."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any, Self

from coordconv_lab.environment import passive_waiting, variables
from coordconv_lab.errors import InputError, LostRunError
from coordconv_lab.results import Record, RunStore
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.sweep.worker import GRACE_SECONDS, Ended, Job, Report, WorkerSettings, work
from coordconv_lab.train import Progress

_POLL_SECONDS = 1.0
"""Maximum length of a wait, because Windows handles Ctrl-C only between waits."""


class WorkerPool:
    """Worker processes, each of which trains one run at a time.

    A worker is started when there is a run for it, and replaced if it dies. The pool is a context
    manager, which ends the workers at the end of the block.

    Args:
        jobs: Maximum number of workers.
        store: The store of the runs.
        settings: Settings of all runs.
        progress_of: Returns the progress callbacks for the worker with a given number.
    """

    def __init__(
        self,
        jobs: int,
        store: RunStore,
        settings: WorkerSettings,
        progress_of: Callable[[int], Progress | None],
    ) -> None:
        self._store, self._settings, self._progress_of = store, settings, progress_of
        self._free = list(reversed(range(jobs)))
        self._idle: list[_Worker] = []
        self._busy: dict[Any, _Worker] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in self._idle:
            worker.connection.close()
        for worker in self._busy.values():
            worker.process.terminate()
        ending = [*self._idle, *self._busy.values()]
        try:
            for worker in ending:
                worker.end()
        except KeyboardInterrupt:  # Ctrl-C again
            for worker in ending:
                worker.kill()
            raise

    @property
    def has_room(self) -> bool:
        """Whether another run can be started."""
        return bool(self._idle or self._free)

    @property
    def is_busy(self) -> bool:
        """Whether a run is in progress."""
        return bool(self._busy)

    def begin(self, spec: ExperimentSpec, wait_seconds: float = 0.0) -> None:
        """Start a run.

        Args:
            spec: The spec of the run.
            wait_seconds: How long to wait for another process to release the run.
        """
        with _interrupts_blocked():
            worker = self._idle.pop() if self._idle else _Worker(self._free.pop(), self._settings)
            worker.begin(spec, wait_seconds)
            self._busy[worker.connection] = worker

    def ended(self) -> tuple[ExperimentSpec, Record | InputError]:
        """Wait until a run ends, and return its record or its error.

        Raises:
            InputError: A worker cannot start, or wrote to a different directory.
        """
        while True:
            for connection in wait([*self._busy], _POLL_SECONDS):
                worker = self._busy[connection]
                try:
                    message = worker.connection.recv()
                except (EOFError, ConnectionError):
                    del self._busy[connection]
                    self._free.append(worker.number)
                    return worker.spec, worker.lost()
                worker.has_answered = True
                if isinstance(message, Ended):
                    self._idle.append(self._busy.pop(connection))
                    return worker.spec, message.error or self._recorded(worker.spec)
                worker.show(message, self._progress_of(worker.number))

    def _recorded(self, spec: ExperimentSpec) -> Record | InputError:
        try:
            record = self._store.record(spec)
        except InputError as error:
            return error
        return record or InputError(
            f"a worker process recorded {spec.run_name}, but the run is not in "
            f"{self._store.place}; set --jobs 1, or store runs in a directory"
        )


class _Worker:
    """A worker process.

    Args:
        number: Number of the worker, from 0.
        settings: Settings of all runs.

    Attributes:
        spec: The current or last run.
        has_answered: Whether the worker has sent a message.
    """

    spec: ExperimentSpec

    def __init__(self, number: int, settings: WorkerSettings) -> None:
        self.number, self.has_answered = number, False
        # Do not fork, because the threads of torch do not survive a fork.
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(
            name=f"coordconv-worker-{number}", target=work, args=(theirs, settings)
        )
        # OpenMP reads these variables when torch is imported.
        openmp = {"OMP_NUM_THREADS": str(settings.threads), **passive_waiting()}
        with variables(openmp):
            self.process.start()
        theirs.close()

    def begin(self, spec: ExperimentSpec, wait_seconds: float) -> None:
        """Send a run."""
        self.spec = spec
        try:
            self.connection.send(Job(spec.model_dump_json(), wait_seconds))
        except ConnectionError:  # the process is dead, which the next message will show
            return

    def show(self, report: Report, progress: Progress | None) -> None:
        """Show a report about the current run."""
        if progress is None:
            return
        if report.name == "start":
            progress.start([self.spec], report.value)
        elif report.name == "advance":
            step, loss = report.value
            progress.advance(step, lambda: loss)
        else:
            progress.measured(report.value)

    def lost(self) -> LostRunError:
        """Return the error of the current run of a process that has ended.

        Raises:
            InputError: The process ended before its first run started.
        """
        self.end()
        code = self.process.exitcode or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        hint = "its error is above" if code > 0 else "set a lower --jobs if memory is short"
        if not self.has_answered:
            raise InputError(f"a worker process {how} before its first run started; {hint}")
        return LostRunError(
            f"the worker process of the run {self.spec.run_name} {how}; {hint}, and run the same "
            "command again to resume the run"
        )

    def end(self) -> None:
        """Wait until the process ends, and kill it if it takes too long."""
        self.process.join(GRACE_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Kill the process, if it is still running."""
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Delay Ctrl-C until the end of the block. Processes started in the block never receive it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
