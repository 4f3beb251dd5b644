"""Predictions of a trained network at every position, as a small file."""

import io

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from coordconv_lab.data import NotSoClevr
from coordconv_lab.results.tutorial import GALLERY
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.tasks import Task
from coordconv_lab.train.evaluate import Evaluation


def predictions_file(
    spec: ExperimentSpec, net: nn.Module, task: Task, data: NotSoClevr, answers: Evaluation
) -> bytes:
    """Pack the predictions at every position into an .npz file.

    Args:
        spec: The experiment.
        net: The trained network.
        task: Its task.
        data: Its data.
        answers: Its evaluation at `data.points`.

    Returns:
        The bytes of the file, with x, y and is_train, (N,); each score by its name, (N,); for
        classification and regression also `predicted`, (N, 2), points (x, y); for rendering also
        the tutorial's gallery: gallery_row, gallery_column, (12,), and gallery_pictures,
        (12, H, W), the predicted probabilities in steps of 1/255.
    """
    arrays: dict[str, NDArray[np.generic]] = {
        "x": data.points[:, 0].cpu().numpy().astype(np.int16),
        "y": data.points[:, 1].cpu().numpy().astype(np.int16),
        "is_train": data.is_train.cpu().numpy(),
    }
    arrays |= {name: score.numpy().astype(np.float32) for name, score in answers.scores.items()}
    if spec.task == "rendering":
        arrays |= _gallery(net, task, spec, data.points.device)
    if answers.predictions is not None:
        arrays["predicted"] = answers.predictions.numpy().astype(np.float32)
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


@torch.inference_mode()
def _gallery(
    net: nn.Module, task: Task, spec: ExperimentSpec, device: torch.device
) -> dict[str, NDArray[np.generic]]:
    """Render the positions of the tutorial's figures for the split of the run."""
    places = GALLERY[spec.data.split, "train"] + GALLERY[spec.data.split, "test"]
    height, width = spec.data.canvas
    places = tuple((row, column) for row, column in places if row < height and column < width)
    if not places:
        return {}
    points = torch.tensor([(column, row) for row, column in places], device=device)
    pictures = task.read(task.ask(net.eval(), points))[:, 0].cpu()
    return {
        "gallery_row": np.array([row for row, _ in places], dtype=np.int16),
        "gallery_column": np.array([column for _, column in places], dtype=np.int16),
        "gallery_pictures": (pictures * 255).round().to(torch.uint8).numpy(),
    }
