"""Heads made by deforming one template, and crops around random voxels of their brains."""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from coordconv_lab.examples import IndexedData
from coordconv_lab.experiments.volume.deformations import deformed
from coordconv_lab.experiments.volume.source import GRAY, IMAGE, SOURCE, WHITE
from coordconv_lab.experiments.volume.specs import VolumeSpec
from coordconv_lab.nifti import volume_of

CROP = 8
"""Width of a crop in voxels, along each axis."""

WORLD = 64
"""Width of the image of a head in voxels, along each axis. Each crop is a part of such an image."""

MILLIMETERS = 4.0
"""Size of a voxel of a head, in millimeters."""

CLASSES = 3
"""Number of classes of the tissue task: gray matter, white matter and neither.

The networks of the side task also have three outputs, but its labels are only 0 and 1.
"""

TRAIN, HELD_OUT = 20, 10
"""Number of heads for training, and number of held-out heads."""

HEADS = tuple(f"head {number}" for number in range(TRAIN + HELD_OUT))
"""Names of the heads. There is a separate score for each head."""

_VALIDATION = 5
"""Number of training heads that are held out when settings are chosen: the last five."""

_NOISE = 0.05
"""Standard deviation of the noise that is added to each voxel of an image.

For comparison, the intensity of white matter is about 1.
"""


class Template(NamedTuple):
    """The template, averaged to voxels of 2 mm.

    Attributes:
        channels: Three channels, shape (3, X, Y, Z): the image, with intensities from 0 to about
            1; the fraction of gray matter; and the fraction of white matter.
        middle: Position of the center of the template, in millimeters, one number per axis.
    """

    channels: Tensor
    middle: tuple[float, ...]


class Head(NamedTuple):
    """One head.

    Attributes:
        image: Intensity of each voxel, shape (64, 64, 64).
        side: 0 for voxels on the left and 1 for voxels on the right, shape (64, 64, 64).
        tissue: 0 for gray matter, 1 for white matter and 2 for neither, shape (64, 64, 64).
        brain: Whether each voxel is in the brain, shape (64, 64, 64).
    """

    image: Tensor
    side: Tensor
    tissue: Tensor
    brain: Tensor


class Crops(IndexedData):
    """A dataset of crops.

    For each crop, only the number of its head, its first voxel and its labels are stored. `cut`
    makes the image of the crop.

    Attributes:
        images: The images of all heads, shape (30, 64, 64, 64).
    """

    images: Tensor

    def cut(self, examples: Tensor) -> Tensor:
        """Cut the crops with the given indices out of the images, shape (B, 1, 8, 8, 8)."""
        steps = torch.arange(CROP, device=examples.device)
        starts = self.tensors["start"][examples]
        x, y, z = (starts[:, axis, None] + steps for axis in range(3))
        head = self.tensors["head"][examples][:, None, None, None]
        return self.images[head, x[:, :, None, None], y[:, None, :, None], z[:, None, None, :]][
            :, None
        ]


@lru_cache(maxsize=1)
def template() -> Template:
    """Read the template.

    Raises:
        InputError: If the package that contains the template is not installed, has a different
            version, or has files with different content.
    """
    volumes = [volume_of(SOURCE.read(name)) for name in (IMAGE, GRAY, WHITE)]
    fine = torch.stack([torch.tensor(one.voxels, dtype=torch.float32) for one in volumes])
    fine /= fine.flatten(1).amax(1)[:, None, None, None]
    channels = functional.avg_pool3d(fine, 2)
    # The center of the first 2 mm voxel is 0.5 mm from the center of the first 1 mm voxel.
    first = volumes[0].first
    return Template(
        channels,
        tuple(one + n - 0.5 for one, n in zip(first, channels.shape[1:], strict=True)),
    )


def head_of(number: int, seed: int, *, moved: bool) -> Head:
    """Deform the template into a head."""
    generator = torch.Generator().manual_seed(seed * len(HEADS) + number)
    channels, middle = template()
    axis = (torch.arange(WORLD) - (WORLD - 1) / 2) * MILLIMETERS
    places = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), -1)
    source = deformed(places, generator, moved=moved)
    # grid_sample expects (z, y, x), from -1 to 1 between the outer edges of the template.
    edges = torch.tensor(channels.shape[1:])
    grid = (source / edges).flip(-1)
    image, gray, white = functional.grid_sample(channels[None], grid[None], align_corners=False)[0]
    brain = image > 0.1
    parts = torch.stack([gray, white, 1 - gray - white])
    noise = _NOISE * torch.randn(image.shape, generator=generator)
    side = (source[..., 0] + middle[0] > 0).long()
    return Head(image + noise, side, parts.argmax(0), brain)


@lru_cache(maxsize=3)
def load(spec: VolumeSpec, device: torch.device | str) -> Crops:
    """Generate the heads, and draw random crops from each head.

    The dataset has four tensors. ``head``, shape (N,), is the number of the head. ``start``, shape
    (N, 3), is the first voxel of the crop. ``side`` and ``tissue``, both of shape (N,), are the
    labels of the voxel at the center of the crop.
    """
    train, held_out = range(TRAIN), range(TRAIN, TRAIN + HELD_OUT)
    if spec.held_out == "validation":
        train, held_out = range(TRAIN - _VALIDATION), range(TRAIN - _VALIDATION, TRAIN)
    images, parts = torch.zeros(len(HEADS), WORLD, WORLD, WORLD), []
    generator = torch.Generator().manual_seed(spec.head_seed)
    for number in (*train, *held_out):
        is_train = number in train
        head = head_of(number, spec.head_seed, moved=spec.split == "moved" and not is_train)
        images[number] = head.image
        half = CROP // 2
        inside = head.brain[half : half - CROP + 1, half : half - CROP + 1, half : half - CROP + 1]
        starts = inside.nonzero()
        count = spec.train if is_train else spec.test
        start = starts[torch.randint(len(starts), (count,), generator=generator)]
        middle = tuple((start + half).T)
        parts.append(
            {
                "head": torch.full((count,), number),
                "start": start,
                "side": head.side[middle],
                "tissue": head.tissue[middle],
                "is_train": torch.full((count,), is_train),
            }
        )
    tensors = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    data = Crops(tensors.pop("is_train"), tensors, device)
    data.images = images.to(device)
    return data
