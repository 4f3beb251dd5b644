"""Settings of training for crops."""

from collections.abc import Mapping

from coordconv_lab.specs import TrainingSpec


def training(rates: Mapping[tuple[str, str], float], task: str, model: str) -> TrainingSpec:
    """Return the settings of training.

    Args:
        rates: The learning rate by task and by coordinates, where "nothing" means without
            coordinates and "true" with coordinates.
        task: The task.
        model: "conv" without coordinates, or another network.
    """
    settings = {
        "epochs": 6,
        "batch_size": 64,
        "learning_rate": rates[task, "nothing" if model == "conv" else "true"],
        "optimizer": "adamw",
        "weight_decay": 0.01,
        "schedule": "cosine",
        "warmup": 0.1,
        "curve_points": 4,
    }
    return TrainingSpec.model_validate(settings)
