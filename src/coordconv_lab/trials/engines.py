"""The engines of trials, which execute runs one after another or in parallel."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import torch

from coordconv_lab.train.processor import threads_of_torch
from coordconv_lab.trials.functions import UserFunctions
from coordconv_lab.trials.jobs import Failure, Job
from coordconv_lab.trials.mirror_watch import MirrorWatch
from coordconv_lab.trials.one_run import OneRun, UnusableArmError
from coordconv_lab.trials.store import Finished

__all__ = ["Ended", "Engine", "EngineName", "Resources", "SerialEngine", "opened"]

EngineName = Literal["serial", "ray"]


class Resources(NamedTuple):
    """Engine and resources of the runs.

    Attributes:
        engine: "serial" for this process, "ray" for Ray.
        address: Address of a Ray cluster. If None, the environment variable RAY_ADDRESS is used. If
            the variable is not set either, Ray is started on this machine.
        cpus_per_run: Cores per run, which is also the number of threads. None for the number of
            threads that torch uses, or for one core on Ray.
        gpus_per_run: GPUs per run on Ray, possibly fractional.
    """

    engine: EngineName = "serial"
    address: str | None = None
    cpus_per_run: int | None = None
    gpus_per_run: float = 0.0


class Ended(NamedTuple):
    """How a run ended.

    Attributes:
        job: The run.
        found: The finished run, the error of the user's code, or the reason why the arm cannot be
            used.
        watch: The `MirrorWatch` of the run, with what it found about mirrored training data.
    """

    job: Job
    found: Finished | Failure | UnusableArmError
    watch: MirrorWatch


class Engine(Protocol):
    """Executes the runs of a trial."""

    @property
    def at_once(self) -> int:
        """Maximum number of parallel runs."""
        ...

    def begin(self, job: Job, watch: MirrorWatch) -> None:
        """Start a run. At most `at_once` runs may be in progress."""
        ...

    def ended(self) -> Ended:
        """Wait until one of the runs ends, and return it.

        Raises:
            InputError: The model without coordinates cannot be made, or nothing can be run.
        """
        ...


class SerialEngine:
    """Executes one run after another in this process.

    An error in a function of the user ends the trial and is raised with its traceback.

    Args:
        functions: The functions that make, train and score the model.
        directory: The directory of finished runs, which is named in error messages.
        usage: Whether to score with all changes of the coordinates; see `OneRun`.
    """

    at_once = 1

    def __init__(self, functions: UserFunctions, directory: Path, usage: bool) -> None:
        self._functions = functions
        self._directory = directory
        self._usage = usage
        self._begun: tuple[Job, MirrorWatch] | None = None

    def begin(self, job: Job, watch: MirrorWatch) -> None:
        """Remember the run, which `ended` executes."""
        self._begun = job, watch

    def ended(self) -> Ended:
        """Execute the run."""
        if self._begun is None:
            raise RuntimeError("ended() was called before begin()")
        job, watch = self._begun
        one = OneRun(self._functions, job.arm, job.seed, self._directory, self._usage)
        try:
            return Ended(job, one.do(job.weights, watch), watch)
        except UnusableArmError as error:
            return Ended(job, error, watch)


def opened(
    resources: Resources, functions: UserFunctions, directory: Path, usage: bool
) -> AbstractContextManager[Engine]:
    """Return a context manager with the engine.

    Raises:
        InputError: Ray is not installed, or cannot be used.
    """
    if resources.engine == "ray":
        from coordconv_lab.trials.on_ray import RayEngine

        return RayEngine(resources, functions, directory, usage)
    return _serial(SerialEngine(functions, directory, usage), resources.cpus_per_run)


@contextmanager
def _serial(engine: SerialEngine, threads: int | None) -> Iterator[SerialEngine]:
    """Set the number of threads inside of the block."""
    with threads_of_torch(threads or torch.get_num_threads()):
        yield engine
