"""Run sweeps on many cores or machines with Ray Tune."""

import os
import tempfile
from collections.abc import Sequence
from typing import Any, NamedTuple

from coordconv_lab.errors import DamagedError, InputError
from coordconv_lab.registry import plugin_versions, use_plugins
from coordconv_lab.results.remote import RemoteRunStore, store_at
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.sweep.cluster import RETRIES, connected, runs_at_once
from coordconv_lab.sweep.lookup import Sweep
from coordconv_lab.sweep.plan import planned
from coordconv_lab.sweep.progress import SweepProgress
from coordconv_lab.sweep.proposals import Proposals
from coordconv_lab.train import Attempt, Hardware, SilentProgress, attempt
from coordconv_lab.train.hardware import DeviceName

# By default, Ray Tune writes three logs per run and intercepts Ctrl-C.
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")

try:
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search import Searcher
except ImportError as _error:
    raise InputError(
        "--engine ray requires the extra: pip install 'torch-coordconv[sweep]'"
    ) from _error

HOLD_SECONDS = 60.0
"""How long a retry waits for the lock of the previous worker, which may still be alive."""


class RayOptions(NamedTuple):
    """Resources and options of runs on Ray.

    Attributes:
        address: Address of the cluster, as in `connected`.
        cpus_per_run: Cores per run, which is also the number of threads.
        gpus_per_run: GPUs per run, possibly fractional.
        early_stopping: Whether to stop runs that score worse than other runs of their row at the
            same point of training (ASHA, Li et al. 2020, arXiv:1810.05934).
        device: Device of a run.
        scores_only: Whether to keep only the record and the learning curve of each run.
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
    """Execute the missing runs of a sweep, as many in parallel as the cluster's resources allow.

    Args:
        sweep: The sweep.
        place: A directory that all machines share, or an fsspec URL.
        progress: Called after every run.
        limit: Maximum number of runs.
        options: Resources and options of the runs.

    Returns:
        Messages about unusable files. These files and their runs are left unchanged.

    Raises:
        InputError: No cluster responds, a machine cannot execute runs, or runs were lost.
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
            slots = runs_at_once(options.cpus_per_run, options.gpus_per_run)
            progress.begin(to_do, plan.total, slots)
            if not options.early_stopping:
                _hand_out(plan.in_turns(), place, progress, options, limit, plan.damaged)
                return plan.damaged
            # ASHA must only compare runs of the same row, so run one row after another.
            for row in plan.rows.values():
                done = _hand_out(row, place, progress, options, limit, plan.damaged)
                limit = None if limit is None else limit - done
            return plan.damaged


def _hand_out(
    runs: Proposals,
    place: str,
    progress: SweepProgress,
    options: RayOptions,
    limit: int | None,
    damaged: list[str],
) -> int:
    """Execute runs up to a limit, and return their number.

    Raises:
        InputError: A worker could not use a file, or a run was lost after all retries.
    """
    searcher = _RaySearcher(runs, place, progress, options, limit)
    with tempfile.TemporaryDirectory(prefix="coordconv-tune-") as scratch:
        tuner = tune.Tuner(
            tune.with_resources(
                _train_on_worker, {"cpu": options.cpus_per_run, "gpu": options.gpus_per_run}
            ),
            tune_config=tune.TuneConfig(
                metric="score",
                mode="max",
                num_samples=-1,
                search_alg=searcher,
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
    if searcher.errors:
        raise InputError(searcher.errors[0])
    if searcher.lost:
        raise InputError(
            f"{len(searcher.lost)} runs lost their workers {RETRIES + 1} times each, such as "
            f"{searcher.lost[0].run_name}; all other runs have ended; check the memory of the "
            "machines, then run the same command again"
        )
    damaged.extend(searcher.damaged)
    return searcher.count


def _scheduler() -> ASHAScheduler:
    return ASHAScheduler(time_attr="percent", max_t=100, grace_period=8, reduction_factor=3)


class _RaySearcher(Searcher):
    """A searcher that passes runs to Tune one by one, and collects their results."""

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
        """Return the next run as plain values.

        After an error that would occur in all runs, tell Tune to finish.
        """
        if self.errors or (self._limit is not None and self.count >= self._limit):
            return Searcher.FINISHED
        spec = self._runs.next()
        if spec is None:
            return Searcher.FINISHED
        self._specs[trial_id] = spec
        self.count += 1
        return {
            "plugins": list(plugin_versions()),
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
        """Handle the end of a run, which finished, failed, was locked, stopped early or lost."""
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
        except InputError as failure:  # Tune would hide this error
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
                f"a worker finished {spec.run_name}, but the run is not in {self._place}: the "
                "machine wrote to a different directory; set --runs to a directory that all "
                "machines share, or to a URL"
            )
        self._runs.tell(spec, done.record.test_score if done.record else None)
        self._progress.ended(spec, done)

    def __getstate__(self) -> dict[str, Any]:
        """Return an empty state, because a sweep resumes from its records, not from Tune."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Save nothing."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing."""


def _train_on_worker(config: dict[str, Any]) -> None:
    """Execute one run in a reusable worker."""
    import torch

    torch.set_num_threads(config["threads"])
    use_plugins(config["plugins"])
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
    """Callbacks that report every row of the learning curve to Tune, for early stopping."""

    def __init__(self, spec: ExperimentSpec) -> None:
        self._epochs = spec.training.epochs

    def measured(self, rows: Sequence[dict[str, float]]) -> None:
        """Report the test score and the percentage of training done."""
        row = rows[0]
        percent = 100 * row["epoch"] / self._epochs
        if percent < 100:
            tune.report({"score": row["test_score"], "epoch": row["epoch"], "percent": percent})
