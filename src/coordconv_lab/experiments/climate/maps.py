"""Maps of the earth, cut into crops, and their held-out pixels."""

import io
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from coordconv_lab.examples import IndexedData
from coordconv_lab.experiments.climate.source import ELEVATION, MONTHS, SOURCE
from coordconv_lab.experiments.climate.specs import ClimateSpec

CROP, STRIDE = 16, 8
"""Pixels along each side of a crop, and from the first pixel of a crop to that of the next crop."""

DEGREES = 1.5
"""Degrees between pixels."""

ROWS, COLUMNS = 121, 240
"""Pixels from the south pole to the north pole, and around the earth from 180 degrees west."""

SECTORS = ("180W to 120W", "120W to 60W", "60W to 0", "0 to 60E", "60E to 120E", "120E to 180E")
"""Names of the sectors of longitude. Each has its own score."""

FOLDS = {"first": (0, 3), "second": (1, 4), "third": (2, 5)}
"""The sectors held out by each split."""

MIDDLE, SPREAD = 280.0, 20.0
"""The temperature in kelvin for an output of 0, and the change in kelvin per unit of the output."""

_SQUARE = 8
"""Pixels along each side of the squares that the split "known" holds out."""


class Earth(NamedTuple):
    """Maps of the earth, whose first row is the south pole.

    Attributes:
        elevation: Kilometers above the sea, (121, 240).
        temperature: Mean of each month in kelvin, (12, 121, 240).
    """

    elevation: Tensor
    temperature: Tensor


def _array(name: str) -> Tensor:
    with np.load(io.BytesIO(SOURCE.read(name)), allow_pickle=False) as file:
        return torch.from_numpy(file["arr_0"]).float()


@lru_cache(maxsize=1)
def earth() -> Earth:
    """Read the maps, with one pixel per 1.5 degrees.

    Raises:
        InputError: The package with the maps is missing, or has another version or content.
    """
    temperature = torch.stack([_array(name)[::2, :-1:2] for name in MONTHS])
    # The pixels of this map are half a degree apart, and start at 90.5 degrees north and 0.5
    # degrees west. The north pole is therefore row 1, and the prime meridian is column 1.
    elevation = _array(ELEVATION)[1:362:3, 1:721:3].flip(0)
    return Earth(elevation.roll(COLUMNS // 2, 1), temperature)


def held_out_pixels(spec: ClimateSpec) -> tuple[Tensor, Tensor]:
    """Return a mask of the training pixels and a mask of the held-out pixels, (121, 240)."""
    generator = torch.Generator().manual_seed(spec.split_seed)
    test, validation = (_squares(generator) for _ in range(2))
    if spec.split != "known":
        sector = torch.arange(COLUMNS) // (COLUMNS // len(SECTORS))
        test = torch.isin(sector, torch.tensor(FOLDS[spec.split])).expand(ROWS, COLUMNS)
    return (~test, test) if spec.held_out == "test" else (~test & ~validation, ~test & validation)


def _squares(generator: torch.Generator) -> Tensor:
    """Draw a third of all squares."""
    rows, columns = -(-ROWS // _SQUARE), COLUMNS // _SQUARE
    drawn = torch.rand(rows, columns, generator=generator) < 1 / 3
    return drawn.repeat_interleave(_SQUARE, 0).repeat_interleave(_SQUARE, 1)[:ROWS]


@lru_cache(maxsize=4)
def load(spec: ClimateSpec, device: torch.device | str) -> IndexedData:
    """Cut crops for training and for test.

    The data have six tensors. ``map``, (N, 2, 16, 16), is the elevation and the land mask.
    ``temperature``, (N, 12, 16, 16), is the target. ``counts``, (N, 16, 16), says whether a pixel
    is trained on or scored. ``latitude`` and ``longitude``, (N, 16, 16), are in radians.
    ``sector``, (N,), is the index of the sector of longitude.
    """
    maps = earth()
    train, test = held_out_pixels(spec)
    starts = torch.cartesian_prod(
        torch.arange(0, ROWS - CROP + 1, STRIDE), torch.arange(0, COLUMNS, STRIDE)
    )
    steps = torch.arange(CROP)
    rows = (starts[:, :1] + steps)[:, :, None].expand(-1, CROP, CROP)
    columns = ((starts[:, 1:] + steps) % COLUMNS)[:, None].expand(-1, CROP, CROP)
    counts = torch.cat([train[rows, columns], test[rows, columns]])
    is_train = torch.arange(2 * len(starts)) < len(starts)
    kept = counts.any((1, 2))
    land = (maps.elevation > 0).float()
    pixels = {
        "map": torch.stack([maps.elevation[rows, columns], land[rows, columns]], 1),
        "temperature": maps.temperature[:, rows, columns].transpose(0, 1),
        "latitude": torch.deg2rad(rows * DEGREES - 90.0),
        "longitude": torch.deg2rad(columns * DEGREES - 180.0),
        "sector": _sector_of(counts, columns),
    }
    tensors = {
        name: torch.cat([one, one])[kept] if name != "sector" else one[kept]
        for name, one in pixels.items()
    }
    return IndexedData(is_train[kept], {**tensors, "counts": counts[kept]}, device)


def _sector_of(counts: Tensor, columns: Tensor) -> Tensor:
    """Return the sector that contains most of the counted pixels of each crop."""
    sector = torch.cat([columns, columns]) // (COLUMNS // len(SECTORS))
    votes = [(counts & (sector == index)).sum((1, 2)) for index in range(len(SECTORS))]
    return torch.stack(votes, 1).argmax(1)
