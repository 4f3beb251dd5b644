"""A small convolutional network that classifies crops of signals, images or volumes."""

from torch import nn

from coordconv import Convention, CoordConv1d, CoordConv2d, CoordConv3d

_LAYERS = {
    1: (CoordConv1d, nn.Conv1d, nn.BatchNorm1d, nn.AdaptiveAvgPool1d),
    2: (CoordConv2d, nn.Conv2d, nn.BatchNorm2d, nn.AdaptiveAvgPool2d),
    3: (CoordConv3d, nn.Conv3d, nn.BatchNorm3d, nn.AdaptiveAvgPool3d),
}


class CropClassifier(nn.Sequential):
    """Three convolutions with stride 2, an average over the crop and a linear layer.

    The average discards where a feature is in the crop. Without coordinates, only the zero padding
    of the convolutions can therefore tell the network about positions.

    Args:
        rank: Number of axes of a crop: 1, 2 or 3.
        width: Channels of the first convolution. Each further convolution doubles the channels.
        classes: Number of logits.
        sees_coordinates: Whether the first convolution sees coordinates.

    Example:
        >>> import torch
        >>> CropClassifier(1, 8, 2, sees_coordinates=True)(torch.zeros(5, 1, 24)).shape
        torch.Size([5, 2])
    """

    def __init__(self, rank: int, width: int, classes: int, *, sees_coordinates: bool) -> None:
        coord_conv, conv, norm, pool = _LAYERS[rank]
        if sees_coordinates:
            first: nn.Module = coord_conv(
                1, width, 3, 2, 1, convention=Convention(alignment="edges")
            )
        else:
            first = conv(1, width, 3, 2, 1)
        layers = [first, norm(width), nn.ReLU()]
        for inputs, outputs in ((width, 2 * width), (2 * width, 4 * width)):
            layers += [conv(inputs, outputs, 3, 2, 1), norm(outputs), nn.ReLU()]
        super().__init__(*layers, pool(1), nn.Flatten(), nn.Linear(4 * width, classes))
