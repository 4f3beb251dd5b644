"""Data of the explorer, which shows the predictions of all networks for one point."""

from collections.abc import Sequence
from typing import Any

from coordconv_lab.report.answers import Answers
from coordconv_lab.report.runs import CELLS, Run, by_key, first_answers, models_of
from coordconv_lab.report.wording import family, named
from coordconv_lab.specs import DataSpec

LARGEST_SHEET = 500_000
"""Maximum characters of a sprite sheet; eight of them keep the page below 6 MB."""


def explorer(runs: Sequence[Run]) -> dict[str, Any]:
    """Return the data for the script of the page: a stage per task and split, with its networks.

    Predictions are described by the labels of the maps, which the script finds by their ids.
    """
    groups = by_key(runs)
    stages = [
        _stage(task, split, {model: groups[task, split, model] for model in models_of(task)})
        for task, split in CELLS
    ]
    ready = [at for at, stage in enumerate(stages) if stage["canvas"]]
    # Start with the last stage: rendering of squares in the held-out quadrant.
    return {"stages": stages, "start": max(ready, default=None)}


def _stage(task: str, split: str, nets: dict[str, list[Run]]) -> dict[str, Any]:
    found = {model: first_answers(model, runs) for model, runs in nets.items()}
    shown = [one[0] for one in found.values() if not isinstance(one, str)]
    data = shown[0].record.spec.data if shown else None
    return {
        "task": task,
        "split": split,
        "canvas": list(data.canvas) if data else None,
        "square": data.square if data else 0,
        "nets": [
            {"model": named(model), "family": family(model), **_net(one, data)}
            for model, one in found.items()
        ],
    }


def _net(found: tuple[Run, Answers] | str, data: DataSpec | None) -> dict[str, str]:
    """Return the id of a network's predictions, its sprite sheet, and a message about gaps."""
    nothing = {"answers": "", "sheet": "", "gap": ""}
    if isinstance(found, str):
        return nothing | {"gap": found}
    run, _ = found
    if run.record.spec.data != data:
        gap = f"{run.label} was trained on different data than the network beside it."
        return nothing | {"gap": gap}
    sheet, gap = run.sheet or "", ""
    if "sheet.png" in run.gaps:
        gap = f"{run.label}: {run.gaps['sheet.png']}."
    elif len(sheet) > LARGEST_SHEET:
        gap = f"{run.label}: its images take {len(sheet) / 1e6:.1f} MB, too much for the page."
        sheet = ""
    return {"answers": answers_id(*run.key), "sheet": sheet, "gap": gap}


def answers_id(task: str, split: str, model: str) -> str:
    """Return the id of a network's predictions in the page."""
    return f"answers-{task}-{split}-{model}"
