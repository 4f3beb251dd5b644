"""Train the missing runs of a study, which is a set of runs that test claims."""

from contextlib import closing
from functools import partial
from pathlib import Path

from coordconv_lab.console.run_progress import RunBars
from coordconv_lab.console.run_scores import print_unfinished
from coordconv_lab.console.study_tables import print_arms
from coordconv_lab.errors import DamagedError
from coordconv_lab.results import RunStore
from coordconv_lab.results.store import usable
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies import Study, recorded
from coordconv_lab.sweep.cores import jobs_for
from coordconv_lab.sweep.many_runs import ManyRuns
from coordconv_lab.train import Hardware


def run_study(
    study: Study, results: Path, hardware: Hardware | None = None, jobs: int | None = 1
) -> None:
    """Train the missing runs of a study, then print the scores of its arms.

    Several processes can call this function for the same study. Each process takes the next run
    that is not locked by another process. A run that is recorded in another study is not repeated.
    A run that diverges is recorded as failed, and a run with a damaged file is left unchanged. The
    study continues with the other runs.

    Args:
        study: The study.
        results: Directory of results. The runs are in its subdirectory with the name of the study.
        hardware: Hardware for the runs; a CUDA device by default, if there is one.
        jobs: Number of parallel runs, each in a worker process with one thread. With 1, runs are
            trained in this process. None for the number that is fastest on this machine.

    Raises:
        DamagedError: A file cannot be used, or a worker process was lost. The error is raised after
            all other runs have ended.
        InputError: The directory cannot be used, or ``jobs`` is less than 1.
    """
    store, damaged = RunStore(results / study.name), list[str]()

    def is_missing(spec: ExperimentSpec) -> ExperimentSpec | None:
        there = recorded(results, study.name, spec, damaged) or store.failure(spec)
        return None if there else spec

    missing = [spec for spec in usable(study.specs, is_missing, damaged) if spec is not None]
    hardware = hardware or Hardware()
    jobs = jobs_for(len(study.specs), jobs, hardware)
    # Check each run again when it is its turn, because another process may have trained it.
    left = (spec for spec in usable(missing, is_missing, damaged) if spec is not None)
    with RunBars(total=len(missing)) as bars:
        runs = ManyRuns(store, jobs, bars.line, hardware)
        with closing(runs.attempt(partial(next, left, None))) as attempts:
            for _, done in attempts:
                damaged += done.trouble
                if done.loss:
                    print_unfinished(done.loss, bars.console)
    runs = usable(study.specs, lambda spec: recorded(results, study.name, spec, damaged), damaged)
    print_arms(study, {run[1].spec.id: run[1] for run in runs if run is not None})
    if damaged:
        raise DamagedError(" | ".join(dict.fromkeys(damaged)))
