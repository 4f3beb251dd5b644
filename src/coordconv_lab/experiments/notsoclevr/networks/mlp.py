"""A multilayer perceptron that predicts the point of a one-hot image.

Every pixel has its own weights, so the network distinguishes positions without coordinates.
"""

from torch import Tensor, nn

from coordconv_lab.experiments.notsoclevr.specs import MLPRegressor


class MLP(nn.Module):
    """Multilayer perceptron over all pixels of an image."""

    def __init__(self, spec: MLPRegressor, canvas: tuple[int, int]) -> None:
        super().__init__()
        self.spec = spec
        pixels = canvas[0] * canvas[1]
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(pixels, spec.width),
            nn.ReLU(inplace=True),
            nn.Linear(spec.width, spec.width),
            nn.ReLU(inplace=True),
            nn.Linear(spec.width, 2),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 1, H, W) to points (N, 2) in pixels."""
        return self.layers(images * self.spec.input_scale) * self.spec.output_scale
