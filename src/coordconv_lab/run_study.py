"""Train the missing runs of a study; several processes can share the work."""

from pathlib import Path

from coordconv_lab.console.run_progress import RunBars
from coordconv_lab.console.study_tables import print_arms
from coordconv_lab.errors import DamagedError
from coordconv_lab.results import RunStore
from coordconv_lab.results.store import usable
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies import Study, recorded
from coordconv_lab.train import Hardware, attempt


def run_study(study: Study, results: Path, hardware: Hardware | None = None) -> None:
    """Train the missing runs of a study, then print the scores of its arms.

    Several processes can share the work: each process takes the next run that is not locked. A run
    that is recorded in another study is not repeated. A run that diverges is recorded as failed,
    and a run with a damaged file is left unchanged; in both cases the study continues.

    Args:
        study: The study.
        results: Directory of results; the runs are in the subdirectory with the name of the study.
        hardware: Hardware for the runs; a CUDA device by default, if there is one.

    Raises:
        DamagedError: Files cannot be used; all other runs are done.
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
