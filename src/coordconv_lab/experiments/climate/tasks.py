"""The loss, the scores and the coordinates for predicting temperatures."""

from torch import Tensor, nn

from coordconv_lab.ablated_objective import AblatedObjective
from coordconv_lab.examples import IndexedData
from coordconv_lab.experiments.climate.maps import MIDDLE, SECTORS, SPREAD
from coordconv_lab.experiments.earth.coordinates import earth_coordinates
from coordconv_lab.specs import ExperimentSpec

SCALE = 10.0
"""The error in kelvin at which the main score is 1/e."""


class PredictTemperature(AblatedObjective):
    """Mean squared error over all months and over the pixels that are trained on or scored.

    Args:
        spec: The spec of the run.
        data: The crops.
    """

    units = SECTORS
    evaluation_batch = 100

    def __init__(self, spec: ExperimentSpec, data: IndexedData) -> None:
        self.tensors, self.told = data.tensors, spec.model.told

    def unit(self, examples: Tensor) -> Tensor:
        """Return the sector of each crop."""
        return self.tensors["sector"][examples]

    def inputs(self, examples: Tensor) -> Tensor:
        """Return elevation and land, (B, 2, 16, 16)."""
        return self.tensors["map"][examples]

    def coordinates(self, examples: Tensor) -> Tensor | None:
        """Return the coordinates that the network sees, (B, d, 16, 16), from -1 to 1."""
        latitude, longitude = (self.tensors[name][examples] for name in ("latitude", "longitude"))
        return earth_coordinates(self.told, latitude, longitude)

    def predict(self, net: nn.Module, examples: Tensor) -> Tensor:
        """Return standardized temperatures, (B, 12, 16, 16)."""
        return net(self.inputs(examples), self.coordinates(examples))

    def errors(self, outputs: Tensor, examples: Tensor) -> Tensor:
        """Return the squared errors in square kelvin, (B, 12, 16, 16), or 0 at other pixels."""
        error = MIDDLE + SPREAD * outputs - self.tensors["temperature"][examples]
        return error.square() * self.tensors["counts"][examples][:, None]

    def loss(self, net: nn.Module, examples: Tensor) -> Tensor:
        """Return the mean squared error in standardized units."""
        counted = 12 * self.tensors["counts"][examples].sum()
        errors = self.errors(self.predict(net, examples), examples)
        return errors.sum() / counted / SPREAD**2

    def score_one(self, outputs: Tensor, examples: Tensor) -> dict[str, Tensor]:
        """Return exp(-RMSE / 10 K) of each crop, and its RMSE in kelvin."""
        counted = 12 * self.tensors["counts"][examples].sum((1, 2))
        rmse = (self.errors(outputs, examples).sum((1, 2, 3)) / counted).sqrt()
        return {"closeness": (-rmse / SCALE).exp(), "rmse": rmse}
