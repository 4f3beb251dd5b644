"""What the paper claims, where the tutorial does not repeat it."""

import math
from collections import defaultdict
from statistics import fmean, median

from coordconv_lab.claims.claim import Finding, claim
from coordconv_lab.claims.evidence import Evidence, NotYet
from coordconv_lab.claims.statistics import mean_interval
from coordconv_lab.results.record import Record
from coordconv_lab.results.wording import overlap, percent
from coordconv_lab.studies import STUDIES
from coordconv_lab.studies.rows import SPLITS, row

_CLASSIFICATION = "paper, section 4.1"


def _all_runs(evidence: Evidence, task: str, split: str, model: str) -> list[Record]:
    """Every run of a net that there is, in whichever study, each once."""
    wanted = task, split, model
    for study, at_least in (("many-seeds", 2), ("search", 3)):
        evidence.runs(study, row(*wanted), at_least)
    found: dict[str, Record] = {}
    for study in STUDIES:
        for arm, specs in evidence.study(study).arms.items():
            if {(spec.task, spec.data.split, spec.model_name) for spec in specs} == {wanted}:
                found |= {run.spec.id: run for run in evidence.runs(study, arm, at_least=0)}
    return list(found.values())


def _machine(run: Record) -> tuple[str, int]:
    """What makes the seconds of two runs comparable."""
    return run.provenance.processor, run.provenance.threads


@claim(
    "deconv-uniform-limit",
    "No deconv net gets beyond about 86% of the uniform test set in classification",
    f"{_CLASSIFICATION}, figure 4",
)
def deconv_uniform_limit(evidence: Evidence) -> Finding:
    """The best that any of ours got to."""
    scores = [run.test_score for run in _all_runs(evidence, "classification", "uniform", "deconv")]
    beyond = sum(score > 0.88 for score in scores)
    return Finding(
        "not reproduced" if beyond else "reproduced",
        len(scores),
        "best test accuracy",
        max(scores),
        None,
        f"{beyond} of {len(scores)} runs get beyond 88%",
    )


@claim(
    "deconv-quadrant-fails",
    "No deconv net gets any of the held-out quadrant right in classification",
    f"{_CLASSIFICATION}, figure 5",
)
def deconv_quadrant_fails(evidence: Evidence) -> Finding:
    """The best that any of ours got to."""
    scores = [run.test_score for run in _all_runs(evidence, "classification", "quadrant", "deconv")]
    return Finding(
        "reproduced" if max(scores) < 0.01 else "partly" if max(scores) < 0.1 else "not reproduced",
        len(scores),
        "best test accuracy",
        max(scores),
        None,
        f"the mean is {percent(fmean(scores))}",
    )


@claim(
    "deconv-rendering-limit",
    "No deconv net renders with a test IoU above 0.83 on the uniform split, or above 0.36 on the "
    "quadrant split",
    "paper, section 4.3, figure 6",
)
def deconv_rendering_limit(evidence: Evidence) -> Finding:
    """The best of each split."""
    runs = {split: _all_runs(evidence, "rendering", split, "deconv") for split in SPLITS}
    best = {split: max(run.test_score for run in runs[split]) for split in SPLITS}
    within = (best["uniform"] <= 0.85) + (best["quadrant"] <= 0.38)
    return Finding(
        ("not reproduced", "partly", "reproduced")[within],
        len(runs["uniform"]),
        "best test IoU, uniform split",
        best["uniform"],
        None,
        f"on the quadrant split {overlap(best['quadrant'])}, of {len(runs['quadrant'])} runs",
    )


@claim(
    "perfect-in-seconds",
    "CoordConv classifies perfectly within 10 to 20 seconds, on both splits",
    f"{_CLASSIFICATION}, figure 4; on a GPU that is not named",
)
def perfect_in_seconds(evidence: Evidence) -> Finding:
    """Our recipe's seconds, on a part of a processor."""
    runs = [
        run
        for split in SPLITS
        for run in evidence.runs("many-seeds", row("classification", split, "coordconv"), 5)
    ]
    seconds = [run.seconds for run in runs]
    perfect = all(run.train_score == run.test_score == 1 for run in runs)
    quick = max(seconds) <= 20
    machines = sorted({_machine(run) for run in runs})
    named = "; ".join(f"{name}, threads in use: {threads}" for name, threads in machines)
    return Finding(
        "reproduced" if perfect and quick else "partly" if perfect else "not reproduced",
        len(runs),
        "median seconds to the end of training",
        median(seconds),
        (min(seconds), max(seconds)),
        f"our recipe, on {named}; the range instead of an interval",
    )


@claim(
    "fewer-parameters",
    "CoordConv needs 10 to 100 times fewer parameters than deconv",
    "paper, abstract",
)
def fewer_parameters(evidence: Evidence) -> Finding:
    """The smallest deconv net that solves nine tenths of the uniform split, over our classifier."""
    rivals = [
        run
        for run in _all_runs(evidence, "classification", "uniform", "deconv")
        if run.test_score >= 0.9
    ]
    if not rivals:
        return Finding("reproduced", 0, "no deconv net has 90% of the uniform test set")
    ours = evidence.runs("many-seeds", "classification, uniform, coordconv", 1)[0].parameters
    ratio = min(run.parameters for run in rivals) / ours
    return Finding(
        "reproduced" if ratio >= 10 else "partly" if ratio > 1 else "not reproduced",
        len(rivals),
        "parameters of the smallest deconv net with 90% in test, over CoordConv's",
        ratio,
    )


@claim(
    "faster-to-train",
    "CoordConv trains 150 times faster than deconv in classification: it is perfect before deconv "
    "has 80%",
    "paper, abstract and figure 4",
)
def faster_to_train(evidence: Evidence) -> Finding:
    """Deconv's seconds to 80% in test, by its curve, over CoordConv's to the end, which is 100%."""
    seconds = defaultdict(list)
    for run in evidence.runs("many-seeds", "classification, uniform, coordconv", at_least=3):
        if run.test_score == 1:
            seconds[_machine(run)].append(run.seconds)
    rivals = [
        run
        for run in evidence.runs("many-seeds", "classification, uniform, deconv", at_least=2)
        if _machine(run) in seconds
    ]
    if not rivals:
        raise NotYet("many-seeds: no deconv run on the machine of a CoordConv run")
    ratios = []
    for run in rivals:
        curve = evidence.curve("many-seeds", run.spec)
        there = [row.seconds for row in curve if row.test_score >= 0.8]
        ratios.append(min(there, default=run.seconds) / fmean(seconds[_machine(run)]))
    mean = fmean(ratios)
    return Finding(
        "reproduced" if mean >= 100 else "partly" if min(ratios) > 1 else "not reproduced",
        len(ratios),
        "seconds of deconv to 80%, over those of CoordConv to 100%",
        mean,
        mean_interval(ratios, (0, math.inf)),
        "our recipe for both, uniform split: deconv profits from small batches and a decaying rate "
        "as well",
    )
