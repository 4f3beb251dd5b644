"""The engine of trials that does runs on Ray, many at once."""

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
    pickled,
    received,
)
from coordconv_lab.trials.engines import Ended, Resources
from coordconv_lab.trials.functions import UserFunctions, file_of, load_functions
from coordconv_lab.trials.jobs import Failure, Job, failure_of
from coordconv_lab.trials.mirror_watch import MirrorWatch
from coordconv_lab.trials.one_run import OneRun, UnusableArmError
from coordconv_lab.trials.seeds import seed_all

__all__ = ["RayEngine"]


class _Given(NamedTuple):
    """Settings that a worker needs for all runs.

    Attributes:
        name: Identifies the trial.
        functions: The functions; None if they are from a file.
        file: The file of the functions, which workers import themselves.
        digest: Identifies the code of the functions.
        directory: Where finished runs are kept, for messages.
        usage: As in `OneRun`.
        threads: Number of threads.
        folder: The working directory.
        path: Where modules are imported from.
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
    """Does runs on Ray, as many at once as there are resources for.

    Ray is started, or a cluster joined, before the first run, and not at all if the trial is
    finished.

    Args:
        resources: The cluster, and the resources of a run.
        functions: What makes, trains and scores the model. Workers import the file of
            `load_functions`; other functions are sent to them.
        directory: Where finished runs are kept; all machines of a cluster share it.
        usage: As in `OneRun`.
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
        _ = self._pickled  # what cannot be sent is refused before Ray starts
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
            None if self._pickled is None else self._tasks.share(self._pickled),
            file,
            self._functions.digest,
            self._directory,
            self._usage,
            self._threads,
            str(Path.cwd()),
            list(sys.path),
        )

    @cached_property
    def _pickled(self) -> bytes | None:
        """The functions, if workers cannot import them from a file."""
        if file_of(self._functions) is not None:
            return None
        try:
            return pickled(self._functions)
        except InputError as error:
            raise InputError(
                f"the functions {error}; put them into a file for `coordconv trial`, or make what "
                "cannot be sent inside of them"
            ) from error

    @property
    def at_once(self) -> int:
        """How many runs it does at once."""
        return self._tasks.at_once

    def begin(self, job: Job, watch: MirrorWatch) -> None:
        """Begin a run on a worker."""
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
    """Do a run on a worker."""
    try:
        functions = _functions(given)
        one = OneRun(functions, job.arm, job.seed, given.directory, given.usage)
        return Ended(job, one.do(job.weights, watch), watch)
    except UnusableArmError as error:
        return Ended(job, UnusableArmError(str(error)), watch)
    except InputError as error:
        return InputError(str(error))
    except (
        Exception,
        SystemExit,
    ) as error:  # The error is from the user's code; only its text can always be sent.
        return Ended(job, failure_of(job, error), watch)


_LOADED: dict[str, UserFunctions] = {}


def _functions(given: _Given) -> UserFunctions:
    """Return the functions, which a worker loads once, so that its runs share what they cache."""
    if given.name not in _LOADED:
        functions = _loaded(given)
        _LOADED.clear()
        _LOADED[given.name] = functions
    return _LOADED[given.name]


def _loaded(given: _Given) -> UserFunctions:
    """Load the functions as the process of the trial did.

    Raises:
        InputError: The working directory does not exist, the functions cannot be loaded, or their
            file was changed.
    """
    torch.set_num_threads(given.threads)
    sys.path.extend(one for one in given.path if one not in sys.path)
    try:
        os.chdir(given.folder)
    except OSError as error:
        raise InputError(
            f"a worker on {socket.gethostname()} cannot use the working directory {given.folder}: "
            f"{error.strerror or error}; start the trial in one that all machines share"
        ) from error
    if given.file is not None:
        functions = load_functions(given.file)
        if functions.digest != given.digest:
            raise InputError(
                f"{given.file} was changed while the trial was running; run it again with --fresh "
                "or another --out"
            )
        return functions
    assert given.functions is not None
    seed_all(0)  # as `load_functions`
    try:
        return received(given.functions)
    except Exception as error:  # of any class: modules are imported
        raise InputError(
            f"a worker on {socket.gethostname()} cannot load the functions: "
            f"{type(error).__name__}: {' '.join(str(error).split())}; put them into a file for "
            "`coordconv trial`"
        ) from error
