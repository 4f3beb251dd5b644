"""The engine for many cores and many machines: the same runs, handed out by Ray Tune."""

import os
import tempfile
from collections.abc import Sequence
from typing import Any, NamedTuple

from coordconv_lab.errors import DamagedError, InputError
from coordconv_lab.results.remote import RemoteRunStore, store_at
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.sweep.catalogue import Sweep
from coordconv_lab.sweep.plan import planned
from coordconv_lab.sweep.progress import SweepProgress
from coordconv_lab.sweep.proposals import Proposals
from coordconv_lab.train import Attempt, Hardware, SilentProgress, attempt
from coordconv_lab.train.hardware import DeviceName

# Tune writes three logs a run and takes Ctrl-C for itself, unless it is told not to.
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")

try:
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search import Searcher
except ImportError as _error:
    raise InputError(
        "the engine ray needs the extra: pip install 'torch-coordconv[sweep]'"
    ) from _error

from coordconv_lab.sweep.cluster import connected

RETRIES = 3
"""How often a run is tried again whose worker was lost."""

HOLD_SECONDS = 60.0
"""How long a run waits for the worker that was taken for lost to let go of it."""


class RayOptions(NamedTuple):
    """How runs are handed out.

    Attributes:
        address: As in `connected`.
        cpus_per_run: Cores of a run; it has as many threads.
        gpus_per_run: GPUs of a run, or a part of one.
        early_stopping: Stop runs early that are among the worse of their row at the same part of
            their training (ASHA, Li et al. 2020, arXiv:1810.05934).
        device: Where a run is computed.
        scores_only: Keep the record and the curve of a run alone.
    """

    address: str | None = None
    cpus_per_run: int = 1
    gpus_per_run: float = 0.0
    early_stopping: bool = False
    device: DeviceName = "auto"
    scores_only: bool = True


def run_on_ray(
    sweep: Sweep,
    place: str,
    progress: SweepProgress,
    limit: int | None = None,
    options: RayOptions | None = None,
) -> list[str]:
    """Do the runs of a sweep that are missing, as many at once as the cluster has room for.

    Args:
        sweep: The sweep.
        place: A directory that all machines share, or an fsspec URL.
        progress: Told of every run.
        limit: Do so many runs at most.
        options: How they are handed out.

    Returns:
        In words, the files that cannot be used; they and their runs are left as they are.

    Raises:
        InputError: No cluster answers, a machine lacks what a run needs, or runs were lost.
    """
    options = options or RayOptions()
    store = store_at(place)
    if not isinstance(store, RemoteRunStore):
        place = str(store.root.resolve())
        store = store_at(place)
    with planned(sweep, store, options.early_stopping) as plan:
        to_do = plan.left if limit is None else min(limit, plan.left)
        if not to_do:
            progress.begin(0, plan.total, 1)
            return plan.damaged
        with connected(options.address, place):
            progress.begin(to_do, plan.total, _at_once(options))
            if not options.early_stopping:
                _hand_out(plan.in_turns(), place, progress, options, limit, plan.damaged)
                return plan.damaged
            # Runs of one row alone compare at the same part of their training.
            for row in plan.rows.values():
                done = _hand_out(row, place, progress, options, limit, plan.damaged)
                limit = None if limit is None else limit - done
            return plan.damaged


def _at_once(options: RayOptions) -> int:
    import ray

    there = ray.cluster_resources()
    slots = int(there.get("CPU", 0) // options.cpus_per_run)
    if options.gpus_per_run:
        slots = min(slots, int(there.get("GPU", 0) / options.gpus_per_run))
    if not slots:
        raise InputError(
            f"a run is to have {options.cpus_per_run} cores and {options.gpus_per_run:g} GPUs; the "
            f"cluster has {there.get('CPU', 0):g} and {there.get('GPU', 0):g}"
        )
    return slots


def _hand_out(
    runs: Proposals,
    place: str,
    progress: SweepProgress,
    options: RayOptions,
    limit: int | None,
    damaged: list[str],
) -> int:
    """Do runs, up to a limit, note files that cannot be used, and return how many there were.

    Raises:
        InputError: A worker could not use a file, or runs were lost more often than they are tried.
    """
    asked = _Asked(runs, place, progress, options, limit)
    with tempfile.TemporaryDirectory(prefix="coordconv-tune-") as scratch:
        tuner = tune.Tuner(
            tune.with_resources(
                _train_on_worker, {"cpu": options.cpus_per_run, "gpu": options.gpus_per_run}
            ),
            tune_config=tune.TuneConfig(
                metric="score",
                mode="max",
                num_samples=-1,
                search_alg=asked,
                scheduler=_scheduler() if options.early_stopping else None,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                storage_path=scratch,
                name="sweep",
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=RETRIES),
            ),
        )
        tuner.fit()
    if asked.errors:
        raise InputError(asked.errors[0])
    if asked.lost:
        raise InputError(
            f"{len(asked.lost)} runs were lost with their workers {RETRIES + 1} times each, such "
            f"as {asked.lost[0].run_name}; look at the memory of the machines, and run the same "
            "command again: the rest is done"
        )
    damaged.extend(asked.damaged)
    return asked.count


