"""Run calls of a function on Ray, as many at once as there are resources for."""

import uuid
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Generic, NamedTuple, TypeVar

from coordconv_lab.errors import InputError
from coordconv_lab.sweep.cluster import RETRIES, connected, runs_at_once

# Where Ray is missing, the module above says how to install it.
# isort: split
import ray
from ray import cloudpickle
from ray.exceptions import RayError, RayTaskError

__all__ = ["LostError", "RayTasks", "SharedValue", "pickled", "received"]

Key = TypeVar("Key")


class LostError(Exception):
    """The worker of a call was lost, and so were those of all retries."""


class SharedValue(NamedTuple):
    """A pickled value that workers receive once, instead of with each call.

    Attributes:
        name: Identifies it.
        where: The object of Ray; in a list, so that Ray does not load it for each call.
    """

    name: str
    where: list[Any]


def pickled(value: Any) -> bytes:
    """Return a value as bytes, for `RayTasks.share`; Ray need not run.

    Raises:
        InputError: It cannot be pickled.
    """
    try:
        return cloudpickle.dumps(value)  # pyright: ignore[reportPrivateImportUsage]
    except Exception as error:  # of any class: objects pickle themselves
        said = " ".join(str(error).split())[:300]
        raise InputError(f"cannot be sent to other processes: {said}") from error


def received(shared: SharedValue) -> Any:
    """Return a shared value, in a worker."""
    return cloudpickle.loads(ray.get(shared.where[0]))


class _Call(NamedTuple, Generic[Key]):
    key: Key
    arguments: tuple[Any, ...]
    retries: int


class RayTasks(Generic[Key]):
    """Calls of a function on a cluster, or on this machine; a context manager.

    Args:
        function: The function; defined in a module that workers can import.
        place: Directory that all machines share.
        address: Address of the cluster, as in `connected`.
        cpus: Cores per call.
        gpus: GPUs per call, possibly fractional.

    Raises:
        InputError: No cluster responds, or one of its machines cannot be used.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        place: str,
        *,
        address: str | None,
        cpus: int,
        gpus: float,
    ) -> None:
        self.resources = cpus, gpus
        # Ray retries calls that run out of memory for ever, so they are retried here.
        options = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": 0}
        self._function = ray.remote(**options)(function)
        self._running: dict[Any, _Call[Key]] = {}
        self._slots = 0
        self._stack = ExitStack()
        self._connection = connected(address, place)

    def __enter__(self) -> "RayTasks[Key]":
        with ExitStack() as stack:
            stack.enter_context(self._connection)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def at_once(self) -> int:
        """How many calls run at once, with the machines that the cluster has now.

        Raises:
            InputError: The cluster has too few resources for one, and had too few before.
        """
        try:
            self._slots = runs_at_once(*self.resources)
        except InputError:  # machines may have left, and others may join
            if not self._slots:
                raise
        return self._slots

    def share(self, value: bytes) -> SharedValue:
        """Send a pickled value to the cluster, once for all calls."""
        return SharedValue(uuid.uuid4().hex, [ray.put(value)])

    def begin(self, key: Key, *arguments: Any) -> None:
        """Begin a call, whose result `ended` returns with the key."""
        self._begin(_Call(key, arguments, 0))

    def ended(self) -> tuple[Key, Any]:
        """Wait until a call ends, and return its key and result.

        The result is a `LostError` if its workers were lost. What the function raises is raised.
        """
        while True:
            [done], _ = ray.wait([*self._running])
            call = self._running.pop(done)
            try:
                return call.key, ray.get(done)
            except RayTaskError:
                raise
            except RayError as error:
                if call.retries == RETRIES:
                    said = " ".join(str(error).split())[:300]
                    return call.key, LostError(f"its worker was lost {RETRIES + 1} times: {said}")
                self._begin(call._replace(retries=call.retries + 1))

    def _begin(self, call: _Call[Key]) -> None:
        self._running[self._function.remote(*call.arguments)] = call
