"""Does a trial give the right answer if the answer is known?

There are ten generated tasks (tasks_of_place.py): the targets of five depend on position, those of
the other five do not. `coordconv_lab.trials.trial` compares a small network without coordinates,
with coordinates in its first convolution, and with shuffled coordinates. In addition,
`coordinate_usage` and the norm of the coordinate weights judge the network with coordinates that
has seed 0.

The rules, written before the first run:

- The answer is yes if the arm ``first`` helps, and helps more than its shuffled twin. Any other
  outcome is no: no difference, undecided, a harm, or a gain that shuffled coordinates also give.
- The answer has to be yes for the five tasks with position, and no for the five without.
- ``uses_positions`` has to be True for the five tasks with position, and False for the others.
- The norm separates them if all norms of one group of five are above those of the other. Each
  network is also rewritten with other weights for the same outputs: with ReLU, the first layer
  times 64 and the second divided by 64, or the reverse. The outputs must be bitwise identical.

Sizes and steps were chosen with seed 1000 and one network for each task (with coordinates for the
five tasks with position, without for the others), only so that it learns its task in about two
seconds.

    python benchmarks/known_tasks.py      # about 15 minutes on one core
"""

import argparse
import copy
import hashlib
import random
import time
from pathlib import Path

import numpy as np
import torch
from measure import FOLDER, machine, write_json
from tasks_of_place import TASKS, Task
from torch import Tensor, nn

from coordconv.usage import Usage, coordinate_usage
from coordconv_lab.trials import Outcome, UserFunctions, trial
from coordconv_lab.trials.arms import Arm, make_arm

RESULT = FOLDER / "results" / "known_tasks.json"
ARMS, SEEDS, MIN_DIFFERENCE = ("first", "shuffled:first"), 10, 0.03
STEPS, BATCH, RATE, TESTED = 300, 32, 1e-2, 1024
FACTOR = 64.0  # a power of two, which avoids rounding


def functions_of(task: Task, rate: float = RATE) -> UserFunctions:
    """Return the functions for the trial of a task, with this learning rate."""

    def train(model: nn.Module) -> None:
        optimizer = torch.optim.Adam(model.parameters(), rate)
        for _ in range(STEPS):
            inputs, targets = task.batch(BATCH)
            loss = task.loss(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def score(model: nn.Module) -> float:
        inputs, targets = tested(task)
        with torch.no_grad():
            return task.metric(model(inputs), targets).mean().item()

    files = (Path(__file__), FOLDER / "tasks_of_place.py")
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    return UserFunctions(task.network, train, score, digest=digest)


def tested(task: Task) -> tuple[Tensor, Tensor]:
    """Return the test samples, which are the same for all networks."""
    torch.manual_seed(10_000)
    return task.batch(TESTED)


def trained(functions: UserFunctions, seed: int) -> nn.Module:
    """Train the network with coordinates as the trial does."""
    seed_all(seed)
    model = make_arm(Arm("first", "first"), functions.make, None)
    seed_all(seed)
    functions.train(model)
    return model


def seed_all(seed: int) -> None:
    """Seed the random number generators that a trial seeds."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def rescaled(model: nn.Module, factor: float) -> nn.Module:
    """Return a network with the same outputs, whose first layer is multiplied by a factor."""
    other = copy.deepcopy(model)
    first, second = other[0], other[2]  # pyright: ignore[reportIndexIssue]
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.mul_(factor)
        second.weight.div_(factor)
    return other


def usage_of(task: Task, model: nn.Module) -> Usage:
    """Return the ablation of a network on the test samples."""
    options = {"min_difference": MIN_DIFFERENCE, "shifts": (), "per_layer": False}
    return coordinate_usage(model, [tested(task)], task.metric, **options)  # pyright: ignore[reportArgumentType]


def as_said(outcome: Outcome) -> dict:
    """Return the results of a trial, and the answer that follows by the rule."""
    first = outcome[0]
    plain, shuffled = first.against_plain, first.against_shuffled
    assert plain is not None
    helps = plain.verdict == "helps" and shuffled is not None and shuffled.verdict == "helps"
    return {
        "answer": "yes" if helps else "no",
        "verdict": plain.verdict,
        "beside_shuffled": None if shuffled is None else shuffled.verdict,
        "score_without": outcome.plain,
        "score_with": first.scores,
        "difference": plain.mean,
        "interval": plain.interval,
        "differences": plain.differences,
    }


def as_used(task: Task, model: nn.Module) -> dict:
    """Return the results of the ablation and the norm for a network."""
    found = usage_of(task, model)
    mean = next(row for row in found if row.change == "mean position everywhere")
    factor = 1 / FACTOR if task.needs_position else FACTOR
    other = rescaled(model, factor)
    with torch.no_grad():
        inputs = tested(task)[0]
        is_same = torch.equal(model(inputs), other(inputs))
    again = usage_of(task, other)
    return {
        "uses_positions": found.uses_positions,
        "score": found.score,
        "difference": mean.difference,
        "interval": mean.interval,
        "norm": sum(found.norms.values()),
        "rescaled": {
            "same_outputs": is_same,
            "uses_positions": again.uses_positions,
            "norm": sum(again.norms.values()),
        },
    }


def separates(rows: list[dict]) -> bool:
    """Whether the norms for the tasks with position are all above, or all below, the others."""
    ours, others = (
        [row["usage"]["norm"] for row in rows if row["needs_position"] is needs]
        for needs in (True, False)
    )
    return min(ours) > max(others) or max(ours) < min(others)


def measure(task: Task, folder: Path) -> dict:
    """Run the trial of a task, and judge its network with seed 0."""
    begun = time.process_time()
    functions = functions_of(task)
    out = folder / task.name.replace(" ", "-")
    outcome = trial(
        functions, out, arms=ARMS, seeds=SEEDS, min_difference=MIN_DIFFERENCE, report=print
    )
    said, used = as_said(outcome), as_used(task, trained(functions, 0))
    return {
        "task": task.name,
        "needs_position": task.needs_position,
        "is_right": (said["answer"] == "yes") is task.needs_position,
        "trial": said,
        "usage": used,
        "cpu_seconds": time.process_time() - begun,
    }


def main(arguments: list[str] | None = None) -> None:
    """Run all trials, continuing where an earlier call stopped, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=Path, default=FOLDER.parent / "build" / "known-tasks")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = []
    for task in TASKS:
        rows.append(measure(task, options.runs))
        print(rows[-1], flush=True)
    content = {
        "machine": machine(),
        "min_difference": MIN_DIFFERENCE,
        "seeds": SEEDS,
        "norms_separate": separates(rows),
        "tasks": rows,
    }
    write_json(options.out, content)


if __name__ == "__main__":
    main()
