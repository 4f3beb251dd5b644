"""Write the part of docs/trial.md about tasks with known answers, from their records.

Run it with `make speed`. A test fails if the page and the record differ.
"""

import json
import sys
from pathlib import Path

from measured_parts import with_part, write_or_check

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "trial.md"
RESULTS = ROOT / "benchmarks" / "results"


def row(one: dict) -> str:
    """Format a task."""
    said, used = one["trial"], one["usage"]
    low, high = said["interval"]
    uses = {True: "yes", False: "no", None: "cannot tell"}[used["uses_positions"]]
    cells = [
        one["task"],
        "yes" if one["needs_position"] else "no",
        f"{said['answer']} ({said['verdict']})",
        str(said["score_with"][1]),
        f"{said['score_without'][0]:.3f}",
        f"{said['score_with'][0]:.3f}",
        f"{low:+.3f} to {high:+.3f}",
        uses,
        f"{used['difference']:+.3f}",
        f"{used['norm']:.2f}",
        f"{used['rescaled']['norm']:.2g}",
    ]
    return f"| {' | '.join(cells)} |"


def table(record: dict) -> str:
    """Format one line for each task."""
    rows = record["tasks"]
    lines = [
        "| task | depends on position | answer (verdict) | seeds | score without coordinates "
        "| score with coordinates | interval of the gain | ablation: uses position "
        "| change of the score at the mean position | norm | norm after rescaling |",
        "|---|---|---|--:|--:|--:|---|---|--:|--:|--:|",
        *map(row, rows),
    ]
    return "\n".join(lines)


def outcome(record: dict) -> str:
    """Describe how many tasks meet the rules."""
    rows = record["tasks"]
    needs = {kind: [one for one in rows if one["needs_position"] is kind] for kind in (True, False)}
    counts = {kind: sum(one["is_right"] for one in found) for kind, found in needs.items()}
    used = {
        kind: sum(one["usage"]["uses_positions"] is True for one in found)
        for kind, found in needs.items()
    }
    same = sum(
        one["usage"]["rescaled"]["same_outputs"]
        and one["usage"]["rescaled"]["uses_positions"] is one["usage"]["uses_positions"]
        for one in rows
    )
    norms = "separates" if record["norms_separate"] else "does not separate"
    machine = record["machine"]
    return (
        f"**Results.** The trial answers yes for {counts[True]} of {len(needs[True])} tasks that "
        f"depend on position, and no for {counts[False]} of {len(needs[False])} tasks that do not "
        f"depend on position. According to the ablation, {used[True]} of {len(needs[True])} "
        f"networks use position in the tasks that depend on position, and {used[False]} of "
        f"{len(needs[False])} networks use position in the tasks that do not. The norm {norms} the "
        "networks that use position from the networks that do not. After rescaling, "
        f"{same} of {len(rows)} networks have bit-identical outputs and the same result of the "
        "ablation, although the norm of each network is 64 times smaller or larger. These results "
        f"were measured on this processor: {machine['processor']}, with torch {machine['torch']} "
        "and one thread."
    )


def reasons(record: dict) -> str:
    """Explain the outcomes that do not meet the rules."""
    mean = {name: sum(found) / len(found) for name, found in record["padding"].items()}
    seeds = len(record["padding"]["zeros"])
    changes, ignored = record["changes"], record["ignored"]
    norms = [one["norm"] for one in ignored.values()]
    exact = sum(one["difference"] == 0 for one in ignored.values())
    mirrored = changes["shape"]["mirrored along axis 0"]
    return (
        "**Why neither rule was met** ([measured afterwards]"
        "(../benchmarks/known_tasks_reasons.py), with the same tasks and rules). The trial does "
        "not meet its rule because it is undecided for the task *side in 3-D*. In this task, "
        "nearly every receptive field reaches a border of the volume, where zero padding reveals "
        "the side even without coordinates. The mean score without coordinates over "
        f"{seeds} seeds is {mean['zeros']:.3f} with zero padding and {mean['circular']:.3f} with "
        "circular padding. The gain therefore varies too much for a verdict with ten seeds. The "
        "ablation does not meet its rule because this rule is too strict. In a task that does not "
        "depend on position, a network can learn to depend on its coordinates without any gain. "
        "For example, in the task *shape*, mirroring the coordinates from top to bottom changes "
        f"the network's accuracy by {mirrored:+.3f}. For comparison, {len(ignored)} networks were "
        "constructed to ignore their coordinates: the next layer multiplies the coordinates by "
        f"zero. For {exact} of these {len(ignored)} networks, the ablation finds a difference of "
        "exactly 0, although the norms of their coordinate weights range from "
        f"{min(norms):.1f} to {max(norms):.1f}."
    )


def side(record: dict) -> str:
    """Describe the outcome of a trial of the side in 3-D."""
    said = record["side"]
    low, high = said["interval"]
    (without, seeds), (with_them, _) = said["score_without"], said["score_with"]
    equal = sum(one == 0 for one in said["differences"])
    met = "is met" if said["answer"] == "yes" else "is not met"
    failed = (
        f" For {equal} of {len(said['differences'])} seeds, the score is the same with coordinates "
        "and without coordinates, so these networks have not learned to use their coordinates."
    )
    return (
        f"The trial answers {said['answer']} ({said['verdict']}), so the rule {met}. Over {seeds} "
        f"seeds, the mean score is {without:.3f} without coordinates and {with_them:.3f} with "
        f"coordinates. "
        f"The interval of the gain is {low:+.3f} to {high:+.3f}.{failed if equal else ''}"
    )


