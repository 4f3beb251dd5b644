"""Do the runs of the main table of an experiment, then show the results."""

from collections.abc import Iterable, Sequence
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
from coordconv_lab.console.run_scores import print_left_out
from coordconv_lab.errors import DamagedError, InputError, LockedError, printable
from coordconv_lab.recipes import spec_by_recipe
from coordconv_lab.registry import registry, resolve
from coordconv_lab.report import write_report
from coordconv_lab.results import Record, RunStore
from coordconv_lab.results.files import write_json
from coordconv_lab.results.store import usable
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train import Hardware, run

RESULTS = Path("results")
"""Directory of the records behind the claims in a checkout."""

WAIT_SECONDS = 3600.0
"""How long to wait in the end for runs that other processes are training."""


def selected_specs(
    recipe: str | None,
    tasks: Sequence[str],
    splits: Sequence[str],
    models: Sequence[str],
    seeds: int,
) -> list[ExperimentSpec]:
    """Return the specs in the order of training.

    Args:
        recipe: Name of a recipe; by default the first of the experiment.
        tasks: Names of tasks of one experiment.
        splits: Names of splits.
        models: Families of networks; "baseline" is the baseline of each task.
        seeds: Number of seeds of each run.

    Raises:
        InputError: No task has any of the models.
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
) -> Path:
    """Train the missing runs, print the table, and write summary.json and report.html.

    Several processes can share the work: each takes the next run that is not locked.

    Args:
        specs: The runs of one experiment; finished runs are not repeated.
        runs: The directory of runs.
        fresh: Delete these runs first.
        hardware: Hardware for the runs; a CUDA device by default, if there is one.
        asked: The questions that these runs answer; the table is then that of their gains.

    Returns:
        The path of the report.

    Raises:
        DamagedError: Files of runs in ``specs`` or elsewhere in the report cannot be used;
            everything else is done.
        LockedError: Another process has been training a run for an hour.
        InputError: The directory or the data cannot be used.
    """
    store, damaged = RunStore(runs), list[str]()
    if fresh:
        for spec in specs:
            store.delete(spec)

    def is_done(spec: ExperimentSpec) -> tuple[ExperimentSpec, bool]:
        done = store.record(spec) is not None
        if not done:
            store.open(spec)
        return spec, done

    # Report unusable files before the first run is trained, and again at the end.
    there = dict(usable(specs, is_done, damaged))
    for words in damaged:
        print_left_out(words)
    with RunBars(total=sum(not done for done in there.values())) as bars:
        records = _trained(list(there), store, bars, hardware, damaged)
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
    specs: Sequence[ExperimentSpec],
    store: RunStore,
    bars: RunBars,
    hardware: Hardware | None,
    damaged: list[str],
) -> list[Record]:
    """Train what is missing; last, wait for the runs that other processes are training."""
    held: list[ExperimentSpec] = []

    def trained(spec: ExperimentSpec) -> Record | None:
        try:
            return run(spec, store, bars, hardware=hardware)
        except LockedError:
            held.append(spec)
            return None

    def awaited(spec: ExperimentSpec) -> Record:
        if store.record(spec) is None:
            bars.console.print(f"waiting for another process: {spec.run_name}", markup=False)
        return run(spec, store, bars, hardware=hardware, wait_seconds=WAIT_SECONDS)

    found = [*usable(specs, trained, damaged), *usable(held, awaited, damaged)]
    by_id = {record.spec.id: record for record in found if record is not None}
    return [by_id[spec.id] for spec in specs if spec.id in by_id]


def summary(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Return the rows of summary.json for an experiment without a summary of its own.

    Scores that are infinite or NaN are None.
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
