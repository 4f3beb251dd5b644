"""Small stores of runs with synthetic numbers."""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.specs import DataSpec
from coordconv_lab.experiments.notsoclevr.tutorial_scores import GALLERY
from coordconv_lab.registry import registry
from coordconv_lab.results import Provenance, Record, RunStore
from coordconv_lab.results.files import write_json
from coordconv_lab.specs import ExperimentSpec

AddRun = Callable[..., Path]


def provenance(spec: ExperimentSpec, **changes: object) -> Provenance:
    fields: dict[str, object] = {
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "machine": "Linux x86_64",
        "processor": "A processor, 2 cores",
        "threads": 2,
        "precision": "float32",
        "seed": spec.seed,
        "commit": "0123abc",
        "finished": "2026-01-02T03:04:05+00:00",
    }
    return Provenance.model_validate(fields | changes)


def record(
    spec: ExperimentSpec, train: float, test: float, seconds: float, **made: object
) -> Record:
    name = registry().task(spec.task).main_score.name
    scores = {"train": {name: train}, "test": {name: test}}
    for side in scores.values():
        if spec.task == "regression":
            side["coordinate_accuracy"] = (1 + side["accuracy"]) / 2
            side["mean_distance"] = 8 * (1 - side["accuracy"])
            side["worst_distance"] = 2 * side["mean_distance"]
        elif name == "mean_iou":
            side["worst_iou"] = side["mean_iou"] / 2
    return Record.model_validate(
        {
            "spec": spec,
            "scores": scores,
            "parameters": 7553,
            "steps": 60,
            "epochs": 3,
            "seconds": seconds,
            "weights_sha256": "0" * 64,
            "provenance": provenance(spec, **made),
        }
    )


def sides(data: DataSpec) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return columns, rows and training flags of all positions where an odd square fits."""
    reach = data.square // 2
    rows, columns = (np.arange(reach, side - reach) for side in data.canvas)
    y, x = (grid.ravel() for grid in np.meshgrid(rows, columns, indexing="ij"))
    low, right = y >= data.canvas[0] // 2, x >= data.canvas[1] // 2
    is_train = (x * 7 + y * 13) % 5 != 0 if data.split == "uniform" else ~(low & right)
    return x.astype(np.int16), y.astype(np.int16), is_train


def arrays(spec: ExperimentSpec) -> dict[str, np.ndarray]:
    """Return predictions that are right at training positions and wrong elsewhere."""
    x, y, is_train = sides(spec.data)
    right = is_train | (spec.model_name == "coordconv")
    found = {"x": x, "y": y, "is_train": is_train}
    points = np.stack((x, y), axis=1)
    if spec.task == "rendering":
        places = GALLERY[spec.data.split, "train"] + GALLERY[spec.data.split, "test"]
        height, width = spec.data.canvas
        places = [(row, column) for row, column in places if row < height and column < width]
        pictures = np.zeros((len(places), *spec.data.canvas), dtype=np.uint8)
        for picture, (row, column) in zip(pictures, places, strict=True):
            picture[max(row - 4, 0) : row + 5, max(column - 4, 0) : column + 5] = 230
        return found | {
            "iou": np.where(right, 1.0, 0.25).astype(np.float32),
            "gallery_row": np.array([row for row, _ in places], dtype=np.int16),
            "gallery_column": np.array([column for _, column in places], dtype=np.int16),
            "gallery_pictures": pictures,
        }
    predicted = np.where(right[:, None], points, points - 3).astype(np.float32)
    found |= {"accuracy": right.astype(np.float32), "predicted": predicted}
    if spec.task == "regression":
        found["distance"] = np.linalg.norm(predicted - points, axis=1).astype(np.float32)
    return found


@cache
def sheet(data: DataSpec) -> bytes:
    """Return a sprite sheet with a black image for every position."""
    tiles = [side - data.square + 1 for side in data.canvas]
    height, width = (many * side for many, side in zip(tiles, data.canvas, strict=True))
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "png")
    return file.getvalue()


def curve(train: float, test: float, seconds: float) -> str:
    header = "step,epoch,seconds,learning_rate,train_loss,train_score,test_score\n"
    rows = (
        f"{i * 3},{i * 0.15:.3g},{seconds * i / 20:.6g},0.01,{1 / i:.4g},"
        f"{train * i / 20:.6g},{test * i / 20:.6g}\n"
        for i in range(1, 21)
    )
    return header + "".join(rows)


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def add_run(store: RunStore) -> AddRun:
    """Return a function that adds a finished run to the store and returns its directory."""

    def add(
        task: str = "classification",
        split: str = "quadrant",
        model: str = "coordconv",
        seed: int = 0,
        train: float = 1.0,
        test: float = 1.0,
        seconds: float = 40.0,
        spec: ExperimentSpec | None = None,
        **made: object,
    ) -> Path:
        spec = spec or tuned(task, split, model, seed)
        directory = store.open(spec)
        (directory / "metrics.csv").write_text(curve(train, test, seconds))
        np.savez_compressed(directory / "predictions.npz", **arrays(spec))
        if spec.task != "regression":
            (directory / "sheet.png").write_bytes(sheet(spec.data))
        kept = record(spec, train, test, seconds, **made)
        write_json(directory / "record.json", kept.model_dump(mode="json"))
        return directory

    return add
