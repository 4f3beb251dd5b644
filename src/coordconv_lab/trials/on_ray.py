"""The engine of trials that executes runs in parallel on Ray."""

import os
import socket
import sys
import uuid
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch

from coordconv_lab.errors import InputError
from coordconv_lab.sweep.ray_tasks import (
    LostError,
    RayTasks,
    SharedValue,
    check_can_be_sent,
    received,
)
from coordconv_lab.trials.engines import Ended, Resources
from coordconv_lab.trials.functions import UserFunctions, file_of, load_functions
from coordconv_lab.trials.jobs import Failure, Job, failure_of
from coordconv_lab.trials.mirror_watch import MirrorWatch
from coordconv_lab.trials.one_run import HiddenError, OneRun, UnusableArmError
from coordconv_lab.trials.seeds import seed_all

__all__ = ["RayEngine"]


class _Given(NamedTuple):
    """Settings that a worker needs for all runs.

    Attributes:
        name: Identifies the trial.
        functions: The functions; None if workers import them from ``file``.
        file: The file that defines the functions; None if they are sent to the workers.
        digest: Identifies the code of the functions.
        directory: The directory of finished runs, which is named in error messages.
        usage: Whether to score with all changes of the coordinates; see `OneRun`.
        threads: Number of threads.
        folder: The working directory.
        path: The directories from which modules are imported.
    """

    name: str
    functions: SharedValue | None
    file: Path | None
    digest: str
    directory: Path
    usage: bool
    threads: int
    folder: str
    path: list[str]


class RayEngine:
    """Executes runs on Ray, as many in parallel as the resources of the cluster allow.

    The engine starts Ray or connects to a cluster before the first run. If all runs of the trial
    are already finished, it does neither.

    Args:
        resources: The cluster, and the resources of a run.
        functions: The functions that make, train and score the model. If they were loaded with
            `load_functions`, workers import the same file. Other functions are sent to the workers.
        directory: The directory of finished runs, which is named in error messages.
        usage: Whether to score with all changes of the coordinates; see `OneRun`.
    """

    def __init__(
        self, resources: Resources, functions: UserFunctions, directory: Path, usage: bool
    ) -> None:
        self._resources = resources
        self._functions = functions
        self._directory = directory
        self._usage = usage
        self._threads = resources.cpus_per_run or 1
        self._stack = ExitStack()

    def __enter__(self) -> "RayEngine":
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @cached_property
    def _tasks(self) -> RayTasks[Job]:
        self._check_functions()  # raise errors before Ray is started
        tasks = RayTasks[Job](
            _do,
            str(self._directory.resolve()),
            address=self._resources.address,
            cpus=self._threads,
            gpus=self._resources.gpus_per_run,
        )
        return self._stack.enter_context(tasks)

    @cached_property
    def _given(self) -> _Given:
        file = file_of(self._functions)
        return _Given(
            uuid.uuid4().hex,
            self._tasks.share(self._functions) if file is None else None,
            file,
            self._functions.digest,
            self._directory,
            self._usage,
            self._threads,
            str(Path.cwd()),
            list(sys.path),
        )

    def _check_functions(self) -> None:
        """Check that workers can get the functions.

        Raises:
            InputError: The functions are not from a file, and one cannot be sent to workers.
        """
        if file_of(self._functions) is not None:
            return
        for function in self._functions:
            try:
                check_can_be_sent(function)
            except InputError as error:
                raise InputError(
                    f"the functions {error}; put them in a file for `coordconv trial`, or create "
                    "the objects that cannot be sent inside the functions"
                ) from error

    @property
    def at_once(self) -> int:
        """Maximum number of parallel runs."""
        return self._tasks.at_once

    def begin(self, job: Job, watch: MirrorWatch) -> None:
        """Start a run on a worker."""
        self._tasks.begin(job, self._given, job, watch)

    def ended(self) -> Ended:
        """Wait until one of the runs ends, and return it."""
        job, found = self._tasks.ended()
        if isinstance(found, LostError):
            failure = Failure(job.arm.name, job.seed, str(found), "")
            return Ended(job, failure, MirrorWatch())
        if isinstance(found, InputError):
            raise found
        return found


def _do(given: _Given, job: Job, watch: MirrorWatch) -> Ended | InputError:
    """Execute a run on a worker."""
    try:
        functions = _functions(given)
        one = OneRun(functions, job.arm, job.seed, given.directory, given.usage)
        return Ended(job, one.do(job.weights, watch), watch)
    except UnusableArmError as error:
        return Ended(job, UnusableArmError(str(error)), watch)
    except InputError as error:
        return InputError(str(error))
    except HiddenError as error:
        return Ended(job, failure_of(job, error.__cause__ or error), watch)
    except (
        Exception,
        SystemExit,
    ) as error:  # The error of the user's code may not be picklable, so send its text.
        return Ended(job, failure_of(job, error), watch)


_LOADED: dict[str, UserFunctions] = {}


def _functions(given: _Given) -> UserFunctions:
    """Return the functions. A worker loads them once, so what they cache is kept between runs."""
    if given.name not in _LOADED:
        functions = _loaded(given)
        _LOADED.clear()
        _LOADED[given.name] = functions
    return _LOADED[given.name]


def _loaded(given: _Given) -> UserFunctions:
    """Load the functions in the same way as the main process.

    Raises:
        InputError: The working directory does not exist, the functions cannot be loaded, or their
            file has changed.
    """
    torch.set_num_threads(given.threads)
    sys.path.extend(one for one in given.path if one not in sys.path)
    try:
        os.chdir(given.folder)
    except OSError as error:
        raise InputError(
            f"a worker on {socket.gethostname()} cannot use the working directory {given.folder}: "
            f"{error.strerror or error}; start the trial in a directory that all machines share"
        ) from error
    if given.file is not None:
        functions = load_functions(given.file)
        if functions.digest != given.digest:
            raise InputError(
                f"{given.file} was changed while the trial was running; run the trial again with "
                "--fresh or another --out"
            )
        return functions
    assert given.functions is not None
    seed_all(0)  # as in `load_functions`
    try:
        return received(given.functions)
    except Exception as error:  # imported modules can raise any class
        raise InputError(
            f"a worker on {socket.gethostname()} cannot load the functions: "
            f"{type(error).__name__}: {' '.join(str(error).split())}; put them into a file for "
            "`coordconv trial`"
        ) from error
