"""Run sweeps on this machine, without extra dependencies."""

from contextlib import closing

from coordconv_lab.results import RunStore
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.sweep.cores import jobs_for
from coordconv_lab.sweep.lookup import Sweep
from coordconv_lab.sweep.many_runs import ManyRuns
from coordconv_lab.sweep.plan import planned
from coordconv_lab.sweep.progress import SweepProgress
from coordconv_lab.train import Hardware


def run_serially(
    sweep: Sweep,
    store: RunStore,
    progress: SweepProgress,
    limit: int | None = None,
    threads: int = 1,
    hardware: Hardware | None = None,
    scores_only: bool = True,
    jobs: int | None = 1,
) -> list[str]:
    """Execute the missing runs of a sweep.

    Several processes can call this function for the same sweep. Each process takes the next run
    that is not locked by another process.

    Args:
        sweep: The sweep.
        store: The store of the runs.
        progress: Called after every run.
        limit: Maximum number of runs.
        threads: Threads per run.
        hardware: Hardware for the runs.
        scores_only: Whether to keep only the record and the learning curve of each run.
        jobs: Number of parallel runs, each in a worker process. With 1, runs are trained in this
            process. None for the number that is fastest on this machine, see `jobs_for`.

    Returns:
        Messages about unusable files and lost worker processes. The unusable files, and the runs of
        the lost processes, are left unchanged.

    Raises:
        InputError: The directory cannot be used, or ``jobs`` is less than 1.
    """
    hardware = hardware or Hardware()
    with planned(sweep, store) as plan:
        jobs = jobs_for(plan.total, jobs, hardware, threads)
        source, left = plan.in_turns(), plan.left if limit is None else min(limit, plan.left)
        progress.begin(left, plan.total, max(1, min(jobs, left)))

        def next_run() -> ExperimentSpec | None:
            nonlocal left
            spec = source.next() if limit is None or left else None
            left -= spec is not None
            return spec

        runs = ManyRuns(store, jobs, progress.of_run, hardware, threads, scores_only)
        with closing(runs.attempt(next_run)) as attempts:
            for spec, done in attempts:
                left += done.held_elsewhere
                source.tell(spec, done.record.test_score if done.record else None)
                progress.ended(spec, done)
                plan.damaged.extend(done.trouble)
        return plan.damaged
