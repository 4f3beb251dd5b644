"""TensorBoard events of a run, for whoever watches it; nothing of ours reads them."""

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
    """A file of events, which grows by a record for each row.

    It is written here and now: the writers that come with TensorBoard do it in a thread of their
    own, which ends in a traceback where the disk is full.

    Args:
        directory: Where to make the file.
    """

    def __init__(self, directory: Path) -> None:
        name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}"
        self._path = directory / name
        self._add(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def add(self, row: Mapping[str, float]) -> None:
        """Add the values of a row, by name.

        Raises:
            InputError: The disk is full, or cannot be written.
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
                f"cannot write {self._path}: {error.strerror or error}; make room, or choose "
                "another directory, and start this again: it goes on"
            ) from error
