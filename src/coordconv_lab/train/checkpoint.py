"""Checkpoints: one file, replaced every few seconds, from which a killed run goes on exactly."""

import io
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from coordconv_lab.errors import DamagedError, DivergenceError
from coordconv_lab.results.digest import sha256
from coordconv_lab.results.files import read_file, remove_if_possible, write_atomically
from coordconv_lab.results.store import CHECKPOINT
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train.loop import Loop


class Checkpoint:
    """The state of a loop in a file that is always whole.

    Args:
        directory: Of the run; of the first run, where several nets are trained together.
        specs: What is trained together. Other nets together would be another state.
        every_seconds: Least time between two checkpoints.
    """

    def __init__(
        self, directory: Path, specs: Sequence[ExperimentSpec], every_seconds: float
    ) -> None:
        others = "".join(spec.id for spec in specs[1:])
        together = f"checkpoint-{sha256(others.encode())[:12]}.ckpt"
        self.path = directory / (together if others else CHECKPOINT)
        self.every_seconds = every_seconds
        self._last = time.monotonic()

    def load_into(self, loop: Loop) -> None:
        """Let a loop go on from the checkpoint, if there is one.

        Raises:
            DamagedError: The file is damaged, or holds what diverged.
        """
        state = loop.processes.first_only(lambda: self._read(_most_bytes(loop)))
        if state is None:
            return
        try:
            loop.load_state_dict(state)
        except Exception as error:
            raise self._damaged(error) from error
        if not loop.is_finite:
            raise DamagedError(
                f"{self.path} holds NaN or infinity; delete it to begin this run again"
            )

    def _read(self, most: int) -> dict[str, Any] | None:
        if not self.path.exists():
            return None
        try:
            content = _checked(read_file(self.path, most))
            # A small archive can stand for a large one; torch writes them as large as they are.
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > len(content):
                raise ValueError("it unpacks to more than it holds")
            return torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        except Exception as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DamagedError:
        return DamagedError(
            f"{self.path} is damaged ({type(error).__name__}); delete it to begin this run again"
        )

    def save_if_due(self, loop: Loop) -> None:
        """Save, if it is time and this is the first process.

        Raises:
            DivergenceError: A loss or a weight is not a number any more; the file stays as it was.
            InputError: The file cannot be written.
        """
        if not loop.processes.is_first or time.monotonic() - self._last < self.every_seconds:
            return
        if loop.processes.count > 1 and not (loop.losses.settled and loop.is_finite):
            return  # what is no number is to be found by all processes at the same step
        file = io.BytesIO()
        torch.save(loop.state_dict(), file)
        content = file.getvalue()
        write_atomically(self.path, _mark(content) + content)
        self._last = time.monotonic()

    def after(self, error: DivergenceError, kept: bool) -> DivergenceError:
        """Say in an error where the last good state is; it is `kept`, or goes with its run."""
        if not kept:
            said = "of unfinished runs under a URL no checkpoint is kept"
        elif self.path.exists():
            said = f"the last good checkpoint is {self.path}"
        else:
            said = f"no checkpoint was due yet in {self.path.parent}"
        return DivergenceError(f"{error}; {said}")

    def delete(self) -> None:
        """Delete the file, and what is left of one; the run is written down."""
        remove_if_possible(self.path)


def _most_bytes(loop: Loop) -> int:
    """More than a checkpoint of a loop can have.

    A weight has its two moments and the number of its steps beside it; each row of a curve, and
    each loss since the last one, is a number or some.
    """
    tensors = [tensor for net in loop.nets for tensor in net.state_dict().values()]
    rows = max(1, min(loop.steps, loop.specs[0].training.curve_points))
    numbers = len(loop.nets) * (200 * rows + 20 * (loop.steps // rows + 1))
    return 1_000_000 + sum(4 * tensor.nbytes + 4_000 for tensor in tensors) + numbers


def _mark(content: bytes) -> bytes:
    """What stands before a checkpoint: torch reads a changed bit as another number."""
    return f"sha256 {sha256(content)}\n".encode()


def _checked(file: bytes) -> bytes:
    """The checkpoint in a file.

    Raises:
        ValueError: It is not the one that was written.
    """
    if file.startswith(b"PK"):  # as torch writes it: from before checkpoints had a mark
        return file
    mark, _, content = file.partition(b"\n")
    if mark + b"\n" != _mark(content):
        raise ValueError("its content has another sha256 than it was written with")
    return content
