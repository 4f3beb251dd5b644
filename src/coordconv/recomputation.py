"""Find the original call of a layer that a backward pass recomputes.

``torch.utils.checkpoint`` calls layers a second time during the backward pass, perhaps after other
calls of the same model. torch numbers the autograd nodes of a thread in the order of their
creation. So the number of the node that the backward pass has reached identifies the original call.
"""

import threading
from collections import deque
from typing import Any, NamedTuple

import torch

__all__ = ["begin", "call_of_this_backward", "end"]


class _Recorded(NamedTuple):
    first: int  # number of the first autograd node of the call
    last: int  # number of the first node after the call
    thread: int
    call: Any


_CALLS: deque[_Recorded] = deque(maxlen=1_000)
_forgotten = -1  # the largest `last` of calls that were dropped from `_CALLS`
_BEGUN: dict[int, int] = {}


def begin(call: Any) -> None:
    """Record that a call of a model begins."""
    if torch.is_grad_enabled() and not torch.compiler.is_compiling():
        _BEGUN[id(call)] = _next_number()


def end(call: Any) -> None:
    """Record that a call ends."""
    global _forgotten
    first = _BEGUN.pop(id(call), None)
    if first is None or torch.compiler.is_compiling():
        return
    last = _next_number()
    if last > first:
        if len(_CALLS) == _CALLS.maxlen:
            _forgotten = max(_forgotten, _CALLS[0].last)
        _CALLS.append(_Recorded(first, last, threading.get_ident(), call))


def call_of_this_backward() -> Any | None:
    """Return the call that the current layer belongs to, or None if it is not being recomputed.

    Compiled code must not call this, because its graphs would depend on the recorded calls.

    Raises:
        RuntimeError: If calls of several threads match, or if the record of the call was dropped.
    """
    if not _CALLS or torch._C._current_graph_task_id() == -1:
        return None
    node: Any = torch._C._current_autograd_node()
    number = node._sequence_nr()
    found = [one for one in tuple(_CALLS) if one.first <= number < one.last]
    # On a GPU, one thread runs all backward passes; on a CPU, each thread runs its own.
    if len(found) > 1:
        found = [one for one in found if one.thread == threading.get_ident()] or found
    if len(found) > 1:
        raise RuntimeError(
            "activation checkpointing recomputes a layer, but it is not known in which of several "
            "threads the layer was called; call backward inside positions(...), or do not use "
            "checkpointing"
        )
    if not found and number < _forgotten:
        raise RuntimeError(
            f"activation checkpointing recomputes a layer, but models were called more than "
            f"{_CALLS.maxlen} times since the layer was called; call backward more often"
        )
    return found[0].call if found else None


def _next_number() -> int:
    """Return the number of the next autograd node of this thread."""
    return torch.autograd._get_sequence_nr()  # pyright: ignore[reportPrivateImportUsage]