def _scheduler() -> ASHAScheduler:
    return ASHAScheduler(time_attr="percent", max_t=100, grace_period=8, reduction_factor=3)


class _Asked(Searcher):
    """Gives Tune the runs one by one, and hears how they went."""

    def __init__(
        self,
        runs: Proposals,
        place: str,
        progress: SweepProgress,
        options: RayOptions,
        limit: int | None,
    ) -> None:
        super().__init__(metric="score", mode="max")
        self._runs, self._place, self._progress, self._options = runs, place, progress, options
        self._limit = limit
        self._store = store_at(place)
        self._specs: dict[str, ExperimentSpec] = {}
        self.errors: list[str] = []
        self.damaged: list[str] = []
        self.lost: list[ExperimentSpec] = []
        self.count = 0

    def suggest(  # pyright: ignore[reportIncompatibleMethodOverride]  (Ray forgets FINISHED)
        self, trial_id: str
    ) -> dict[str, Any] | str | None:
        """The next run, as plain values; nothing more after an error that all runs would meet."""
        if self.errors or (self._limit is not None and self.count >= self._limit):
            return Searcher.FINISHED
        spec = self._runs.next()
        if spec is None:
            return Searcher.FINISHED
        self._specs[trial_id] = spec
        self.count += 1
        return {
            "spec": spec.model_dump_json(),
            "place": self._place,
            "device": self._options.device,
            "scores_only": self._options.scores_only,
            "threads": self._options.cpus_per_run,
            "report_rows": self._options.early_stopping,
        }

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Sort a run into done, given up, held elsewhere, stopped early, and lost."""
        spec, result = self._specs.pop(trial_id), result or {}
        try:
            if "error" in result:
                self.errors.append(result["error"])
                self._runs.tell(spec, None)
            elif result.get("finished"):
                self._ended(spec, result)
            elif error or "epoch" not in result:
                self.lost.append(spec)
                self._runs.tell(spec, None)
            else:
                row = {name: result[name] for name in ("epoch", "score")}
                self._store.stop(spec, row)
                self._runs.tell(spec, row["score"])
                self._progress.stopped(spec, row)
        except InputError as failure:  # Tune would bury it
            self.errors.append(str(failure))

    def _ended(self, spec: ExperimentSpec, result: dict[str, Any]) -> None:
        try:
            record, failure = self._store.record(spec), self._store.failure(spec)
            done = Attempt(record, failure, result["damage"])
        except DamagedError as error:
            done = Attempt(damage=str(error))
        self.damaged += [done.damage] if done.damage else []
        self.count -= result["held"]
        if done.held_elsewhere and not result["held"]:
            self.errors.append(
                f"a worker finished {spec.run_name}, but {self._place} does not have it: that "
                "machine wrote elsewhere; give --runs a directory that all machines share, or a URL"
            )
        self._runs.tell(spec, done.record.test_score if done.record else None)
        self._progress.ended(spec, done)

    def __getstate__(self) -> dict[str, Any]:
        """Tune keeps a copy of its experiment, to go on from; here the records are that."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Save nothing."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing."""


def _train_on_worker(config: dict[str, Any]) -> None:
    """Do one run in a worker, which is used again for the next."""
    import torch

    torch.set_num_threads(config["threads"])
    spec = ExperimentSpec.model_validate_json(config["spec"])
    try:
        done = attempt(
            spec,
            store_at(config["place"]),
            _Rows(spec) if config["report_rows"] else None,
            Hardware(config["device"]),
            config["scores_only"],
            HOLD_SECONDS,
        )
    except InputError as error:
        tune.report({"score": 0.0, "percent": 100, "error": str(error)})
        return
    score = done.record.test_score if done.record else 0.0
    how = {"finished": True, "held": done.held_elsewhere, "damage": done.damage}
    tune.report({"score": score, "percent": 100, **how})


class _Rows(SilentProgress):
    """Reports every row of a run's curve, so that it can be stopped early."""

    def __init__(self, spec: ExperimentSpec) -> None:
        self._epochs = spec.training.epochs

    def measured(self, rows: Sequence[dict[str, float]]) -> None:
        """Report the held-out score, and the part of the training that is done."""
        row = rows[0]
        percent = 100 * row["epoch"] / self._epochs
        if percent < 100:
            tune.report({"score": row["test_score"], "epoch": row["epoch"], "percent": percent})
