"""Rewrite the measured parts of docs/evidence.md and its figures from the records in results/.

Run it with `make evidence`. A test fails if the page and the records differ.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from evidence_summary import lines
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from measured_parts import with_part, write_or_check

from coordconv_lab.claims import Entry, Verdict
from coordconv_lab.claims.evidence import Evidence, NotYet
from coordconv_lab.claims.ledger import ledger
from coordconv_lab.claims.recordings import Recordings
from coordconv_lab.claims.statistics import FEW, fraction_interval, mean_interval
from coordconv_lab.claims.tally import KINDS, Tally, in_all, tallies
from coordconv_lab.claims.tries import solves
from coordconv_lab.experiments.notsoclevr.claims.regressor import at_the_high_rate
from coordconv_lab.experiments.notsoclevr.claims.tables import (
    EXACT,
    RESAMPLED,
    as_published,
    scores_as_published,
)
from coordconv_lab.experiments.notsoclevr.studies import STUDIES
from coordconv_lab.experiments.notsoclevr.tutorial_scores import TUTORIAL_SCORES
from coordconv_lab.plotting import default_style
from coordconv_lab.results import Record
from coordconv_lab.results.score_format import overlap, percent, published, score
from coordconv_lab.studies import Study, recorded

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
PAGE = ROOT / "docs" / "evidence.md"
IMAGES = ROOT / "docs" / "images"
MARKS = {"reproduced": "✔", "partly": "◐", "not reproduced": "✘", "undecided": "?", "not yet": "…"}
COLUMNS: Mapping[str, Sequence[Verdict]] = {
    "held": ["reproduced"],
    "held in part": ["partly"],
    "did not hold": ["not reproduced"],
    "open": ["undecided", "not yet"],
}
"""The columns of the summary and the verdicts that each column counts."""
SIDES = ("train", "test")


def records_of(study: Study) -> dict[str, list[Record]]:
    """Return the existing records of every arm, for the seeds of the study."""
    return {
        arm: [run[1] for spec in specs if (run := recorded(RESULTS, study.name, spec))]
        for arm, specs in study.arms.items()
    }


def summary_part(entries: Sequence[Entry]) -> str:
    """Return the ten lines, and the table that counts verdicts by source."""
    table = [f"| claims of | claims | {' | '.join(COLUMNS)} |", f"|---|---|{'--:|' * len(COLUMNS)}"]
    table += map(_of_source, tallies(entries))
    return "\n".join([*lines(entries), "", *table, "", f"{in_all(entries)}."])


def _of_source(tally: Tally) -> str:
    counts = [
        str(sum(len(tally.ids[verdict]) for verdict in verdicts)) for verdicts in COLUMNS.values()
    ]
    return f"| {KINDS[tally.kind]} | {tally.size} | {' | '.join(counts)} |"


def ledger_part(entries: Sequence[Entry]) -> str:
    """Return the ledger as a table."""
    lines = [
        "| verdict | claim | effect, 95% interval, n | conditions and details | source |",
        "|---|---|---|---|---|",
    ]
    for claim, finding, _ in entries:
        theorem = f" ([test]({_link(claim.theorem)}))" if claim.theorem else ""
        lines.append(
            f"| {MARKS[finding.verdict]} {finding.verdict} | **{claim.id}**: {claim.statement} "
            f"| {finding.summary}{theorem} | {finding.condition} | {claim.source} |"
        )
    return "\n".join(lines)


def _link(theorem: str) -> str:
    return f"../{theorem.split('::')[0]}"


Rows = dict[str, tuple[str, list[Record]]]
"""The runs of every row, with the name of their study."""


def tutorial_rows(evidence: Evidence) -> Rows:
    """Return the runs of the tutorial's recipe for each row, as `as_published` selects them."""
    rows: Rows = {}
    for arm in map(", ".join, TUTORIAL_SCORES):
        try:
            rows[arm] = as_published(evidence, arm)
        except NotYet:
            exact = evidence.runs(EXACT, arm, 0)
            rows[arm] = (EXACT, exact) if exact else (RESAMPLED, evidence.runs(RESAMPLED, arm, 0))
    return rows


def tuned_rows(evidence: Evidence) -> Rows:
    """Return the runs of our recipe."""
    return {
        arm: ("many-seeds", evidence.runs("many-seeds", arm, 0))
        for arm in map(", ".join, TUTORIAL_SCORES)
    }


