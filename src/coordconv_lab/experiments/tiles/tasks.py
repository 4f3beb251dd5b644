"""The loss, the scores and the coordinates for predicting climate zones."""

from torch import Tensor, nn
from torch.nn import functional

from coordconv_lab.ablated_objective import AblatedObjective
from coordconv_lab.examples import IndexedData
from coordconv_lab.experiments.earth.coordinates import earth_coordinates
from coordconv_lab.experiments.tiles.maps import OCEAN, UNITS
from coordconv_lab.specs import ExperimentSpec


class NameClimate(AblatedObjective):
    """Classification of land pixels: cross-entropy over the five climates.

    Args:
        spec: The spec of the run.
        data: The tiles.
    """

    units = UNITS
    evaluation_batch = 100

    def __init__(self, spec: ExperimentSpec, data: IndexedData) -> None:
        self.tensors, self.told = data.tensors, spec.model.told

    def unit(self, examples: Tensor) -> Tensor:
        """Return the sector of each tile, or the strip that is held out."""
        return self.tensors["unit"][examples]

    def inputs(self, examples: Tensor) -> Tensor:
        """Return the images, (B, 3, 20, 20)."""
        return self.tensors["image"][examples]

    def coordinates(self, examples: Tensor) -> Tensor | None:
        """Return the coordinates that the network sees, (B, d, 20, 20), from -1 to 1."""
        latitude, longitude = (self.tensors[name][examples] for name in ("latitude", "longitude"))
        return earth_coordinates(self.told, latitude, longitude)

    def predict(self, net: nn.Module, examples: Tensor) -> Tensor:
        """Return logits of the climates, (B, 5, 20, 20)."""
        return net(self.inputs(examples), self.coordinates(examples))

    def loss(self, net: nn.Module, examples: Tensor) -> Tensor:
        """Return the mean cross-entropy over land pixels."""
        climate = self.tensors["climate"][examples]
        return functional.cross_entropy(self.predict(net, examples), climate, ignore_index=OCEAN)

    def score_one(self, outputs: Tensor, examples: Tensor) -> dict[str, Tensor]:
        """Return the fraction of land pixels with a correct prediction, for each tile."""
        climate = self.tensors["climate"][examples]
        right = (outputs.argmax(1) == climate).sum((1, 2))  # predictions are never the ocean
        return {"accuracy": right / (climate != OCEAN).sum((1, 2))}
