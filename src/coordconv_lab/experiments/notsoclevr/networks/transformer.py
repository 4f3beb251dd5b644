"""A small vision transformer that predicts the point of a one-hot image.

Points are (x, y) in pixels, (N, 2). Images are (N, 1, H, W).
"""

import math

import torch
from torch import Tensor, nn

from coordconv_lab.experiments.notsoclevr.specs import TransformerRegressor


class PatchTransformer(nn.Module):
    """A small vision transformer with patches as tokens, position embeddings and mean pooling.

    It follows Dosovitskiy et al. 2021 (arXiv:2010.11929), reduced to a few thousand parameters.
    """

    def __init__(self, spec: TransformerRegressor, canvas: tuple[int, int]) -> None:
        super().__init__()
        self.spec = spec
        height, width = (side // spec.patch for side in canvas)
        if not (height and width):
            raise ValueError(
                f"a patch of {spec.patch} x {spec.patch} pixels is larger than the canvas"
            )
        self.embed = nn.Conv2d(1, spec.width, spec.patch, spec.patch)
        if spec.positions == "learned":
            self.positions = nn.Parameter(0.02 * torch.randn(height * width, spec.width))
        elif spec.positions == "sinusoidal":
            self.register_buffer("positions", sinusoids(height, width, spec.width))
        else:
            self.positions = None
        layer = nn.TransformerEncoderLayer(
            spec.width,
            spec.heads,
            2 * spec.width,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.encoder = nn.TransformerEncoder(layer, spec.depth, enable_nested_tensor=False)
        self.read = nn.Linear(spec.width, 2)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 1, H, W) to points (N, 2) in pixels."""
        tokens = self.embed(images * self.spec.input_scale).flatten(2).transpose(1, 2)
        if self.positions is not None:
            tokens = tokens + self.positions
        return self.read(self.encoder(tokens).mean(dim=1)) * self.spec.output_scale


def sinusoids(height: int, width: int, channels: int) -> Tensor:
    """Return sines and cosines of rows and columns, (height * width, channels).

    They are as in Vaswani et al. 2017 (arXiv:1706.03762), section 3.5, but half of the channels
    encode the row, and the other half the column.
    """
    quarter = channels // 4
    rates = torch.exp(-math.log(10_000.0) * torch.arange(quarter) / max(quarter, 1))
    rows, columns = (torch.arange(side)[:, None] * rates for side in (height, width))
    rows = torch.cat((rows.sin(), rows.cos()), dim=1)[:, None].expand(-1, width, -1)
    columns = torch.cat((columns.sin(), columns.cos()), dim=1)[None].expand(height, -1, -1)
    return torch.cat((rows, columns), dim=2).reshape(height * width, channels)
