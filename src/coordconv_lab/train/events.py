"""Write the learning curve of a run as TensorBoard events."""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]
from tensorboard.compat.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]
from tensorboard.summary.writer.record_writer import RecordWriter

from coordconv_lab.errors import InputError


class Events:
    """A file of TensorBoard events with one event per row.

    Writes are synchronous, so that they can raise an error. The writers of TensorBoard use a
    thread, which prints a traceback and ends if the disk is full.

    Args:
        directory: Directory of the file.
    """

    def __init__(self, directory: Path) -> None:
        name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}"
        self._path = directory / name
        self._add(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def add(self, row: Mapping[str, float]) -> None:
        """Add the values of a row, by name.

        Raises:
            InputError: The disk is full or not writable.
        """
        values = [Summary.Value(tag=name, simple_value=value) for name, value in row.items()]
        step = int(row["step"])
        self._add(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))

    def _add(self, event: Event) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                RecordWriter(file).write(event.SerializeToString())
        except OSError as error:
            raise InputError(
                f"cannot write {self._path}: {error.strerror or error}; free some space or choose "
                "another directory, then run the same command again to continue"
            ) from error