def sides_again(second: dict, third: dict) -> str:
    """Describe the outcomes of the trials of the side in 3-D without a border."""
    rate = third["rate"]
    return (
        "**A second and a third test of *side in 3-D*.** The second test has circular padding "
        "instead of zero padding, and is otherwise the same. Its "
        "[rules](../benchmarks/known_tasks_second.py) were also written before its runs. "
        f"{side(second)} In the third test ([rules](../benchmarks/known_tasks_third.py)), the "
        f"learning rate is also changed, from 0.01 to {rate:g}. The new learning rate was chosen "
        f"with other seeds than those of the test. {side(third)}"
    )


def between(values: list[float], form: str) -> str:
    """Format the smallest and the largest of some values."""
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low} to {high}"


def known_use(second: dict, third: dict) -> str:
    """Format one line for each task, over seeds."""
    name = f"{third['side']['task']}, learning rate {third['rate']:g}"
    again = {"task": name, "needs_position": True}
    rows = [*second["usage"]]
    place = next(n for n, one in enumerate(rows) if one["task"] == third["side"]["task"])
    rows.insert(place + 1, {**again, "pairs": third["pairs"]})
    lines = [
        "| task | depends on position | user: ablation finds that it uses coordinates | change "
        "| norm | ignoring network: ablation finds that it does not use coordinates | change "
        "| norm | norm after rescaling |",
        "|---|---|--:|---|---|--:|---|---|---|",
    ]
    for one in rows:
        pairs = one["pairs"]
        users, others, rewritten = (
            [pair[name] for pair in pairs] for name in ("user", "ignoring", "ignoring_rewritten")
        )
        cells = [
            one["task"],
            "yes" if one["needs_position"] else "no",
            f"{sum(user['uses_positions'] is True for user in users)} of {len(pairs)}",
            between([user["difference"] for user in users], "+.3f"),
            between([user["norm"] for user in users], ".2f"),
            f"{sum(other['uses_positions'] is False for other in others)} of {len(pairs)}",
            between([abs(other["difference"]) for other in others], ".3f"),
            between([other["norm"] for other in others], ".2f"),
            between([other["norm"] for other in rewritten], ".2g"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def met_by(pairs: list[dict]) -> dict[str, int]:
    """Count the pairs that follow each rule."""
    return {name: sum(pair["rules"][name] for pair in pairs) for name in "abcd"}


def usage_again(record: dict, third: dict) -> str:
    """Describe the results for networks that are known to use or to ignore their coordinates."""
    pairs = [pair for one in record["usage"] for pair in one["pairs"]]
    met = met_by(pairs)
    later = ", ".join(
        f"{count} follow rule {name}" for name, count in met_by(third["pairs"]).items()
    )
    failed = [
        f"{one['task']}, seed {pair['seed']} (rules {', '.join(n for n in 'abcd' if not said[n])}; "
        f"score {pair['user']['score']:.3f})"
        for one in record["usage"]
        for pair in one["pairs"]
        if not all((said := pair["rules"]).values())
    ]
    but = (
        f" These pairs break a rule: {'; '.join(failed)}. The users of these pairs were trained "
        "with coordinates, but their scores are at chance level, so they have not learned to use "
        "their coordinates."
    )
    but = but if failed else ""
    return (
        f"**Results.** There are {len(pairs)} pairs, not counting the pairs with the learning rate "
        f"{third['rate']:g} of the third test. Four rules were written before the runs. Rule a: "
        f"the ablation finds that the user uses its coordinates. {met['a']} pairs follow this "
        "rule. Rule b: the ablation finds that the ignoring network does not use its coordinates. "
        f"{met['b']} pairs follow this rule. Rule c: the confidence intervals that the ablation "
        f"computes for the two networks do not overlap. {met['c']} pairs follow this rule. "
        "Rule d: the norm does not tell the two networks apart, because the ignoring network has "
        f"the larger norm after training and the smaller norm after rescaling. {met['d']} pairs "
        f"follow this rule.{but} Of the {len(third['pairs'])} pairs of the third test, {later}. "
        "Rules b and d are met largely because of how the networks are constructed. The same is "
        "true of rule a for tasks that do not depend on position. The networks that were trained "
        "with coordinates could have failed rules a and c."
    )


USE = (
    "**A second test of the ablation and the norm.** A network can use coordinates that its task "
    "does not need. In the first test, the correct result of the ablation was therefore not known "
    "for every network. In this second test, the correct result is known. For each task and seed, "
    "there is a pair of networks. The first network of a pair, the *user*, uses its coordinates. "
    "If the task depends on position, the user is trained with coordinates. If the task does not "
    "depend on position, the user is trained without coordinates, and two changes are made after "
    "training: a shading from left to right is added to its images, and its coordinate weights are "
    "set to values that remove this shading. The second network of a pair, the *ignoring network*, "
    "has larger coordinate weights, but its second layer cancels their effect. In the following "
    "table, *change* is the change of the score when every pixel is given the mean position. "
    "Ranges are over seeds."
)


def main() -> int | None:
    """Write the page; with --check, only report whether it is current."""
    record = json.loads((RESULTS / "known_tasks.json").read_text())
    found = json.loads((RESULTS / "known_tasks_reasons.json").read_text())
    second = json.loads((RESULTS / "known_tasks_second.json").read_text())
    third = json.loads((RESULTS / "known_tasks_third.json").read_text())
    parts = [table(record), outcome(record), reasons(found), sides_again(second, third), USE]
    part = "\n\n".join([*parts, known_use(second, third), usage_again(second, third)])
    return write_or_check(PAGE, with_part(PAGE.read_text(), part, "known tasks"))


if __name__ == "__main__":
    sys.exit(main())
