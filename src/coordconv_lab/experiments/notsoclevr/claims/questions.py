"""This laboratory's claims that answer questions from a review."""

from collections.abc import Sequence
from itertools import product

from scipy.stats import binomtest

from coordconv_lab.claims.claim import Finding, Verdict, claim
from coordconv_lab.claims.differences import Stratum, compared, compared_each, won_and_lost
from coordconv_lab.claims.evidence import Evidence
from coordconv_lab.claims.shares import listed, share, solved
from coordconv_lab.claims.statistics import holm
from coordconv_lab.claims.tries import solves
from coordconv_lab.claims.verdicts import SIGNIFICANT, across, of_share
from coordconv_lab.experiments.notsoclevr.claims.others import FITTED, fits
from coordconv_lab.experiments.notsoclevr.descriptor import BASELINE
from coordconv_lab.experiments.notsoclevr.studies.ablation import AS_IT_IS, CHANGES, SHARES
from coordconv_lab.experiments.notsoclevr.studies.regression import LAYERS
from coordconv_lab.experiments.notsoclevr.studies.rows import SPLITS
from coordconv_lab.results.record import Record
from coordconv_lab.results.score_format import percent_range

_SOURCE = "ours, after a question in an independent review"


def _accuracy(run: Record) -> float:
    return run.test_score


@claim(
    "every-setting-is-needed",
    "Every setting of our recipe is needed: if one is replaced by its usual value, fewer seeds "
    "solve the task",
    _SOURCE,
    "ours",
)
def every_setting_is_needed(evidence: Evidence) -> Finding:
    """Compare each changed setting with the unchanged recipe, by seed, on both splits.

    A setting is needed if a sign test is significant. The test counts the seeds that only one side
    solves; its p value is adjusted for the number of changes by Holm's method.
    """
    arms = evidence.arms("ablation", at_least=3)
    changes = [
        (task, name) for task, names in CHANGES.items() for name in names if name != AS_IT_IS
    ]
    pairs = [
        won_and_lost(
            [
                Stratum(
                    split, arms[f"{task}, {split}, {AS_IT_IS}"], arms[f"{task}, {split}, {name}"]
                )
                for split in SPLITS
            ],
            solves,
        )
        for task, name in changes
    ]
    adjusted = holm([_sign_test(*pair) for pair in pairs])
    verdicts: list[Verdict] = [_needed(*pair, p) for pair, p in zip(pairs, adjusted, strict=True)]
    changed = [
        run
        for task, name in changes
        for split in SPLITS
        for run in arms[f"{task}, {split}, {name}"]
    ]
    return share(
        len(changed) - solved(changed),
        len(changed),
        "runs with one changed setting that do not solve their task",
        f"{verdicts.count('reproduced')} of {len(changes)} settings are needed (sign test, p "
        f"values adjusted by Holm's method); runs that solve their task, {listed(arms)}",
        across(verdicts),
    )


def _sign_test(wins: int, losses: int) -> float:
    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def _needed(wins: int, losses: int, p: float) -> Verdict:
    if p >= SIGNIFICANT:
        return "not reproduced" if losses >= wins else "undecided"
    return "reproduced" if wins > losses else "not reproduced"


@claim(
    "coordinates-need-fewer-examples",
    "A network with coordinates needs fewer training positions than its baseline",
    _SOURCE,
    "ours",
)
def coordinates_need_fewer_examples(evidence: Evidence) -> Finding:
    """Compare test accuracy by seed for each number of training positions, with equal steps."""
    arms = evidence.arms("samples", at_least=3)
    strata = {
        task: [
            Stratum(
                f"{task}, {part:.0%}",
                arms[f"{task}, {part:.0%}, coordconv"],
                arms[f"{task}, {part:.0%}, {BASELINE[task]}"],
            )
            for part in SHARES
        ]
        for task in ("regression", "classification")
    }
    flat = [one for by_share in strata.values() for one in by_share]
    return compared(flat, _accuracy).finding(
        across([compared(by_share, _accuracy).verdict for by_share in strata.values()]),
        "test accuracy, CoordConv minus baseline, by seed, mean of two tasks and five numbers of "
        "training positions",
        "uniform split; test accuracy by the fraction of all positions used for training, "
        + "; ".join(f"{name}: {_range(runs)}" for name, runs in arms.items()),
    )


@claim(
    "other-architectures-fail-the-quadrant",
    "Neither a perceptron nor a transformer, with or without positional encodings, solves the "
    "held-out quadrant",
    _SOURCE,
    "ours",
)
def other_architectures_fail_the_quadrant(evidence: Evidence) -> Finding:
    """Judge the runs that fit their training points; the uniform split is the control."""
    arms = evidence.arms("architectures", at_least=3)
    quadrant = {name: runs for name, runs in arms.items() if name.startswith("quadrant")}
    fitted = {
        name: [run for run in runs if run.train_score >= FITTED] for name, runs in quadrant.items()
    }
    runs = [run for arm in quadrant.values() for run in arm]
    informative = [run for arm in fitted.values() for run in arm]
    failed = len(informative) - solved(informative)
    return share(
        len(runs) - solved(runs),
        len(runs),
        "runs of other architectures that do not solve the quadrant split",
        f"{fits(len(informative), failed)}; training and test accuracy, "
        + "; ".join(
            f"{name}: {percent_range(run.train_score for run in arm)}, {_range(arm)}"
            for name, arm in arms.items()
        ),
        of_share(failed, len(informative)) if informative else "undecided",
    )


@claim(
    "later-coordinates-help-strided-networks",
    "In a strided network, coordinates at a later convolution or at every convolution give a "
    "higher accuracy on the held-out quadrant than coordinates at the first convolution",
    _SOURCE,
    "ours",
)
def later_coordinates_help(evidence: Evidence) -> Finding:
    """Compare each choice of layers with the first convolution, by seed and with Holm's method."""
    arms = evidence.arms("coordinate-layers", at_least=3)
    strata = [
        Stratum(layers, arms[f"quadrant, {layers}"], arms["quadrant, first"])
        for layers in LAYERS
        if layers != "first"
    ]
    each = compared_each(strata, _accuracy)
    return each.found[each.clearest].finding(
        across(each.verdicts),
        "gain in test accuracy over coordinates at the first convolution, by seed, in the clearest "
        f"case ({strata[each.clearest].name})",
        f"{each.words}; test accuracy, "
        + "; ".join(
            f"{split}, {layers}: {_range(arms[f'{split}, {layers}'])}"
            for split, layers in product(SPLITS, ("none", *LAYERS))
        ),
    )


def _range(runs: Sequence[Record]) -> str:
    return f"{percent_range(map(_accuracy, runs))} (n = {len(runs)})"
