"""Settings of training for maps of the earth."""

from collections.abc import Mapping

from coordconv_lab.specs import TrainingSpec


def training(
    rates: Mapping[str, float], model: str, *, epochs: int, batch_size: int
) -> TrainingSpec:
    """Return the settings of training.

    Args:
        rates: The learning rate by coordinates, where "nothing" means without coordinates and
            "both" with coordinates.
        model: "conv" without coordinates, or another network.
        epochs: Number of epochs.
        batch_size: Crops per batch.
    """
    settings = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": rates["nothing" if model == "conv" else "both"],
        "schedule": "cosine",
        "warmup": 0.1,
        "curve_points": 4,
    }
    return TrainingSpec.model_validate(settings)
