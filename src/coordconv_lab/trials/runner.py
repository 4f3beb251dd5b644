"""Execute the runs of a trial, round by round, on any engine."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from coordconv_lab.errors import InputError
from coordconv_lab.trials.arms import PLAIN, Arm
from coordconv_lab.trials.engines import Ended, Engine
from coordconv_lab.trials.jobs import Failure, Job
from coordconv_lab.trials.mirror_watch import MirrorWatch
from coordconv_lab.trials.one_run import OTHER_WEIGHTS, UnusableArmError
from coordconv_lab.trials.outcome import (
    ArmOutcome,
    Outcome,
    comparisons_of,
    outcome_of,
    pairs_of,
)
from coordconv_lab.trials.store import Finished, TrialStore
from coordconv_lab.trials.verdicts import rounds

__all__ = ["Budget", "TrialRunner"]


class Budget(NamedTuple):
    """The limits of one call of `trial`.

    Attributes:
        end: Time of the monotonic clock after which no run starts.
        runs: Maximum number of runs to start; None for no limit.
    """

    end: float
    runs: int | None


class TrialRunner:
    """The runs of one call of `trial`.

    A round consists of all runs between two checks of the verdicts. Verdicts determine the arms of
    the next round, but do not change a round in progress, so the order of its runs does not matter.

    Args:
        engine: Executes the runs.
        store: Stores the finished runs.
        arms: The arms, the model without coordinates first.
        seeds: Maximum number of seeds.
        min_difference: Smallest difference that matters.
        higher_is_better: Whether larger scores are better.
        report: Called with a line about each run.
    """

    def __init__(
        self,
        engine: Engine,
        store: TrialStore,
        arms: Sequence[Arm],
        seeds: int,
        min_difference: float,
        higher_is_better: bool,
        report: Callable[[str], None] | None,
    ) -> None:
        self.engine = engine
        self.store = store
        self.arms = arms
        self.seeds = seeds
        self.min_difference = min_difference
        self.higher_is_better = higher_is_better
        self.report = report or (lambda _: None)
        self.notes: dict[str, str] = {}
        self.failures: list[Failure] = []
        self.decided: set[str] = set()
        self.stopped: set[str] = set()
        self.watch = MirrorWatch()
        self.begun = 0
        self.waiting: list[Finished] = []
        self.has_warned = False

    def run(self, budget: Budget) -> Outcome:
        """Execute the missing runs, round by round, and return the outcome."""
        for seeds in rounds(self.seeds):
            if seeds.start:
                self.decided = {row.arm for row in self.outcome() if _is_decided(row)}
                self.stopped = {failure.arm for failure in self.failures}
            try:
                remark = self._round(seeds, budget)
            finally:
                self._keep_all()
            if remark:
                return self.outcome(remark)
        return self.outcome()

    def outcome(self, remark: str = "") -> Outcome:
        """Compare the finished runs."""
        runs = {arm.name: self.store.of(arm.name, self.seeds) for arm in self.arms}
        # Count the arms of earlier calls, too, because the user has seen their verdicts.
        names = dict.fromkeys([*runs, *(run.arm for run in self.store.runs)])
        return outcome_of(
            self.arms,
            runs,
            comparisons=comparisons_of(list(names)),
            min_difference=self.min_difference,
            higher_is_better=self.higher_is_better,
            notes=self.notes,
            remark=remark,
            failures=self.failures,
        )

    def _round(self, seeds: range, budget: Budget) -> str:
        """Execute the missing runs of a round, and return why some were not started, or ""."""
        left = deque((arm, seed) for seed in seeds for arm in self.arms)
        running, remark = 0, ""
        while True:
            while left and not self._is_due(*left[0]):
                left.popleft()
            remark = remark or (self._spent(budget) if left else "")
            if left and not remark and running < self.engine.at_once:
                arm, seed = left.popleft()
                self.engine.begin(Job(arm, seed, self._weights(seed)), self.watch)
                self.begun += 1
                running += 1
            elif running:
                self._take(self.engine.ended())
                running -= 1
            else:
                return remark

    def _is_due(self, arm: Arm, seed: int) -> bool:
        return arm in self._open_arms() and self.store.find(arm.name, seed) is None

    def _spent(self, budget: Budget) -> str:
        """Return a message if the budget is spent, or ""."""
        if time.monotonic() > budget.end:
            return "Time ran out before all seeds were run."
        if self.begun == budget.runs:
            return f"This call ended after {budget.runs} runs, before all seeds were run."
        return ""

    def _open_arms(self) -> list[Arm]:
        """Return the arms without a clear verdict, and the arms that these are compared with."""
        left_out = {*self.notes, *self.stopped}
        if PLAIN in left_out:
            return []
        names = [arm.name for arm in self.arms if arm.name not in left_out]
        pairs = [(ours, other) for ours, other in pairs_of(self.arms) if ours in names]
        # A shuffled arm is a control; it does not need a verdict.
        shuffled = {arm.name for arm in self.arms if arm.is_shuffled}
        pairs = [pair for pair in pairs if pair[0] not in shuffled] or pairs
        needed = {name for pair in pairs if pair[0] not in self.decided for name in pair}
        return [arm for arm in self.arms if arm.name in needed and arm.name in names]

    def _take(self, ended: Ended) -> None:
        """Store a run that ended, or record why it failed."""
        job, found = ended.job, ended.found
        self.watch.learn(ended.watch)
        if isinstance(found, UnusableArmError):
            self._leave_out(job.arm.name, found)
        elif isinstance(found, Failure):
            is_new = all(found.error != one.error for one in self.failures)
            self.failures.append(found)
            self.report(f"{job.name}: failed: {found.error}")
            if is_new and found.traceback:
                self.report(found.traceback.rstrip())
        else:
            said = found.note or f"{found.score:.4g}"
            self.report(f"{job.name}: {said} ({found.seconds:.0f} s)")
            if found.warning and not self.has_warned:
                self.has_warned = True
                self.report(found.warning)
            self.waiting.append(found)
            if self.store.find(PLAIN, job.seed) is not None or found.arm == PLAIN:
                self._keep_all(job.seed)

    def _keep_all(self, seed: int | None = None) -> None:
        """Store the runs that waited for the initial weights of the model without coordinates.

        Args:
            seed: Store only runs with this seed; by default all.
        """
        order = [arm.name for arm in self.arms]
        for run in sorted(self.waiting, key=lambda one: (one.seed, order.index(one.arm))):
            if seed in (None, run.seed):
                self.waiting.remove(run)
                self._keep(run)

    def _keep(self, run: Finished) -> None:
        if self._weights(run.seed) in (None, run.weights):
            self.store.add(run)
        elif run.arm == PLAIN:
            raise InputError(OTHER_WEIGHTS)
        else:
            self._leave_out(run.arm, InputError(OTHER_WEIGHTS))

    def _weights(self, seed: int) -> str | None:
        """Return the digest of the initial weights for a seed; None if the seed has no run."""
        return next((run.weights for run in self.store.runs if run.seed == seed), None)

    def _leave_out(self, name: str, error: InputError) -> None:
        """Record why an arm is not run."""
        if name not in self.notes:
            said = str(error)
            self.notes[name] = said if said.endswith((".", "?", "!")) else f"{said}."
            self.report(f"{name}: {error}")


def _is_decided(row: ArmOutcome) -> bool:
    found = [one for one in (row.against_plain, row.against_shuffled) if one is not None]
    return bool(found) and all(one.verdict != "undecided" for one in found)
