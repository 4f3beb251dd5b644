"""This laboratory's claims about its own recipe."""

from collections.abc import Callable, Sequence

from coordconv_lab.claims.claim import Finding, claim
from coordconv_lab.claims.differences import Stratum, won_and_lost
from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.shares import listed, share, share_solved, solved
from coordconv_lab.claims.tries import solves
from coordconv_lab.claims.verdicts import across
from coordconv_lab.experiments.notsoclevr.studies.rows import LONGER, SPLITS
from coordconv_lab.results.record import Record
from coordconv_lab.results.score_format import overlap
from coordconv_lab.studies.study import row

_RECIPE = "ours: the recipe `tuned`, docs/decisions/0006-tuned-recipe.md"


def _by_split(
    evidence: Evidence, study: str, name: Callable[[str], str], at_least: int
) -> dict[str, Sequence[Record]]:
    return {split: evidence.runs(study, name(split), at_least) for split in SPLITS}


def _solves(task: str, longer: bool) -> Callable[[Evidence], Finding]:
    def test(evidence: Evidence) -> Finding:
        ending = f", {LONGER}" if longer else ""
        return share_solved(
            _by_split(
                evidence, "many-seeds", lambda split: row(task, split, "coordconv") + ending, 5
            )
        )

    return test


for _task in ("classification", "regression"):
    claim(
        f"tuned-solves-{_task}",
        f"Our recipe solves {_task} on both splits, on every seed",
        _RECIPE,
        "ours",
    )(_solves(_task, longer=False))
    claim(
        f"tuned-stays-solved-{_task}",
        f"With three times the epochs of our recipe, {_task} stays solved",
        _RECIPE,
        "ours",
    )(_solves(_task, longer=True))


@claim(
    "tuned-renders",
    "On every seed, our recipe renders white squares on a black background: the IoU is 1, the soft "
    "IoU at least 0.98, and the mean absolute error at most 0.005",
    _RECIPE,
    "ours",
)
def tuned_renders(evidence: Evidence) -> Finding:
    """Check training and test positions on both splits."""
    arms = _by_split(evidence, "crisp", lambda split: f"{split}, coordconv", at_least=3)
    clean = {split: sum(map(_is_clean, runs)) for split, runs in arms.items()}
    sides = [side for runs in arms.values() for run in runs for side in run.scores.values()]
    counts = "; ".join(f"{split}: {clean[split]} of {len(runs)}" for split, runs in arms.items())
    return share(
        sum(clean.values()),
        sum(map(len, arms.values())),
        "runs that meet all three limits, both splits",
        f"{counts}; lowest IoU of a square {overlap(min(side['worst_iou'] for side in sides))}, "
        f"lowest soft IoU {overlap(min(side['soft_iou'] for side in sides))}, highest mean "
        f"absolute error {max(side['mean_absolute_error'] for side in sides):.2g}",
    )


def _is_clean(run: Record) -> bool:
    return all(
        side["worst_iou"] == 1 and side["soft_iou"] >= 0.98 and side["mean_absolute_error"] <= 0.005
        for side in run.scores.values()
    )


@claim(
    "tuned-holds-on-other-canvases",
    "Without changes, our recipe solves the quadrant split on canvases of 40 x 88 and 128 x 128 "
    "(rendering on 128 x 128 was not tried)",
    _RECIPE,
    "ours",
)
def tuned_holds_on_other_canvases(evidence: Evidence) -> Finding:
    """Count every recorded seed of every task and canvas."""
    return share_solved(evidence.arms("canvases", at_least=2))


@claim(
    "radius-keeps-classification-solved",
    "With the radius as a third coordinate, our recipe also solves classification on every seed",
    "ours, because the toy tasks of the paper do not use the radius",
    "ours",
)
def radius_keeps_classification_solved(evidence: Evidence) -> Finding:
    """Compare our recipe with and without a radius channel."""
    having = evidence.arms("radius", at_least=3)
    lacking = {
        split: evidence.runs("many-seeds", row("classification", split, "coordconv"), at_least=3)
        for split in SPLITS
    }
    wide = {
        f"regression on 40 x 88 {words} a radius": evidence.runs("faulty-grids", arm, at_least=3)
        for words, arm in (("with", "regression, radius"), ("without", "regression, right"))
    }
    runs = [run for arm in having.values() for run in arm]
    return share(
        solved(runs),
        len(runs),
        "runs with a radius that solve the task, both splits",
        f"{listed(having)}; without a radius, {listed(lacking)}, so there is nothing to improve; "
        f"not so in another task: {listed(wide)}",
    )


@claim(
    "validation-keeps-our-settings",
    "A choice by validation positions would keep our settings of CoordConv for classification and "
    "regression: they solve at least as many seeds there as the best of 20 drawn settings",
    "ours, because these settings are older than the validation set, "
    "docs/decisions/0030-tuning-on-a-validation-part.md",
    "ours",
)
def validation_keeps_our_settings(evidence: Evidence) -> Finding:
    """Compare the seeds that both settings have, for each task and split.

    One more seed of the drawn settings is the one by which they were chosen.
    """
    arms = evidence.arms("tuning-seeds")
    rows = [name.removesuffix(_OURS) for name in arms if name.endswith(_OURS)]
    strata = [Stratum(name, arms[name + _OURS], arms[name + _DRAWN]) for name in rows]
    pairs = [won_and_lost([one], solves) for one in strata]
    kept = sum(won >= lost for won, lost in pairs)
    counts = ", ".join(f"{won} and {lost}" for won, lost in pairs)
    return Finding(
        across(["reproduced" if won >= lost else "not reproduced" for won, lost in pairs]),
        len(rows),
        "tasks and splits for which our settings solve at least as many validation seeds",
        kept / len(rows),
        None,
        f"validation seeds that only our settings solve, and only the others, by row: {counts}; "
        f"all recorded seeds, {listed(arms)}",
        held=kept,
    )


_OURS, _DRAWN = ", our recipe", ", best drawn settings"
