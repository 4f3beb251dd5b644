"""Two questions that the rules of known_tasks.py did not answer, registered a second time.

known_tasks.py and its record stay as they are. These rules were fixed before the first run.

1. Side in 3-D. The trial was undecided: with some seeds, zero padding reveals the side to a network
   without coordinates. This is the same task with circular padding, which has no border. Everything
   else is unchanged: arms, seeds 0 to 9, a smallest difference of 0.03, steps, and the rule that
   the answer is yes if ``first`` helps, and helps more than its shuffled twin. The answer has to be
   yes. Known before: without coordinates, this network scores 0.50 with seeds 0 to 4
   (known_tasks_reasons.py). Not known: any score with coordinates.

2. Does `coordinate_usage` distinguish a network that uses its coordinates from a network that
   ignores them, on all ten tasks, and does the norm of the weights? The first rule expected that
   networks trained with coordinates ignore them if the task does not depend on position. But such a
   network may use them nevertheless, so the right answer was not known. Here it is known, for two
   networks per task:

   - A network that uses its coordinates. For a task with position, this is the network trained with
     coordinates, which needs them for its score. For a task without position, it is a network
     trained without coordinates, applied to images with a shading: 2 x is added to each image, from
     -2 on the left to 2 on the right. The first layer gets the coordinate weights that subtract the
     shading, which are minus twice the weights of the image. The outputs are those for images
     without shading (checked to 1e-3), and only because of the coordinates.
   - A network that ignores its coordinates: the network trained without coordinates, with two more
     channels in the first layer. Both channels have the same random weights for image and
     coordinates. The second layer adds one channel and subtracts the other, with random weights, so
     that coordinates cancel there. The norm of the coordinate weights is twice that of the other
     network.

   For each task and each of the seeds 1 to 5, on 1024 samples and with a smallest difference of
   0.03:

   a. ``uses_positions`` has to be True for the first network;
   b. ``uses_positions`` has to be False for the second network;
   c. the 95% intervals of their differences at the mean position must not overlap;
   d. the norm must not tell them apart: the norm of the second network is larger, and if its first
      layer is divided by 64 and its second layer is multiplied by 64, the norm is smaller, with
      ``uses_positions`` as before.

   The tasks are those of known_tasks.py, with the side in 3-D as in 1. The rules can fail: a
   network may not have learned its task, or may depend too little on its coordinates; a shading may
   not matter; rounding may keep coordinates from canceling. Seed 0 is omitted because its networks
   were seen. The strength of the shading is twice the contrast of an object, and was not tried
   before.

    python benchmarks/known_tasks_second.py      # about half an hour of one core
"""

import argparse
import json
import time
from pathlib import Path

import torch
from known_tasks import (
    ARMS,
    FACTOR,
    MIN_DIFFERENCE,
    SEEDS,
    as_said,
    functions_of,
    rescaled,
    seed_all,
    tested,
    trained,
)
from measure import FOLDER, machine, write_json
from networks_of_known_use import cancelling, shaded, undoing_the_shading
from tasks_of_place import SIDE_WITHOUT_BORDER, TASKS, Task
from torch import Tensor, nn

from coordconv.usage import coordinate_usage
from coordconv_lab.trials import trial

RESULT = FOLDER / "results" / "known_tasks_second.json"
USAGE_SEEDS = range(1, 6)
LARGER = 2.0
TEN = tuple(SIDE_WITHOUT_BORDER if task.name == "side in 3-D" else task for task in TASKS)


def side_again(folder: Path) -> dict:
    """Run the trial of the side in 3-D without a border."""
    task = SIDE_WITHOUT_BORDER
    outcome = trial(
        functions_of(task),
        folder / task.name.replace(" ", "-"),
        arms=ARMS,
        seeds=SEEDS,
        min_difference=MIN_DIFFERENCE,
        report=print,
    )
    return {"task": task.name, "needs_position": True, **as_said(outcome)}


def plain(task: Task, seed: int) -> nn.Module:
    """Train a network without coordinates as the trial does."""
    functions = functions_of(task)
    seed_all(seed)
    model = functions.make()
    seed_all(seed)
    functions.train(model)
    return model


def ablation(task: Task, model: nn.Module, inputs: Tensor, targets: Tensor) -> dict:
    """Return the results of the ablation and the norm for a network."""
    usage = coordinate_usage(
        model,
        [(inputs, targets)],
        task.metric,
        min_difference=MIN_DIFFERENCE,
        shifts=(),
        per_layer=False,
    )
    row = next(one for one in usage if one.change == "mean position everywhere")
    return {
        "uses_positions": usage.uses_positions,
        "score": usage.score,
        "difference": row.difference,
        "interval": row.interval,
        "norm": sum(usage.norms.values()),
    }


def pair(task: Task, seed: int) -> dict:
    """Compare a network that uses its coordinates with a network that ignores them."""
    inputs, targets = tested(task)
    without = plain(task, seed)
    with torch.no_grad():
        expected = without(inputs)
    if task.needs_position:
        user = ablation(task, trained(functions_of(task), seed), inputs, targets)
    else:
        model = undoing_the_shading(plain(task, seed))
        with torch.no_grad():
            error = (model(shaded(inputs)) - expected).abs().max().item()
        assert error < 1e-3, f"the shading is not undone: {error}"
        user = ablation(task, model, shaded(inputs), targets)
    seed_all(seed)
    other = cancelling(without, LARGER * user["norm"])
    with torch.no_grad():
        error = (other(inputs) - expected).abs().max().item()
    found = {
        "seed": seed,
        "user": user,
        "ignoring": ablation(task, other, inputs, targets),
        "ignoring_rewritten": ablation(task, rescaled(other, 1 / FACTOR), inputs, targets),
        "change_of_outputs": error,
    }
    return {**found, "rules": rules(found)}


def rules(found: dict) -> dict[str, bool]:
    """Return which of the rules a to d a pair follows."""
    user, other, again = found["user"], found["ignoring"], found["ignoring_rewritten"]
    (low, high), (other_low, other_high) = user["interval"], other["interval"]
    return {
        "a": user["uses_positions"] is True,
        "b": other["uses_positions"] is False,
        "c": high < other_low or other_high < low,
        "d": again["norm"] < user["norm"] < other["norm"]
        and again["uses_positions"] is other["uses_positions"],
    }


def main(arguments: list[str] | None = None) -> None:
    """Make the measurements that the record does not contain yet."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=Path, default=FOLDER.parent / "build" / "known-tasks")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    content = json.loads(options.out.read_text()) if options.out.exists() else {"usage": []}
    content = {
        "machine": machine(),
        "min_difference": MIN_DIFFERENCE,
        "seeds": SEEDS,
        "usage_seeds": list(USAGE_SEEDS),
        **content,
    }
    if "side" not in content:
        content["side"] = side_again(options.runs)
        write_json(options.out, content)
    done = {one["task"] for one in content["usage"]}
    for task in TEN:
        if task.name not in done:
            begun = time.process_time()
            pairs = [pair(task, seed) for seed in USAGE_SEEDS]
            row = {"task": task.name, "needs_position": task.needs_position, "pairs": pairs}
            content["usage"].append({**row, "cpu_seconds": time.process_time() - begun})
            write_json(options.out, content)
            print(content["usage"][-1], flush=True)


if __name__ == "__main__":
    main()
