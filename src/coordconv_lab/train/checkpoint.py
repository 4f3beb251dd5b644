"""Checkpoints: one file, replaced every few seconds, from which a killed run goes on exactly."""

import hashlib
import io
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from coordconv_lab.errors import InputError
from coordconv_lab.results.files import write_atomically
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
        mark = f"-{hashlib.sha256(others.encode()).hexdigest()[:12]}" if others else ""
        self.path = directory / f"checkpoint{mark}.ckpt"
        self.every_seconds = every_seconds
        self._last = time.monotonic()

    def load_into(self, loop: Loop) -> None:
        """Let a loop go on from the checkpoint, if there is one.

        Raises:
            InputError: The file is damaged.
        """
        state = loop.processes.first_only(self._read)
        if state is None:
            return
        try:
            loop.load_state_dict(state)
        except Exception as error:
            raise self._damaged(error) from error

    def _read(self) -> dict[str, Any] | None:
        if not self.path.exists():
            return None
        try:
            if not self.path.is_file():  # a pipe would never end
                raise ValueError("it is no file")
            # A small archive can stand for a large one; torch writes them as large as they are.
            with zipfile.ZipFile(self.path) as archive:
                unpacked = sum(member.file_size for member in archive.infolist())
            if unpacked > self.path.stat().st_size:
                raise ValueError("it unpacks to more than it holds")
            return torch.load(self.path, weights_only=True, map_location="cpu")
        except Exception as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> InputError:
        return InputError(
            f"{self.path} is damaged ({type(error).__name__}); delete it to begin this run again"
        )

    def save_if_due(self, loop: Loop) -> None:
        """Save, if it is time and this is the first process.

        Raises:
            InputError: The file cannot be written, or a loss is not a number any more.
        """
        if not loop.processes.is_first or time.monotonic() - self._last < self.every_seconds:
            return
        if loop.processes.count > 1 and not loop.losses.settled:
            return  # a loss that is no number is to be found by all processes at the same step
        file = io.BytesIO()
        torch.save(loop.state_dict(), file)
        write_atomically(self.path, file.getvalue())
        self._last = time.monotonic()

    def delete(self) -> None:
        """Delete the file; the run is written down."""
        self.path.unlink(missing_ok=True)
