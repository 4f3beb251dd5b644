"""Detect whether a data set mirrors its images at random, by drawing the same samples repeatedly.

If coordinates are not mirrored together with an image, they are wrong: the left side of the image
gets the coordinates of the right side. A trial then says nothing about true positions.
"""

import itertools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from coordconv import Placement
from coordconv_lab.trials.sample_images import image_of, placement_of

__all__ = ["Mirroring", "mirroring_of", "noted_loaders"]

SAMPLES, DRAWS = 4, 6
ALIKE = 0.6  # minimum correlation of two draws that show the same image
CLEARER = 0.15  # how much higher the correlation with the mirrored image must be
LEAST_MIRRORED = 0.05  # minimum fraction of mirrored pairs
MOST_UNCLEAR = 0.3  # maximum fraction of unclear pairs; above it, nothing is reported
_MOST_LOADERS = 4


class Mirroring(NamedTuple):
    """How a data set mirrors its images.

    Attributes:
        axes: Spatial axes along which images are mirrored, counted from the end: -1 is left and
            right.
        mirrored: Number of pairs of draws that are mirror images.
        pairs: Number of pairs of draws of the same sample.
        dataset: Class of the data set.
        has_placements: Whether the samples contain placements. If they do, the placements are not
            mirrored together with the images.
    """

    axes: tuple[int, ...]
    mirrored: int
    pairs: int
    dataset: str
    has_placements: bool = False

    @property
    def words(self) -> str:
        """The warning that a trial shows."""
        names = {-1: "left and right", -2: "up and down"}
        axes = " and ".join(names.get(axis, f"axis {axis}") for axis in self.axes)
        cause = "are not mirrored" if self.has_placements else "are missing"
        return (
            f"Warning: the training data are mirrored ({axes}), but their coordinates are not. "
            f"{self.mirrored} of {self.pairs} pairs of draws of the same sample of "
            f"{self.dataset} are mirror images, and placements {cause}. The coordinates in this "
            "trial are wrong for mirrored images. Pass placements to the model, or do not mirror "
            "the images (docs/when-positions-go-wrong.md)."
        )


@contextmanager
def noted_loaders() -> Iterator[list[DataLoader[Any]]]:
    """Record the data loaders that are iterated inside the block, up to a maximum number."""
    found: list[DataLoader[Any]] = []
    iterate = DataLoader.__iter__

    def noting(self: DataLoader[Any]) -> Any:
        if len(found) < _MOST_LOADERS and all(one is not self for one in found):
            found.append(self)
        return iterate(self)

    DataLoader.__iter__ = noting
    try:
        yield found
    finally:
        DataLoader.__iter__ = iterate


def mirroring_of(dataset: Any) -> Mirroring | None:
    """Draw some samples of a data set several times, and look for mirror images.

    Two draws of a sample count as mirror images if mirroring one of them clearly increases their
    correlation at the best shift. The result is None if many pairs have a low correlation both with
    and without mirroring. This happens if the data set draws a new image each time, or augments
    images strongly. The states of the random number generators are restored afterwards.

    Args:
        dataset: A data set with a length, whose samples are accessed by index.

    Returns:
        The mirroring; None if images are not mirrored, if placements are mirrored with them, or if
        the samples cannot be read.

    Example:
        >>> class Flipped(torch.utils.data.Dataset):
        ...     def __len__(self):
        ...         return 4
        ...     def __getitem__(self, index):
        ...         image = torch.arange(16.0).repeat(12, 1) ** 2
        ...         return image.flip(-1) if random.random() < 0.5 else image
        >>> mirroring_of(Flipped()).axes
        (-1,)
    """
    with _same_random_numbers():
        try:
            count = len(dataset)
            indices = sorted({round(i * (count - 1) / (SAMPLES - 1)) for i in range(SAMPLES)})
            drawn = [[dataset[index] for _ in range(DRAWS)] for index in indices if count]
        except Exception:  # no length, or samples are not accessed by an integer
            return None
    found: list[tuple[int, ...] | None] = []
    has_placements = False
    for draws in drawn:
        images = [(image_of(sample), placement_of(sample)) for sample in draws]
        for (a, place), (b, other) in itertools.combinations(images, 2):
            if a is not None and b is not None and a.dim() == b.dim():
                axes = _mirrored_axes(a, b)
                carried = axes and _is_mirrored(place, other, axes)
                found.append(() if carried else axes)
                has_placements |= place is not None
    mirrored = [axes for axes in found if axes]
    if len(mirrored) < max(2, LEAST_MIRRORED * len(found)) or found.count(
        None
    ) > MOST_UNCLEAR * len(found):
        return None
    every = sorted({axis for axes in mirrored for axis in axes}, reverse=True)
    return Mirroring(
        tuple(every), len(mirrored), len(found), type(dataset).__name__, has_placements
    )


def _mirrored_axes(a: Tensor, b: Tensor) -> tuple[int, ...] | None:
    """Return the axes along which two images are mirrored; None if they are different images."""
    size = [min(n, m) for n, m in zip(a.shape, b.shape, strict=True)]
    a, b = (_standardized(image[tuple(slice(n) for n in size)]) for image in (a, b))
    axes = tuple(range(-a.dim(), 0))
    ways = [way for count in range(1, len(axes) + 1) for way in itertools.combinations(axes, count)]
    direct = _likeness(a, b)
    best, way = max((_likeness(a.flip(way), b), way) for way in ways)
    if best >= ALIKE and best >= direct + CLEARER:
        return way
    return () if direct >= ALIKE else None


def _standardized(image: Tensor) -> Tensor:
    """Attenuate low frequencies, in which all images are similar, and scale to a norm of 1."""
    squares = [torch.fft.fftfreq(n) ** 2 for n in image.shape]
    frequency = sum(torch.meshgrid(*squares, indexing="ij"), torch.zeros(())).sqrt()
    image = torch.fft.ifftn(torch.fft.fftn(image) * frequency.sqrt()).real
    return image / image.square().sum().sqrt().clamp_min(1e-12)


def _likeness(a: Tensor, b: Tensor) -> float:
    """Return the highest correlation of two images over all cyclic shifts."""
    spectrum = torch.fft.fftn(a).conj() * torch.fft.fftn(b)
    return float(torch.fft.ifftn(spectrum).real.max())


def _is_mirrored(a: Placement | None, b: Placement | None, axes: tuple[int, ...]) -> bool:
    """Whether the placements of two images are mirrored along exactly these axes."""
    if a is None or b is None:
        return False
    rows = [
        (torch.as_tensor(a.matrix[axis][axis]), torch.as_tensor(b.matrix[axis][axis]))
        for axis in axes
    ]
    return all(bool((one * other < 0).all()) for one, other in rows)


@contextmanager
def _same_random_numbers() -> Iterator[None]:
    """Restore the random state of Python, NumPy and torch after the block."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
