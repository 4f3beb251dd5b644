"""The engine that needs nothing: one run after another, in this process."""

import torch

from coordconv_lab.results import RunStore
from coordconv_lab.sweep.catalogue import Sweep
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
    """Do the runs of a sweep that are missing.

    Several processes share a list of runs: each takes the next one that no other holds.

    Args:
        sweep: The sweep.
        store: Where its runs are kept.
        progress: Told of every run.
        limit: Do so many runs at most.
        threads: Of each run; all cores, if not given.
        hardware: Where to compute them.
        scores_only: Keep the record and the curve of a run alone.

    Returns:
        In words, the files that cannot be used; they and their runs are left as they are.

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
