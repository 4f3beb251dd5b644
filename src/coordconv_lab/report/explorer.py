"""The explorer: one point on the canvas, and what every net makes of it, side by side."""

from collections.abc import Sequence
from typing import Any

from coordconv_lab.report.runs import CELLS, Run, by_key, models_of
from coordconv_lab.report.wording import family, named
from coordconv_lab.specs import DataSpec

LARGEST_SHEET = 500_000
"""Characters of one sheet in the page: so many for each of eight leave it below 6 MB."""


def explorer(runs: Sequence[Run]) -> dict[str, Any]:
    """What the page's script needs: a stage for each task and split, with its nets.

    The answers in words are those of the maps, which the script finds by their id.
    """
    groups = by_key(runs)
    stages = [
        _stage(task, split, {model: groups[task, split, model][:1] for model in models_of(task)})
        for task, split in CELLS
    ]
    # What is worth seeing first: squares where none was in training.
    order = sorted(range(len(stages)), key=lambda at: stages[at]["first"])
    start = next((at for at in order if stages[at]["canvas"]), None)
    return {"stages": stages, "start": start}


def _stage(task: str, split: str, nets: dict[str, list[Run]]) -> dict[str, Any]:
    shown = [run for found in nets.values() for run in found if run.answers]
    data = shown[0].record.spec.data if shown else None
    return {
        "task": task,
        "split": split,
        "first": [task != "rendering", split != "quadrant"],
        "canvas": list(data.canvas) if data else None,
        "square": data.square if data else 0,
        "nets": [_net(task, split, model, found, data) for model, found in nets.items()],
    }


def _net(
    task: str, split: str, model: str, found: list[Run], data: DataSpec | None
) -> dict[str, Any]:
    net = {"model": named(model), "family": family(model), "answers": "", "sheet": "", "gap": ""}
    if not found:
        return net | {"gap": f"No run of {named(model)} here."}
    run = found[0]
    if run.answers is None:
        return net | {"gap": f"{run.label}: {run.gaps['predictions.npz']}."}
    if run.record.spec.data != data:
        return net | {"gap": f"{run.label} was trained on other data than the net beside it."}
    net["answers"] = answers_id(task, split, model)
    if task != "regression":
        sheet = run.sheet or ""
        if len(sheet) > LARGEST_SHEET:
            size = f"{len(sheet) / 1e6:.1f} MB"
            return net | {"gap": f"{run.label}: its pictures take {size}, too much for a page."}
        net["sheet"] = sheet
        net["gap"] = "" if sheet else f"{run.label}: {run.gaps['sheet.png']}."
    return net


def answers_id(task: str, split: str, model: str) -> str:
    """The id under which the page holds a net's answers."""
    return f"answers-{task}-{split}-{model}"
