"""Why do some outcomes of known_tasks.py differ from its rules?

This was written after known_tasks.py was run, and does not change its tasks, networks and rules.

- The trial is undecided for "side in 3-D". The receptive field of the network is 9 voxels wide, and
  the volume has 8 x 12 x 16 voxels. The network therefore sees a border nearly everywhere, and zero
  padding reveals the side. If that is the reason, the network without coordinates must score 0.5
  with circular padding, which has no border.
- The ablation finds that the networks of "shape" and "class of the image" use positions, although
  their targets do not depend on position. Other changes of the coordinates show what these networks
  depend on.
- A task without position thus does not guarantee that a network ignores its coordinates. The
  following does: a network trained without coordinates gets coordinate weights for one channel,
  which the next layer multiplies by zero. The ablation must find a difference of exactly 0, at any
  norm.

    python benchmarks/known_tasks_reasons.py      # about three minutes on one core
"""

import json

import torch
from known_tasks import MIN_DIFFERENCE, functions_of, seed_all, tested, trained
from measure import FOLDER, machine, write_json
from tasks_of_place import CONVOLUTIONS, TASKS

from coordconv import convert
from coordconv.usage import coordinate_usage

RESULT = FOLDER / "results" / "known_tasks_reasons.json"
SEEDS = 5
BY_NAME = {task.name: task for task in TASKS}


def score(padding: str, seed: int) -> float:
    """Train the network for the side in 3-D without coordinates, and return its score."""
    functions = functions_of(BY_NAME["side in 3-D"])
    seed_all(seed)
    model = functions.make()
    for layer in model:
        if isinstance(layer, CONVOLUTIONS[3]):
            layer.padding_mode = padding
    seed_all(seed)
    functions.train(model)
    return functions.score(model)


def losses(name: str, seed: int = 0) -> dict[str, float]:
    """Return how much each change of the coordinates changes the score of a network."""
    task = BY_NAME[name]
    model = trained(functions_of(task), seed)
    usage = coordinate_usage(
        model, [tested(task)], task.metric, min_difference=MIN_DIFFERENCE, shifts=()
    )
    return {row.change: row.difference for row in usage if row.layer is None}


def ignored(name: str, seed: int = 0) -> dict[str, float]:
    """Return the norm and the ablation of a network that ignores its coordinates."""
    task = BY_NAME[name]
    functions = functions_of(task)
    seed_all(seed)
    model = functions.make()
    seed_all(seed)
    functions.train(model)
    convert(model, "first")
    with torch.no_grad():
        model[0].coord_weight[0].normal_()
        model[2].weight[:, 0] = 0
    options = {"min_difference": MIN_DIFFERENCE, "shifts": (), "per_layer": False}
    usage = coordinate_usage(model, [tested(task)], task.metric, **options)
    largest = max(abs(row.difference) for row in usage)
    return {"norm": sum(usage.norms.values()), "difference": largest, "score": usage.score}


def main() -> None:
    """Make the measurements that the record does not contain yet, and write the record."""
    torch.set_num_threads(1)
    found = json.loads(RESULT.read_text()) if RESULT.exists() else {"machine": machine()}
    if "padding" not in found:
        found["padding"] = {
            padding: [score(padding, seed) for seed in range(SEEDS)]
            for padding in ("zeros", "circular")
        }
    if "changes" not in found:
        found["changes"] = {name: losses(name) for name in ("shape", "class of the image")}
    if "ignored" not in found:
        found["ignored"] = {name: ignored(name) for name in BY_NAME}
    write_json(RESULT, found)


if __name__ == "__main__":
    main()
