"""The predictions of a trained network for every example, as a small file."""

import io

import numpy as np
from torch import nn

from coordconv_lab.examples import Data
from coordconv_lab.objective import Objective
from coordconv_lab.train.evaluate import Evaluation
from coordconv_lab.train.returned_files import joined_arrays


def predictions_file(
    net: nn.Module, objective: Objective, data: Data, evaluation: Evaluation
) -> bytes:
    """Pack the predictions for every example into an .npz file.

    Args:
        net: The trained network.
        objective: The objective of the network.
        data: The data of the network.
        evaluation: The evaluation of the network on all examples.

    Returns:
        The bytes of the file. It contains the columns of the data, `is_train` and each score by
        name, all of shape (N,). If the task keeps predictions, it contains `predicted`, (N, ...).
        It also contains the arrays that only this task has.
    """
    scores = {n: score.numpy().astype(np.float32) for n, score in evaluation.scores.items()}
    made = evaluation.predictions
    arrays = joined_arrays(
        ("the columns of the data", data.columns()),
        ("is_train of the data", {"is_train": data.is_train.cpu().numpy()}),
        ("the scores of the task", scores),
        ("the arrays of the task", objective.arrays(net, data)),
        ("the predictions", {} if made is None else {"predicted": made.numpy().astype(np.float32)}),
    )
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()
