"""Volume: the side of a crop of a deformed head.

The nearest voxel is 7e-7 from the threshold of the brain, and one more voxel would change every
later crop. So heads are computed in float32, with the functions of torch that the experiment uses.
"""

import math
from functools import cache
from typing import Any

import torch
from rescore import Weights
from torch import Tensor
from torch.nn import functional

from rescoring.crops import classes
from rescoring.files import turned
from rescoring.scored import Scored, both

HEADS = tuple(f"head {number}" for number in range(30))


def side(spec: dict[str, Any], weights: Weights) -> Scored:
    """Score crops of heads that are placed alike, 20 for training and 10 held out."""
    data, parts = spec["data"], []
    generator = torch.Generator().manual_seed(data["head_seed"])
    for number in range(30):
        image, is_brain, is_right = head(number, data["head_seed"])
        first = is_brain[4:-3, 4:-3, 4:-3].nonzero()  # the middle is the fifth voxel
        count = data["train" if number < 20 else "test"]
        first = first[torch.randint(len(first), (count,), generator=generator)]
        crops = torch.stack([image[x : x + 8, y : y + 8, z : z + 8] for x, y, z in first])
        parts.append((crops, first, is_right[tuple((first + 4).T)], torch.full((count,), number)))
    crops, first, is_right, number = (torch.cat(one) for one in zip(*parts, strict=True))
    # Centers of voxels, from -1 to 1 between the outer edges of the scanner.
    at = (2 * (first[:, :, None] + torch.arange(8)) + 1) / 64 - 1
    found = (classes(weights, crops, places) for places in (at, torch.zeros_like(at)))
    scores = both("accuracy", *(one == is_right for one in found))
    return Scored(scores, number < 20, number, HEADS)


@cache
def head(number: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw a head: its image, where there is brain, and which side is the right, (64, 64, 64)."""
    generator = torch.Generator().manual_seed(30 * seed + number)
    # In this order: radians, scales, millimeters, bends, and the far shift of other tasks.
    angles, scale, shift = (
        (2 * torch.rand(3, generator=generator) - 1) * limit
        for limit in (math.radians(8), 0.1, 6.0)
    )
    bends = 3 * torch.randn(3, 5, 5, 5, generator=generator)
    _far = torch.randn(3, generator=generator), torch.rand((), generator=generator)
    axis = 4 * torch.arange(64) - 126.0
    places = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1)
    places = ((places - shift) / (1 + scale)) @ turn(*angles.tolist()) + smooth(bends)
    template, middle = fine_template()
    size = torch.tensor(template.shape[:3])
    # The template has voxels of 2 mm, so its edge is as many millimeters away as it has voxels.
    where = (places / size).flip(-1)[None]
    image = functional.grid_sample(template[None, None], where, align_corners=False)[0, 0]
    noise = 0.05 * torch.randn(64, 64, 64, generator=generator)
    return image + noise, image > 0.1, (places[..., 0] + middle > 0).long()


def turn(x: float, y: float, z: float) -> Tensor:
    """Rotations about x, y and z in radians, one after the other, (3, 3)."""
    product = torch.eye(3, dtype=torch.float64)
    for axis, angle in enumerate((x, y, z)):
        one, other = (axis + 1) % 3, (axis + 2) % 3
        rotation = torch.eye(3, dtype=torch.float64)
        rotation[one, one] = rotation[other, other] = math.cos(angle)
        rotation[other, one] = math.sin(angle)
        rotation[one, other] = -math.sin(angle)
        product = product @ rotation
    return product.float()


def smooth(bends: Tensor) -> Tensor:
    """Interpolate bends at 5 x 5 x 5 points by cubic convolution, (64, 64, 64, 3)."""
    for _ in range(3):  # the first axis becomes the last, so that each is interpolated once
        shape = bends.shape
        lines = bends.permute(0, 2, 3, 1).reshape(1, -1, 1, 5)
        finer = functional.interpolate(lines, (1, 64), mode="bicubic", align_corners=True)
        bends = finer.reshape(3, *shape[2:], 64)
    return bends.movedim(0, -1)


@cache
def fine_template() -> tuple[Tensor, float]:
    """The template with voxels of 2 mm, (X, Y, Z), and the x of its middle in millimeters."""
    name = "nilearn/datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
    voxels, first = turned("nilearn", name)
    fine = torch.tensor(voxels.copy(), dtype=torch.float32)
    template = functional.avg_pool3d((fine / fine.max())[None], 2)[0]
    return template, float(first[0] + len(template) - 0.5)
