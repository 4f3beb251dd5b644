"""The predictions of a trained network for every example, as a small file."""

import io

import numpy as np
from numpy.typing import NDArray
from torch import nn

from coordconv_lab.examples import Data
from coordconv_lab.objective import Objective
from coordconv_lab.train.evaluate import Evaluation


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
    arrays: dict[str, NDArray[np.generic]] = {
        **data.columns(),
        "is_train": data.is_train.cpu().numpy(),
    }
    arrays |= {name: score.numpy().astype(np.float32) for name, score in evaluation.scores.items()}
    arrays |= objective.arrays(net, data)
    if evaluation.predictions is not None:
        arrays["predicted"] = evaluation.predictions.numpy().astype(np.float32)
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()
