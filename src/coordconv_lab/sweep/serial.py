"""Run sweeps sequentially in this process, without extra dependencies."""

import torch

from coordconv_lab.results import RunStore
from coordconv_lab.sweep.lookup import Sweep
from coordconv_lab.sweep.plan import planned
from coordconv_lab.sweep.progress import SweepProgress
from coordconv_lab.train import Hardware, attempt


def run_serially(
    sweep: Sweep,
    store: RunStore,
    progress: SweepProgress,
    limit: int | None = None,
    threads: int | None = None,
    hardware: Hardware | None = None,
    scores_only: bool = True,
) -> list[str]:
    """Execute the missing runs of a sweep.

    Several processes can share a list of runs: each process takes the next run that is not locked.

    Args:
        sweep: The sweep.
        store: The store of the runs.
        progress: Called after every run.
        limit: Maximum number of runs.
        threads: Threads per run; all cores by default.
        hardware: Hardware for the runs.
        scores_only: Keep only the record and the learning curve of a run.

    Returns:
        Messages about unusable files; these files and their runs are left unchanged.

    Raises:
        InputError: The directory cannot be used.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        with planned(sweep, store) as plan:
            runs, left = plan.in_turns(), plan.left if limit is None else min(limit, plan.left)
            progress.begin(left, plan.total, 1)
            while (limit is None or left) and (spec := runs.next()) is not None:
                done = attempt(spec, store, progress.of_run(), hardware, scores_only)
                left -= not done.held_elsewhere
                runs.tell(spec, done.record.test_score if done.record else None)
                progress.ended(spec, done)
                plan.damaged.extend([done.damage] if done.damage else [])
            return plan.damaged
    finally:
        torch.set_num_threads(before)