def rows_part(tutorial: Rows, tuned: Rows) -> str:
    """Return the table that compares the tutorial's rows, its recipe over seeds, and our recipe."""
    lines = [
        "| row | tutorial: training / test | its recipe, runs | training | test | solved "
        "| our recipe, runs | training | test | solved |",
        "|---|---|---|---|---|---|--:|---|---|---|",
    ]
    for key, figures in TUTORIAL_SCORES.items():
        arm = ", ".join(key)
        cells = [arm, " / ".join(map(published, figures))]
        for study, runs in (tutorial[arm], tuned[arm]):
            draws = {EXACT: ", its draws", RESAMPLED: ", other draws"}.get(study, "")
            cells += [f"{len(runs)}{draws if runs else ''}", *_scores(runs), _solved(runs)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _scores(runs: Sequence[Record]) -> Iterator[str]:
    for side in (0, 1):
        values = [_as_published(run)[side] for run in runs]
        yield _spread(values, runs[0].spec.task) if values else "not yet"


def _as_published(run: Record) -> tuple[float, float]:
    if run.spec.task in ("rendering", "reconstruction"):
        return run.train_score, run.test_score
    return scores_as_published(run)


def _spread(values: Sequence[float], task: str) -> str:
    """Format the mean with its interval, or the values themselves if there are few."""
    write = overlap if task in ("rendering", "reconstruction") else percent
    if min(values) == max(values):
        return write(values[0])
    if len(values) < FEW:
        return ", ".join(map(write, values))
    interval = mean_interval(values, (0, 1))
    assert interval is not None
    return f"{write(fmean(values))} ({write(interval[0])} to {write(interval[1])})"


def _solved(runs: Sequence[Record]) -> str:
    if not runs:
        return ""
    solved = sum(map(solves, runs))
    if len(runs) < FEW:
        return f"{solved} of {len(runs)}"
    low, high = fraction_interval(solved, len(runs))
    return f"{solved} of {len(runs)} ({percent(low)} to {percent(high)})"


def studies_part(studies: Sequence[Study]) -> str:
    """Return the tables of all studies with their arms."""
    parts = []
    for study in studies:
        found = records_of(study)
        done, wanted = sum(map(len, found.values())), len(study.specs)
        parts += [
            f"### {study.name}",
            "",
            f"{study.question} {done} of {wanted} runs are recorded.",
            "",
        ]
        if done:
            parts += ["| arm | runs | training | test |", "|---|--:|---|---|"]
            parts += [_arm(arm, runs) for arm, runs in found.items() if runs]
            parts.append("")
    return "\n".join(parts).rstrip()


def _arm(name: str, runs: Sequence[Record]) -> str:
    cells = []
    for side in SIDES:
        values = [run.train_score if side == "train" else run.test_score for run in runs]
        low, high = (score(value, _kind(runs[0])) for value in (min(values), max(values)))
        text = low if low == high else f"{low} to {high}"
        if runs[0].spec.task == "regression":
            text += f"; {fmean(run.scores[side]['mean_distance'] for run in runs):.2f} px"
        cells.append(text)
    return f"| {name} | {len(runs)} | {cells[0]} | {cells[1]} |"


def _kind(run: Record) -> str:
    return "rendering" if run.spec.task == "reconstruction" else run.spec.task


def search_part(found: dict[str, list[Record]]) -> str:
    """Return the table of the best settings of each network, and the cost of the search."""
    lines = [
        "| row | settings tried | minutes | settings that solve it | best test score "
        "| its training score | best setting |",
        "|---|--:|--:|--:|--:|--:|---|",
    ]
    for arm, runs in found.items():
        if not runs:
            lines.append(f"| {arm} | 0 |  |  | not yet |  |  |")
            continue
        best = max(runs, key=lambda run: (run.test_score, run.train_score))
        solved = sum(map(solves, runs))
        figures = [score(value, best.spec.task) for value in (best.test_score, best.train_score)]
        minutes = sum(run.seconds for run in runs) / 60
        lines.append(
            f"| {arm} | {len(runs)} | {minutes:.0f} | {solved} | {figures[0]} | {figures[1]} "
            f"| {_settings(best)} |"
        )
    return "\n".join(lines)


def _settings(run: Record) -> str:
    """Return the settings of a run that are not the default."""
    training, net = run.spec.training, run.spec.model
    parts = [
        f"learning rate {training.learning_rate:g}",
        f"weight decay {training.weight_decay:g}",
        training.schedule,
    ]
    for name in ("width", "kernel", "input_scale"):
        if run.spec.model_name != "coordconv" and hasattr(net, name):
            parts.append(f"{name.replace('_', ' ')} {getattr(net, name)}")
    if run.spec.model_name != "coordconv" and getattr(net, "batch_norm", False):
        parts.append("batch norm")
    return ", ".join(parts)


@default_style()
def draw_rows(tutorial: Rows, tuned: Rows) -> None:
    """Plot the test score of every seed beside the tutorial's score."""
    arms = [", ".join(key) for key in TUTORIAL_SCORES]
    figure = Figure(figsize=(9.5, 5.2), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for row, (key, arm) in enumerate(zip(TUTORIAL_SCORES, arms, strict=True)):
        for (_, runs), offset, colour in (
            (tutorial[arm], -0.24, "#D55E00"),
            (tuned[arm], 0.24, "#0072B2"),
        ):
            values = [_as_published(run)[1] for run in runs]
            axes.scatter(
                values, [row + offset] * len(values), color=colour, s=34, alpha=0.75, linewidths=0
            )
        figures = TUTORIAL_SCORES[key]
        if figures[1] is not None:
            axes.scatter([figures[1]], [row], marker="D", color="black", s=30, zorder=3)
    axes.set_yticks(range(len(arms)), arms)
    axes.invert_yaxis()
    axes.set(xlim=(-0.03, 1.03), xlabel="test score of a seed: accuracy, or mean IoU for rendering")
    axes.grid(axis="x", color="#dddddd")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)
    for label, colour, marker in (
        ("the tutorial's score", "black", "D"),
        ("its recipe, our seeds", "#D55E00", "o"),
        ("our recipe", "#0072B2", "o"),
    ):
        axes.scatter([], [], color=colour, marker=marker, label=label)
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    figure.savefig(IMAGES / "evidence-rows.png", dpi=110, metadata={"Software": None})


@default_style()
def draw_long_training(evidence: Evidence) -> None:
    """Plot the curves of every seed of the regressor in longer training, at both learning rates."""
    study, high = at_the_high_rate(evidence)
    slow = evidence.arms("long-training", at_least=0)
    panels = [
        *((study, f"1e-2, {split}", runs) for split, runs in high.items()),
        *(("long-training", f"1e-3, {split}", runs) for split, runs in slow.items()),
    ]
    figure = Figure(figsize=(3.2 * len(panels), 3.2), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    places = figure.subplots(1, len(panels), sharey=True)
    for axes, (name, title, runs) in zip(places, panels, strict=True):
        for run in runs:
            curve = evidence.curve_of(name, run.spec)
            epochs = [row.epoch for row in curve]
            axes.plot(epochs, [row.train_score for row in curve], color="#0072B2", alpha=0.5)
            axes.plot(epochs, [row.test_score for row in curve], color="#E69F00", alpha=0.5)
        axes.axvspan(5, 10, color="#eeeeee", zorder=0)
        axes.set(title=f"{title}: {len(runs)} seeds", xlabel="epoch")
        axes.spines[["top", "right"]].set_visible(False)
    places[0].set(ylabel="fraction correct of 48 points")
    figure.savefig(IMAGES / "long-training.png", dpi=110, metadata={"Software": None})


def main() -> int:
    """Write the page and its figures; with --check, only report whether the page is current."""
    studies = [make() for make in STUDIES.values()]
    evidence, entries = Evidence(Recordings(RESULTS)), ledger(RESULTS)
    tutorial, tuned = tutorial_rows(evidence), tuned_rows(evidence)
    page = PAGE.read_text()
    page = with_part(page, summary_part(entries), "summary")
    page = with_part(page, rows_part(tutorial, tuned), "rows")
    page = with_part(page, search_part(records_of(STUDIES["search"]())), "search")
    page = with_part(page, ledger_part(entries), "ledger")
    page = with_part(page, studies_part(studies), "studies")
    checked = write_or_check(PAGE, page)
    if checked is None:
        draw_rows(tutorial, tuned)
        draw_long_training(evidence)
    return checked or 0


if __name__ == "__main__":
    sys.exit(main())
