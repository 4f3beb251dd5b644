"""Running a study: whatever of it is missing, alone or beside other processes."""

from pathlib import Path

from coordconv_lab.console import RunBars, print_arms
from coordconv_lab.errors import DamagedError
from coordconv_lab.results import RunStore
from coordconv_lab.results.store import usable
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies import Study, recorded
from coordconv_lab.train import Hardware, attempt


def run_study(study: Study, results: Path, hardware: Hardware | None = None) -> None:
    """Train the runs of a study that have no record yet, then print what its arms came to.

    Several processes share the work: each takes the next run that no other one holds. A run that
    another study has made is not made again; a run that diverges is written down as such, and the
    study goes on, as it does past a run with a damaged file, which is left as it is.

    Args:
        study: The study.
        results: Its runs are kept in a directory of its name in here.
        hardware: Where to train; by default on a CUDA device if there is one.

    Raises:
        DamagedError: Files cannot be used; all that does without them is done.
        InputError: The directory cannot be used.
    """
    store, damaged = RunStore(results / study.name), list[str]()

    def is_missing(spec: ExperimentSpec) -> ExperimentSpec | None:
        there = recorded(results, study.name, spec, damaged) or store.failure(spec)
        return None if there else spec

    missing = [spec for spec in usable(study.specs, is_missing, damaged) if spec is not None]
    with RunBars(total=len(missing)) as bars:
        for spec in usable(missing, is_missing, damaged):
            if spec is not None:
                done = attempt(spec, store, bars, hardware)
                damaged += [done.damage] if done.damage else []
    runs = usable(study.specs, lambda spec: recorded(results, study.name, spec, damaged), damaged)
    print_arms(study, {run[1].spec.id: run[1] for run in runs if run is not None})
    if damaged:
        raise DamagedError(" | ".join(dict.fromkeys(damaged)))
