"""Running a study: whatever of it is missing, alone or beside other processes."""

from pathlib import Path

from coordconv_lab.console import RunBars, print_arms
from coordconv_lab.results import RunStore
from coordconv_lab.studies import Study, recorded
from coordconv_lab.train import Hardware, attempt


def run_study(study: Study, results: Path, hardware: Hardware | None = None) -> None:
    """Train the runs of a study that have no record yet, then print what its arms came to.

    Several processes share the work: each takes the next run that no other one holds. A run that
    another study has made is not made again; a run that diverges is written down as such, and the
    study goes on.

    Args:
        study: The study.
        results: Its runs are kept in a directory of its name in here.
        hardware: Where to train; by default on a CUDA device if there is one.

    Raises:
        InputError: The directory or a file in it cannot be used.
    """
    store = RunStore(results / study.name)
    missing = [
        spec
        for spec in study.specs
        if recorded(results, study.name, spec) is None and store.failure(spec) is None
    ]
    with RunBars(total=len(missing)) as bars:
        for spec in missing:
            if recorded(results, study.name, spec) is None:
                attempt(spec, store, bars, hardware)
    found = {spec.id: recorded(results, study.name, spec) for spec in study.specs}
    print_arms(study, {id: run[1] for id, run in found.items() if run is not None})
