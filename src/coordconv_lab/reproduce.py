"""Run a recipe for every task, split and model, then show the results."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path

from coordconv_lab.claims.ledger import ledger_if_any
from coordconv_lab.console import RunBars, print_left_out, print_summary
from coordconv_lab.errors import DamagedError
from coordconv_lab.recipes import Recipe
from coordconv_lab.report import write_report
from coordconv_lab.results import RunStore, SummaryRow, summarise
from coordconv_lab.results.files import write_json
from coordconv_lab.results.store import usable
from coordconv_lab.specs import BASELINE, ExperimentSpec, SplitName, TaskName
from coordconv_lab.train import Hardware, run

RESULTS = Path("results")
"""Directory of the records behind the claims in a checkout."""

FAIR_TIME_RATIO = 3.0
"""Target for the training time of a baseline relative to its CoordConv run."""


def selected_specs(
    recipe: Recipe,
    tasks: Sequence[TaskName],
    splits: Sequence[SplitName],
    models: Sequence[str],
    seeds: int,
) -> list[ExperimentSpec]:
    """Return the specs in the order of training, CoordConv before its baseline."""
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
    """Do the missing runs, print the table, and write summary.json and report.html.

    Args:
        specs: The runs; finished runs are not repeated.
        runs: The directory of runs.
        fresh: Delete these runs first.
        hardware: Hardware for the runs; a CUDA device by default, if there is one.

    Returns:
        The path of the report.

    Raises:
        DamagedError: Files of runs in ``specs`` or elsewhere in the report cannot be used;
            everything else is done.
        InputError: The directory cannot be used.
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
        records = list(
            usable(there, lambda spec: run(spec, store, bars, hardware=hardware), damaged)
        )
    if damaged and not records:
        raise DamagedError(" | ".join(damaged))
    rows = summarise(records)
    write_json(runs / "summary.json", [row._asdict() for row in rows])
    unread: list[str] = []
    evidence, search = ledger_if_any(RESULTS, unread), RunStore(RESULTS / "search")
    report = write_report(store, runs / "report.html", evidence, search, damaged=unread)
    print_summary(rows, unfair_pairs(rows), report)
    if left_out := [*damaged, *unread]:
        raise DamagedError(" | ".join(dict.fromkeys(left_out)))
    return report


def unfair_pairs(rows: Sequence[SummaryRow]) -> list[str]:
    """List the baselines that trained for less than FAIR_TIME_RATIO times their CoordConv run."""
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
