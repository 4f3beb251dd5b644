"""Climate: monthly temperatures at known longitudes."""

import io
from functools import cache
from typing import Any

import numpy as np
import torch
from rescore import Weights, joint
from torch import Tensor
from torch.nn import functional

from rescoring.files import content
from rescoring.scored import Scored, Scores, sees

SECTORS = ("180W to 120W", "120W to 60W", "60W to 0", "0 to 60E", "60E to 120E", "120E to 180E")
KELVIN = 10.0


def climate(spec: dict[str, Any], weights: Weights) -> Scored:
    """Score the temperatures of crops of 16 x 16 pixels, of which some are held out."""
    elevation, temperature = earth()
    generator = torch.Generator().manual_seed(spec["data"]["split_seed"])
    squares = torch.rand(16, 30, generator=generator) < 1 / 3
    held_out = squares.repeat_interleave(8, 0).repeat_interleave(8, 1)[:121]
    land = (elevation > 0).float()
    latitude = (torch.arange(121) * 1.5 - 90)[:, None].expand(121, 240) / 90
    fields = torch.cat([torch.stack([elevation, land, latitude]), temperature])
    crops: dict[bool, list[Tensor]] = {True: [], False: []}
    for training, counted in ((True, ~held_out), (False, held_out)):
        every = torch.cat([fields, counted[None].float()])
        every = torch.cat([every, torch.arange(240.0).expand(1, 121, 240)])
        every = torch.cat([every, every[:, :, :15]], 2)  # once around the earth
        for top in range(0, 121 - 15, 8):
            for left in range(0, 240, 8):
                crop = every[:, top : top + 16, left : left + 16]
                if crop[15].any():
                    crops[training].append(crop)
    cut = torch.stack([*crops[True], *crops[False]])
    maps, latitudes, wanted, counted = cut[:, :2], cut[:, 2:3], cut[:, 3:15].double(), cut[:, 15]
    scores: Scores = {}
    for end, is_usual in (("", True), ("_mean_position", False)):
        found = torch.cat(
            [
                predicted(weights, some, at if is_usual else at.mean().expand_as(at))
                for some, at in zip(maps.split(100), latitudes.split(100), strict=True)
            ]
        )
        errors = (280 + 20 * found.double() - wanted).square() * counted[:, None]
        rmse = (errors.sum((1, 2, 3)) / (12 * counted.sum((1, 2)))).sqrt()
        scores |= {f"closeness{end}": (-rmse / KELVIN).exp(), f"rmse{end}": rmse}
    sector = (cut[:, 16] // 40).long()
    votes = torch.stack([(counted * (sector == one)).sum((1, 2)) for one in range(6)], 1)
    is_train = torch.arange(len(cut)) < len(crops[True])
    return Scored(scores, is_train, votes.argmax(1), SECTORS)


def predicted(weights: Weights, maps: Tensor, latitude: Tensor) -> Tensor:
    """Return temperatures, (N, 12, 16, 16), from 280 K in units of 20 K."""
    if sees(weights, "first"):
        maps = torch.cat([maps, torch.zeros_like(latitude), latitude], 1)
    maps = functional.conv2d(maps, *joint(weights, "first"), padding=1).relu()
    for name in ("rest.1", "rest.3"):
        maps = functional.conv2d(maps, *joint(weights, name), padding=1).relu()
    return functional.conv2d(maps, *joint(weights, "rest.5"))


@cache
def earth() -> tuple[Tensor, Tensor]:
    """Elevation in km, (121, 240), and temperature by month, (12, 121, 240), from the south."""

    def array(name: str) -> Tensor:
        with np.load(io.BytesIO(content("itur", f"itur/data/{name}"))) as file:
            return torch.from_numpy(file["arr_0"].astype(np.float32))

    months = [array(f"1510/v1_t_month{month:02}.npz") for month in range(1, 13)]
    temperature = torch.stack([month[0:241:2, 0:480:2] for month in months])
    half_degrees = array("1511/v1_topo_0dot5.npz")  # from 90.5 north and 0.5 west
    row, column = torch.arange(121), torch.arange(240)
    north, east = 90 - (row * 1.5 - 90), (column * 1.5 - 180) % 360
    rows, columns = (2 * north + 1).long(), (2 * east + 1).long()
    return half_degrees[rows[:, None], columns], temperature
