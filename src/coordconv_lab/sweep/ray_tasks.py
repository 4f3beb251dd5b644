"""Run calls of a function on Ray, as many in parallel as resources allow."""

import uuid
from collections.abc import Callable
from contextlib import ExitStack
from io import StringIO
from typing import Any, Generic, NamedTuple, TypeVar

from coordconv_lab.errors import InputError
from coordconv_lab.sweep.cluster import RETRIES, connected, runs_at_once

# Without Ray, the import above raises an error that says how to install it.
# isort: split
import ray
from ray.exceptions import RayError, RayTaskError
from ray.util import inspect_serializability

__all__ = ["LostError", "RayTasks", "SharedValue", "check_can_be_sent", "received"]

Key = TypeVar("Key")


class LostError(Exception):
    """The worker of a call was lost, and the workers of all retries as well."""


class SharedValue(NamedTuple):
    """A value that workers receive once, instead of with each call.

    Attributes:
        name: Identifies the value.
        where: A list with the Ray reference to the value. The list prevents Ray from loading the
            value for each call.
    """

    name: str
    where: list[Any]


def check_can_be_sent(value: Any) -> None:
    """Check that a value can be pickled for other processes. This works without starting Ray.

    Raises:
        InputError: The value cannot be pickled. The error names the types of the parts that cannot
            be pickled.
    """
    fine, failures = inspect_serializability(value, print_file=StringIO())
    if not fine:
        parts = ", ".join(sorted({type(one.obj).__name__ for one in failures}))
        raise InputError(f"cannot be sent to other processes: cannot pickle {parts}")


def received(shared: SharedValue) -> Any:
    """Return a shared value, in a worker."""
    return ray.get(shared.where[0])


class _Call(NamedTuple, Generic[Key]):
    key: Key
    arguments: tuple[Any, ...]
    retries: int


class RayTasks(Generic[Key]):
    """Calls of a function on a Ray cluster or on this machine, as a context manager.

    Args:
        function: The function, from a module that workers can import.
        place: A directory that all machines share.
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
        # Disable the retries of Ray, which never end for calls that run out of memory.
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
        """Maximum number of parallel calls on the machines that the cluster has now.

        Raises:
            InputError: The cluster has never had enough resources for a call.
        """
        try:
            self._slots = runs_at_once(*self.resources)
        except InputError:  # machines may have left the cluster; others may join it
            if not self._slots:
                raise
        return self._slots

    def share(self, value: Any) -> SharedValue:
        """Send a value to the cluster, once for all calls."""
        return SharedValue(uuid.uuid4().hex, [ray.put(value)])

    def begin(self, key: Key, *arguments: Any) -> None:
        """Start a call. `ended` returns its result with the key."""
        self._begin(_Call(key, arguments, 0))

    def ended(self) -> tuple[Key, Any]:
        """Wait until a call ends, and return its key and result.

        The result is a `LostError` if the workers were lost. Exceptions of the function are raised.
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
                    return call.key, LostError(f"the worker was lost {RETRIES + 1} times: {said}")
                self._begin(call._replace(retries=call.retries + 1))

    def _begin(self, call: _Call[Key]) -> None:
        self._running[self._function.remote(*call.arguments)] = call
