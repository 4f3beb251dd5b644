"""Find the records of a study in the directories of all studies."""

from pathlib import Path

from coordconv_lab.results import Record, RunStore
from coordconv_lab.results.store import usable
from coordconv_lab.results.stored import is_there
from coordconv_lab.specs import ExperimentSpec


def recorded(
    results: Path, study: str, spec: ExperimentSpec, damaged: list[str] | None = None
) -> tuple[Path, Record] | None:
    """Find the run of a spec, in this study if possible, otherwise in another study.

    Args:
        results: The directory of results, with one directory of runs per study.
        study: The name of the study.
        spec: The spec of the run.
        damaged: List that receives messages about every directory that cannot be read.

    Returns:
        The directory of the run and its record, or None if no run is finished.

    Raises:
        InputError: A record cannot be used; or a directory cannot be read and ``damaged`` is None.
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
