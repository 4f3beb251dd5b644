"""Find and load finished runs."""

from collections.abc import Iterable
from pathlib import Path

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.interactive.run_list import RunList
from coordconv_lab.interactive.trained_run import TrainedRun
from coordconv_lab.results import Record, RunStore
from coordconv_lab.results.stored import packed_with, read_stored_json

_NAMED = 3
"""Maximum number of runs that a message names."""


def load(directory: str | Path) -> TrainedRun:
    """Load a finished run from its directory.

    Args:
        directory: Directory of the run, with ``record.json``. The run may also be packed, that is,
            stored in a few files together with other runs. Other files are read when they are first
            needed.

    Raises:
        InputError: The directory is not that of a finished run, or the record is damaged.

    Example:
        >>> import tempfile
        >>> from coordconv_lab import train
        >>> run = train("classification", model="hand-built-classifier", canvas=(12, 15), square=3,
        ...             runs=tempfile.mkdtemp(), progress=False)
        >>> load(run.directory).record == run.record
        True
    """
    directory = Path(directory)
    path = directory / "record.json"
    if not (path.is_file() or packed_with(path)):
        raise InputError(
            f"{directory} is not the directory of a finished run: it has no record.json"
            f"{_inside(directory)}"
        )
    return TrainedRun(directory, Record.parse(read_stored_json(path), str(path)))


def _inside(directory: Path) -> str:
    """Return a hint if a directory contains runs or an unfinished run, or ""."""
    if (directory / "spec.json").is_file():
        return "; train the same spec again to finish it"
    if not directory.is_dir():
        return ""
    names = [path.parent.name for path in RunStore(directory).files("record.json", [])]
    if not names:
        return ""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (
        f"; it contains the runs {', '.join(names[:_NAMED])}{more}: load one of them, or list them "
        "with runs()"
    )


def runs(source: str | Path | Iterable[TrainedRun] = "runs") -> RunList:
    """List finished runs, and compare them.

    Args:
        source: Directory of runs, or the runs to compare.

    Returns:
        The runs. Runs of a directory are sorted by name, and given runs keep their order. Runs with
        damaged records are omitted, with a message in `RunList.damaged`.

    Raises:
        InputError: The directory cannot be read, or an item of ``source`` is not a run.

    Example:
        >>> import tempfile
        >>> from coordconv_lab import train
        >>> words = dict(canvas=(12, 15), square=3, runs=tempfile.mkdtemp(), progress=False)
        >>> both = [train("regression", model=kind, **words)
        ...         for kind in ("hand-built-regressor", "hand-built-regressor")]
        >>> len(runs(words["runs"])), len(runs(both))
        (1, 2)
        >>> runs(both).where(task="regression").best()[0].scores["test"]["accuracy"]
        1.0
    """
    if not isinstance(source, str | Path):
        if isinstance(source, TrainedRun) or not isinstance(source, Iterable):
            raise InputError(f"expected a directory, or a list of runs; got {in_short(source)}")
        found = list(source)
        for one in found:
            if not isinstance(one, TrainedRun):
                raise InputError(
                    f"expected runs, as returned by train() and load(); got {in_short(one)}"
                )
        return RunList(found)
    root, damaged = Path(source), list[str]()
    if not root.is_dir():
        raise InputError(
            f"{root} is not a directory; pass the directory of runs, as in train(..., runs=...)"
        )
    if (root / "record.json").is_file():
        raise InputError(
            f"{root} is the directory of one run; pass the directory that contains it, or use "
            "load()"
        )
    records = list(RunStore(root).records(damaged))
    return RunList([TrainedRun(directory, record) for directory, record in records], damaged)
