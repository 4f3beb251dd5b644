"""Patches around random voxels of brain regions, and the positions of the patches."""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from coordconv_lab.examples import IndexedData
from coordconv_lab.experiments.brains.source import FOLDS, PEOPLE, SOURCE, file_of
from coordconv_lab.experiments.brains.specs import BrainsSpec
from coordconv_lab.experiments.brains.volumes import MILLIMETERS, brain_of

PATCH = 12
"""Voxels along each side of a patch."""

WORLD = 64
"""Voxels along each side of the box around the scanner's origin.

The box is the full image, relative to which the positions of all patches are given.
"""

_EDGE = 80
"""Voxels along each side of a padded volume."""


class Patches(IndexedData):
    """Patches. For each patch, only its person, its first voxel and its label are stored.

    Attributes:
        volumes: The padded silhouettes of all people, (6, 80, 80, 80).
    """

    volumes: Tensor

    def cut(self, examples: Tensor) -> Tensor:
        """Cut patches, (B, 1, 12, 12, 12), out of the volumes, for examples (B,)."""
        steps = torch.arange(PATCH, device=examples.device)
        corners = self.tensors["corner"][examples]
        x, y, z = (corners[:, axis, None] + steps for axis in range(3))
        person = self.tensors["person"][examples][:, None, None, None]
        return self.volumes[person, x[:, :, None, None], y[:, None, :, None], z[:, None, None, :]][
            :, None
        ]


@lru_cache(maxsize=3)
def load(spec: BrainsSpec, device: torch.device | str) -> Patches:
    """Draw patches of every person.

    The data have four tensors. ``person``, (N,), is the index of the person. ``corner``, (N, 3), is
    the first voxel of the patch in the padded volume, and ``start``, (N, 3), is the same voxel in
    the frame of the scanner. ``label``, (N,), is the label, counted from 0.

    Raises:
        InputError: The package with the brains is missing, or has another version or content.
    """
    held_out = FOLDS[spec.split]
    people = list(PEOPLE)
    if spec.held_out == "validation":
        people = [person for person in PEOPLE if person not in held_out]
        held_out = people[:2]
    generator = torch.Generator().manual_seed(spec.patch_seed)
    volumes, parts = torch.zeros(len(PEOPLE), _EDGE, _EDGE, _EDGE), []
    for person in people:
        silhouette, labels, first = brain_of(SOURCE.read(file_of(person)))
        volumes[PEOPLE.index(person)] = _padded(silhouette)
        inside = labels.nonzero()
        count = spec.test if person in held_out else spec.train
        center = inside[torch.randint(len(inside), (count,), generator=generator)]
        # A patch around voxel c starts at voxel c - 6, which is c + 6 in a volume padded by 12.
        origin = torch.tensor(first) / MILLIMETERS + WORLD / 2
        parts.append(
            {
                "person": torch.full((count,), PEOPLE.index(person)),
                "corner": center + PATCH // 2,
                "start": center - PATCH // 2 + origin,
                "label": labels[tuple(center.T)] - 1,
                "is_train": torch.full((count,), person not in held_out),
            }
        )
    tensors = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    data = Patches(tensors.pop("is_train"), tensors, device)
    data.volumes = volumes.to(device)
    return data


def _padded(silhouette: Tensor) -> Tensor:
    margins = [(PATCH, _EDGE - PATCH - n) for n in reversed(silhouette.shape)]
    return functional.pad(silhouette, [one for pair in margins for one in pair])
