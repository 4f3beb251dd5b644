"""The records of a study, wherever they were made."""

from pathlib import Path

from coordconv_lab.results import Record, RunStore
from coordconv_lab.results.store import is_there, usable
from coordconv_lab.specs import ExperimentSpec


def recorded(
    results: Path, study: str, spec: ExperimentSpec, damaged: list[str] | None = None
) -> tuple[Path, Record] | None:
    """Find the run of a spec: that of the study, else one that another study made.

    Args:
        results: The directory that holds a directory of runs for each study.
        study: The study's name.
        spec: What was run.
        damaged: Where to note directories that may not be entered, in words.

    Returns:
        The run's directory and its record, or None where nobody has finished it.

    Raises:
        InputError: There is a record, but it cannot be used; or a directory may not be entered,
            and it is not to be noted.
    """
    own = results / study
    others = sorted(path for path in results.glob("*/") if path != own)

    def entered(directory: Path) -> Path:
        is_there(directory / spec.run_name)
        return directory

    for directory in usable((own, *others), entered, damaged):
        store = RunStore(directory)
        record = store.record(spec)
        if record is not None:
            return store.directory(spec), record
    return None
