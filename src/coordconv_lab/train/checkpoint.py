"""The checkpoint of a run: a file, replaced every few seconds, from which a killed run resumes."""

import io
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from coordconv_lab.errors import DamagedError, DivergenceError
from coordconv_lab.results.digest import sha256
from coordconv_lab.results.files import read_file, remove_if_possible, write_atomically
from coordconv_lab.results.plugin_versions import loaded_versions
from coordconv_lab.results.store import CHECKPOINT
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train.loop import Loop


class Checkpoint:
    """The state of a training loop, in a file that is replaced atomically.

    Args:
        directory: Directory of the run, or of the first run if several are trained together.
        specs: Specs that are trained together. Each set of specs has its own file.
        every_seconds: Minimum time between two checkpoints.
    """

    def __init__(
        self, directory: Path, specs: Sequence[ExperimentSpec], every_seconds: float
    ) -> None:
        others = "".join(spec.id for spec in specs[1:])
        together = f"checkpoint-{sha256(others.encode())[:12]}.ckpt"
        self.path = directory / (together if others else CHECKPOINT)
        self.every_seconds = every_seconds
        self._plugins = {
            name: version for spec in specs for name, version in loaded_versions(spec).items()
        }
        self._last = time.monotonic()

    def load_into(self, loop: Loop) -> None:
        """Restore the state of a loop, if there is a checkpoint.

        Raises:
            DamagedError: The file is damaged, contains NaN or infinity, or was written with other
                plug-ins.
        """
        state = loop.setup.processes.first_only(self._read)
        if state is None:
            return
        if (plugins := state.pop("plugins", {})) != self._plugins:
            raise DamagedError(
                f"{self.path} was written with the plug-ins {plugins}, but {self._plugins} are "
                "loaded; restore the files of the plug-ins, or delete the checkpoint to restart "
                "this run"
            )
        try:
            loop.load_state_dict(state)
        except Exception as error:
            raise self._damaged(error) from error
        if not loop.is_finite:
            raise DamagedError(
                f"{self.path} contains NaN or infinity; delete it to restart this run"
            )

    def _read(self) -> dict[str, Any] | None:
        if not self.path.exists():
            return None
        try:
            content = _checked(read_file(self.path, sys.maxsize))
            return torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        except Exception as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DamagedError:
        return DamagedError(
            f"{self.path} is damaged ({type(error).__name__}); delete it to restart this run"
        )

    def save_if_due(self, loop: Loop) -> None:
        """Save if a checkpoint is due and this is the first process.

        Raises:
            DivergenceError: A loss or a weight is NaN or infinite; the file is not changed.
            InputError: The file cannot be written.
        """
        processes = loop.setup.processes
        if not processes.is_first or time.monotonic() - self._last < self.every_seconds:
            return
        if processes.count > 1 and not (loop.settled and loop.is_finite):
            return  # all processes must check for NaN at the same step
        file = io.BytesIO()
        torch.save({**loop.state_dict(), "plugins": self._plugins}, file)
        content = file.getvalue()
        write_atomically(self.path, _mark(content) + content)
        self._last = time.monotonic()

    def after(self, error: DivergenceError, kept: bool) -> DivergenceError:
        """Add to an error where the last good checkpoint is, or why there is none.

        Args:
            error: The error.
            kept: Whether the store keeps the checkpoints of unfinished runs.
        """
        if not kept:
            said = "a store at a URL keeps no checkpoints of unfinished runs"
        elif self.path.exists():
            said = f"the last good checkpoint is {self.path}"
        else:
            said = f"there is no checkpoint yet in {self.path.parent}"
        return DivergenceError(f"{error}; {said}")

    def delete(self) -> None:
        """Delete the checkpoint, and temporary files that an interrupted write left."""
        remove_if_possible(self.path)


def _mark(content: bytes) -> bytes:
    """Return the line with a checksum that precedes a checkpoint in its file.

    The checksum is needed because torch does not detect changed bits.
    """
    return f"sha256 {sha256(content)}\n".encode()


def _checked(file: bytes) -> bytes:
    """Return the checkpoint in a file after checking its checksum.

    Raises:
        ValueError: The checksum does not match.
    """
    mark, _, content = file.partition(b"\n")
    if mark + b"\n" != _mark(content):
        raise ValueError("the sha256 does not match the content")
    return content
