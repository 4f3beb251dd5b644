"""The records of a study, wherever they were made."""

from pathlib import Path

from coordconv_lab.results import Record, RunStore
from coordconv_lab.specs import ExperimentSpec


def recorded(results: Path, study: str, spec: ExperimentSpec) -> tuple[Path, Record] | None:
    """Find the run of a spec: that of the study, else one that another study made.

    Args:
        results: The directory that holds a directory of runs for each study.
        study: The study's name.
        spec: What was run.

    Returns:
        The run's directory and its record, or None where nobody has finished it.

    Raises:
        InputError: There is a record, but it cannot be used.
    """
    own = results / study
    others = sorted(path for path in results.glob("*/") if path != own)
    for directory in (own, *others):
        store = RunStore(directory)
        record = store.record(spec)
        if record is not None:
            return store.directory(spec), record
    return None
