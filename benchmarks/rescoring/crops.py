"""The network that classifies crops of signals and volumes."""

import torch
from rescore import Weights, joint, normalize
from torch import Tensor
from torch.nn import functional

from rescoring.scored import sees


def classes(weights: Weights, crops: Tensor, places: Tensor) -> Tensor:
    """Return the classes that the network gives to crops, (N,).

    Args:
        weights: Its weights.
        crops: (N, L) or (N, L, L, L).
        places: The coordinates along each axis of a crop, (N, 1 or 3, L).
    """
    rank = crops.dim() - 1
    convolve = {1: functional.conv1d, 3: functional.conv3d}[rank]
    found = []
    for some, at in zip(crops.split(200), places.float().split(200), strict=True):
        maps = some[:, None]
        if sees(weights, "0"):
            grids = [
                at[:, axis].reshape(len(at), *(-1 if axis == each else 1 for each in range(rank)))
                for axis in reversed(range(rank))  # along the last axis first
            ]
            maps = torch.stack([some, *(one.expand_as(some) for one in grids)], 1)
        for layer in (0, 3, 6):
            maps = convolve(maps, *joint(weights, str(layer)), stride=2, padding=1)
            flat = normalize(weights, str(layer + 1), maps.flatten(2)[..., None], 1e-5)
            maps = flat.view_as(maps).relu()
        means = maps.flatten(2).mean(2)
        found.append(functional.linear(means, *joint(weights, "11")).argmax(1))
    return torch.cat(found)
