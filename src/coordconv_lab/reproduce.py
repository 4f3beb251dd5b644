"""Train the runs of the main table of an experiment, then show the results."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import product
from math import isfinite
from pathlib import Path
from typing import Any

from rich.console import Console

from coordconv_lab.claims.gains import gain_rows_if_any
from coordconv_lab.claims.ledger import ledger_if_any
from coordconv_lab.claims.question_runs import QuestionRuns
from coordconv_lab.console.gains_table import print_gains
from coordconv_lab.console.main_table import print_table
from coordconv_lab.console.run_progress import RunBars
from coordconv_lab.console.run_scores import print_left_out, print_unfinished
from coordconv_lab.errors import (
    DamagedError,
    FailingRunError,
    InputError,
    LockedError,
    LostRunError,
    printable,
)
from coordconv_lab.recipes import spec_by_recipe
from coordconv_lab.registry import registry, resolve
from coordconv_lab.report import write_report
from coordconv_lab.results import Record, RunStore
from coordconv_lab.results.files import write_json
from coordconv_lab.results.store import usable
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.sweep.cores import jobs_for
from coordconv_lab.sweep.many_runs import ManyRuns
from coordconv_lab.train import Hardware

RESULTS = Path("results")
"""Directory of the committed records behind the claims, in a checkout of the repository."""

WAIT_SECONDS = 3600.0
"""How long to wait at the end for runs that other processes are training."""


def selected_specs(
    recipe: str | None,
    tasks: Sequence[str],
    splits: Sequence[str],
    models: Sequence[str],
    seeds: int,
) -> list[ExperimentSpec]:
    """Return the specs in the order of training.

    Args:
        recipe: Name of a recipe. By default, the first recipe of the experiment.
        tasks: Names of tasks of one experiment.
        splits: Names of splits.
        models: Families of networks. "baseline" means the baseline of each task.
        seeds: Number of seeds of each run.

    Raises:
        InputError: None of the tasks has any of the models.
    """
    compared = {task: registry().compared_families(task) for task in tasks}
    specs = [
        spec_by_recipe(task, split, model, seed, recipe)
        for seed, task, split, model in product(range(seeds), tasks, splits, models)
        if model in ("baseline", *compared[task])
    ]
    if not specs:
        there = [f"{task} has {' and '.join(families)}" for task, families in compared.items()]
        raise InputError(
            f"no run matches task {', '.join(tasks)} and model {', '.join(models)}; "
            f"{', '.join(there)}"
        )
    return specs


def reproduce(
    specs: Sequence[ExperimentSpec],
    runs: Path,
    fresh: bool = False,
    hardware: Hardware | None = None,
    asked: QuestionRuns | None = None,
    jobs: int | None = 1,
) -> Path:
    """Train the missing runs, print the table, and write summary.json and report.html.

    Several processes can call this function for the same runs. Each process takes the next run that
    is not locked by another process.

    Args:
        specs: The specs of the runs, from one experiment. Finished runs are not repeated.
        runs: The directory of runs.
        fresh: Whether to first delete the runs of ``specs``.
        hardware: Hardware for the runs; a CUDA device by default, if there is one.
        asked: The questions that these runs answer, if any. The table then shows the gains.
        jobs: Number of parallel runs, each in a worker process with one thread. With 1, runs are
            trained in this process. None for the number that is fastest on this machine.

    Returns:
        The path of the report.

    Raises:
        DamagedError: A file of a run in the report cannot be used, a run failed, or a worker
            process was lost. The error is raised after everything else has succeeded.
        LockedError: Another process has been training a run for an hour.
        InputError: The directory or the data cannot be used, or ``jobs`` is less than 1.
    """
    store, damaged = RunStore(runs), list[str]()
    hardware = hardware or Hardware()
    jobs = jobs_for(len({spec.id for spec in specs}), jobs, hardware)
    if fresh:
        store.delete(*{spec.id: spec for spec in specs}.values())

    def is_done(spec: ExperimentSpec) -> tuple[ExperimentSpec, bool]:
        done = store.record(spec) is not None
        if not done:
            store.open(spec)
        return spec, done

    # Print messages about unusable files before training. They are repeated at the end.
    # By id, because the settings of a plug-in can contain a dictionary, which has no hash.
    there = {spec.id: (spec, done) for spec, done in usable(specs, is_done, damaged)}
    for words in damaged:
        print_left_out(words)
    with RunBars(total=sum(not done for _, done in there.values())) as bars:
        wanted = [spec for spec, _ in there.values()]
        records = _trained(
            wanted, ManyRuns(store, jobs, bars.line, hardware), bars.console, damaged
        )
    if damaged and not records:
        raise DamagedError(" | ".join(dict.fromkeys(damaged)))
    how = registry().experiment_of(specs[0].task).reproduction
    write_json(runs / "summary.json", resolve((how and how.summary) or summary)(records))
    unread: list[str] = []
    evidence, search = ledger_if_any(RESULTS, unread), RunStore(RESULTS / "search")
    gains = gain_rows_if_any(RESULTS, unread)
    report = write_report(
        store, runs / "report.html", evidence, search, damaged=unread, gains=gains
    )
    if asked is None:
        resolve((how and how.show) or print_table)(records)
    else:
        print_gains(asked, records, asked.recorded(RESULTS, unread))
    Console().print(f"Report: {printable(str(report))}", soft_wrap=True, markup=False)
    if left_out := [*damaged, *unread]:
        raise DamagedError(" | ".join(dict.fromkeys(left_out)))
    return report


def _trained(
    specs: Sequence[ExperimentSpec], runs: ManyRuns, console: Console, damaged: list[str]
) -> list[Record]:
    """Train the missing runs, then wait for the runs that other processes are training."""
    by_id: dict[str, Record] = {}
    held: list[ExperimentSpec] = []

    def missing(wanted: Sequence[ExperimentSpec]) -> Iterator[ExperimentSpec]:
        store = runs.store
        for spec, record in usable(wanted, lambda spec: (spec, store.record(spec)), damaged):
            if record is None:
                yield spec
            else:
                store.tidy(spec)
                by_id[spec.id] = record

    def awaited() -> Iterator[ExperimentSpec]:
        for spec in missing(held):
            console.print(f"waiting for another process: {spec.run_name}", markup=False)
            yield spec

    first = in_parallel_order(specs) if runs.jobs > 1 else specs
    for is_last, waiting in ((False, missing(first)), (True, awaited())):
        wait_seconds = WAIT_SECONDS if is_last else 0.0
        with closing(runs.train(partial(next, waiting, None), wait_seconds)) as ended:
            for spec, end in ended:
                if isinstance(end, Record):
                    by_id[spec.id] = end
                elif isinstance(end, LockedError) and not is_last:
                    held.append(spec)
                elif isinstance(end, DamagedError | FailingRunError | LostRunError):
                    damaged.append(str(end))
                    print_unfinished(str(end), console)
                else:
                    raise end
    return [by_id[spec.id] for spec in specs if spec.id in by_id]


def in_parallel_order(specs: Sequence[ExperimentSpec]) -> list[ExperimentSpec]:
    """Return specs in the order in which parallel workers should start them.

    Quick runs come first, in the given order, so that first scores appear soon. A run is quick if
    it has at most a tenth of the epochs of the longest run. The other runs follow, longest first,
    so that no worker is idle for long while the last run ends.
    """
    longest = max((spec.training.epochs for spec in specs), default=0)

    def place(spec: ExperimentSpec) -> int:
        epochs = spec.training.epochs
        return -longest - 1 if 10 * epochs <= longest else -epochs

    return sorted(specs, key=place)


def summary(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Return the rows of summary.json for an experiment that does not define its own summary.

    Scores that are infinite or NaN are replaced by None.
    """
    return [
        {
            "run": record.spec.run_name,
            "task": record.spec.task,
            "split": record.spec.data.split,
            "model": record.spec.model_name,
            "seed": record.spec.seed,
            "parameters": record.parameters,
            "epochs": record.epochs,
            "steps": record.steps,
            "seconds": round(record.seconds, 2),
            **{
                f"{side}_{name}": value if isfinite(value) else None
                for side, scores in record.scores.items()
                for name, value in scores.items()
            },
        }
        for record in records
    ]
