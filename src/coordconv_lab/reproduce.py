"""The main job: run a recipe for every task, split and model, then show what came out."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

from coordconv_lab.claims.ledger import ledger_if_any
from coordconv_lab.console import RunBars, print_summary
from coordconv_lab.recipes import Recipe
from coordconv_lab.report import write_report
from coordconv_lab.results import RunStore, SummaryRow, summarise
from coordconv_lab.results.files import write_json
from coordconv_lab.specs import BASELINE, ExperimentSpec, SplitName, TaskName
from coordconv_lab.train import Hardware, run

RESULTS = Path("results")
"""Where the records behind the claims lie in a checkout."""

FAIR_TIME_RATIO = 3.0
"""A baseline gets at least this many times the seconds of the CoordConv run beside it."""


def selected_specs(
    recipe: Recipe,
    tasks: Sequence[TaskName],
    splits: Sequence[SplitName],
    models: Sequence[str],
    seeds: int,
) -> list[ExperimentSpec]:
    """The runs of the main job, CoordConv before its baseline, in the order they are trained."""
    return [
        recipe(task, split, model, seed)
        for seed, task, split, model in product(range(seeds), tasks, splits, models)
        if model in ("coordconv", "baseline", BASELINE[task])
    ]


def reproduce(
    specs: Sequence[ExperimentSpec],
    runs: Path,
    fresh: bool = False,
    hardware: Hardware | None = None,
) -> Path:
    """Run what is missing, print the table, write summary.json and report.html.

    Args:
        specs: What to run; the runs already done are not run again.
        runs: The directory of runs.
        fresh: Delete these runs first and start anew.
        hardware: Where to train; by default on a CUDA device if there is one.

    Returns:
        The path of the report.

    Raises:
        InputError: The directory or a file in it cannot be used.
    """
    store = RunStore(runs)
    if fresh:
        for spec in specs:
            store.delete(spec)
    # Whatever cannot be used is found before the first run is trained, not after.
    missing = [spec for spec in specs if store.record(spec) is None]
    for spec in missing:
        store.open(spec)
    with RunBars(total=len(missing)) as bars:
        records = [run(spec, store, bars, hardware=hardware) for spec in specs]
    rows = summarise(records)
    write_json(runs / "summary.json", [row._asdict() for row in rows])
    report = write_report(
        store, runs / "report.html", ledger_if_any(RESULTS), RunStore(RESULTS / "search")
    )
    print_summary(rows, unfair_pairs(rows), report)
    return report


def unfair_pairs(rows: Sequence[SummaryRow]) -> list[str]:
    """Name the baselines that had less than their share of time beside their CoordConv run."""
    seconds = {
        (row.task, row.split, row.seed): row.seconds for row in rows if row.model == "coordconv"
    }
    return [
        f"{row.task}, {row.split}, seed {row.seed}: {row.seconds / beside:.2f} times"
        for row in rows
        if row.model != "coordconv"
        and (beside := seconds.get((row.task, row.split, row.seed)))
        and row.seconds < FAIR_TIME_RATIO * beside
    ]
