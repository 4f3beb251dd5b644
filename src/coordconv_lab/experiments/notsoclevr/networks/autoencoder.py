"""Autoencoders of one square with two encoders and two decoders.

Watters et al. 2019 (arXiv:1901.07017) propose a decoder that tiles the code over the image and
appends coordinates, and compare it with transposed convolutions. Here, these two decoders are used
in plain autoencoders on Not-so-Clevr. Images are (N, 1, H, W), and codes are (N, C).
"""

from torch import Tensor, nn

from coordconv import CoordConv2d
from coordconv_lab.experiments.notsoclevr.networks.pictures import (
    broadcast,
    doubling_layers,
    pixel_layers,
)
from coordconv_lab.experiments.notsoclevr.specs import (
    CoordConvClassifier,
    DeconvNet,
    SquareAutoencoder,
)


class Autoencoder(nn.Module):
    """Encode an image as a short code, and decode the code into logits of the image."""

    def __init__(self, spec: SquareAutoencoder, canvas: tuple[int, int]) -> None:
        super().__init__()
        self.canvas = canvas
        self.broadcasts = spec.decoder == "broadcast"
        self.encoder = _pooling(spec) if spec.encoder == "coordconv" else _flattening(spec, canvas)
        self.decoder = (
            pixel_layers(spec.code, CoordConvClassifier())
            if self.broadcasts
            else doubling_layers(spec.code, DeconvNet(width=1))
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, 1, H, W) to logits (N, 1, H, W)."""
        codes = self.encoder(images)
        if self.broadcasts:
            return broadcast(self.decoder, codes, self.canvas)
        return self.decoder(codes[:, :, None, None])


def _pooling(spec: SquareAutoencoder) -> nn.Sequential:
    """Encoder with coordinates: pointwise convolutions, then global max pooling."""
    return nn.Sequential(
        CoordConv2d(1, spec.width, 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(spec.width, spec.width, 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(spec.width, spec.code, 1),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
    )


def _flattening(spec: SquareAutoencoder, canvas: tuple[int, int]) -> nn.Sequential:
    """Encoder without coordinates: four strided convolutions, then two linear layers."""
    layers: list[nn.Module] = []
    inputs = 1
    for _ in range(4):
        layers += [nn.Conv2d(inputs, spec.width, 4, 2, 1), nn.ReLU(inplace=True)]
        inputs = spec.width
        canvas = (canvas[0] // 2, canvas[1] // 2)
    if min(canvas) < 1:
        raise ValueError("four convolutions of stride 2 leave no pixels")
    flat = nn.Linear(spec.width * canvas[0] * canvas[1], 64)
    return nn.Sequential(
        *layers, nn.Flatten(), flat, nn.ReLU(inplace=True), nn.Linear(64, spec.code)
    )
