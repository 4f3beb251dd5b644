"""A worker process, which trains the runs that another process sends, one after another."""

import os
import signal
import sys
import time
from _thread import interrupt_main
from collections.abc import Callable, Sequence
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any, NamedTuple

import torch

from coordconv_lab.errors import InputError
from coordconv_lab.registry import registry
from coordconv_lab.results import RunStore
from coordconv_lab.results.remote import store_at
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train import Hardware, run
from coordconv_lab.train.curve import Row
from coordconv_lab.train.hardware import DeviceName

REPORTS_PER_SECOND = 2

GRACE_SECONDS = 5.0
"""How long a worker may take to release its run when it has to stop."""

TERMINATED = 128 + signal.SIGTERM
"""Exit code of a worker that was stopped with SIGTERM."""


class WorkerSettings(NamedTuple):
    """Settings of all runs of a worker.

    Attributes:
        place: Directory or URL of the runs.
        threads: Threads per run.
        device: Device of the runs.
        compiled: Whether to use `torch.compile`, as in `Hardware`.
        scores_only: Whether to keep only the record and the learning curve, as in `run`.
    """

    place: str
    threads: int
    device: DeviceName
    compiled: bool
    scores_only: bool


class Job(NamedTuple):
    """A run for a worker: its spec in JSON, and how long to wait for another process."""

    spec: str
    wait_seconds: float


class Report(NamedTuple):
    """A call of a method of `Progress`, sent by a worker."""

    name: str
    value: Any


class Ended(NamedTuple):
    """The end of a run: its error, or None if it is recorded."""

    error: InputError | None


def work(connection: "Connection[Report | Ended, Job]", settings: WorkerSettings) -> None:
    """Train runs until the other process closes the connection or ends.

    An error that is not an `InputError` ends the process with a traceback.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process handles Ctrl-C
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(settings.threads)
    store, hardware = store_at(settings.place), Hardware(settings.device, settings.compiled)
    try:
        while True:
            job = connection.recv()
            connection.send(Ended(_error_of(job, store, hardware, settings, connection.send)))
    except (EOFError, ConnectionError):
        return


def _error_of(
    job: Job,
    store: RunStore,
    hardware: Hardware,
    settings: WorkerSettings,
    send: Callable[[Report], None],
) -> InputError | None:
    """Train a run, and return the error that ended it, or None."""
    try:
        registry()  # load plug-ins first: an error of a plug-in is clearer than one of a spec
        run(
            # Classes of settings can come from plug-ins, so specs are not pickled.
            ExperimentSpec.model_validate_json(job.spec),
            store,
            _Reports(send),
            hardware=hardware,
            scores_only=settings.scores_only,
            wait_seconds=job.wait_seconds,
        )
    except InputError as error:
        return error
    except SystemExit as error:
        if error.code == TERMINATED:
            raise
        # Otherwise, the process would end without a message, possibly with exit code 0.
        raise RuntimeError(f"the code of the run called sys.exit({error.code!r})") from error
    return None


class _Reports:
    """Progress callbacks that send reports to another process.

    Args:
        send: Sends a report.
    """

    def __init__(self, send: Callable[[Report], None]) -> None:
        self._send, self._steps, self._sent = send, 0, 0.0

    def start(self, specs: Sequence[ExperimentSpec], steps: int) -> None:
        """Report the number of steps."""
        self._steps = steps
        self._send(Report("start", steps))

    def advance(self, step: int, loss: Callable[[], float]) -> None:
        """Report the step and the loss, unless the last report was recent."""
        now = time.monotonic()
        if step == self._steps or now - self._sent > 1 / REPORTS_PER_SECOND:
            self._sent = now
            self._send(Report("advance", (step, loss())))

    def measured(self, rows: Sequence[Row]) -> None:
        """Report scores."""
        self._send(Report("measured", rows))


def _end_with_parent() -> None:
    """Wait until the other process ends or is killed, then end this process."""
    parent = parent_process()
    if parent is None:
        return
    parent.join()
    interrupt_main(signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
