"""Signal: is a person active six hours later?"""

import statistics
from typing import Any

import torch
from rescore import Weights
from torch import Tensor

from rescoring.crops import classes
from rescoring.files import content
from rescoring.scored import Scored, both

PEOPLE = (
    *(f"example_0{number}" for number in range(1, 6)),
    *("test_sample", "test_sample_aw4", "test_sample_awi", "test_sample_awl", "test_sample_awlp"),
)
DAY, HOUR = 288, 12  # steps of five minutes


def later(spec: dict[str, Any], weights: Weights) -> Scored:
    """Score crops of two hours of the movements of ten people."""
    data = spec["data"]
    generator = torch.Generator().manual_seed(data["crop_seed"])
    parts: list[tuple[Tensor, ...]] = []
    for person, name in enumerate(PEOPLE):
        is_train = person % 2 == {"first": 1, "second": 0}[data["split"]]
        count = data["train" if is_train else "test"]
        every = crops(five_minutes(name))
        drawn = torch.randint(len(every[0]), (count,), generator=generator)
        parts.append((*(one[drawn] for one in every), torch.full((count,), person)))
    counts, start, is_active, person = (torch.cat(one) for one in zip(*parts, strict=True))
    # The middle of each step of the day, from -1 to 1.
    at = (2 * (start[:, None] + torch.arange(24)) + 1) / DAY - 1
    found = (
        classes(weights, (counts + 0.1).log() / 3 - 1, places[:, None])
        for places in (at, torch.zeros_like(at))
    )
    is_train = person % 2 == {"first": 1, "second": 0}[data["split"]]
    return Scored(both("accuracy", *(one == is_active for one in found)), is_train, person, PEOPLE)


def crops(steps: list[float | None]) -> tuple[Tensor, Tensor, Tensor]:
    """Cut two hours, (N, 24), with their first steps of the day and whether one is active later."""

    def hour(first: int) -> float | None:
        counts = [one for one in steps[first : first + HOUR] if one is not None]
        return sum(counts) / HOUR if len(counts) == HOUR else None

    hours = [hour(first) for first in range(len(steps) - HOUR + 1)]
    # Half of the hours have this movement or less.
    usual = statistics.median_low(one for one in hours if one is not None)
    kept, starts, labels = [], [], []
    for first in range(len(steps) - 9 * HOUR + 1):
        crop, after = steps[first : first + 24], hours[first + 8 * HOUR]
        if None in crop or after is None or first % DAY > DAY - 24:
            continue
        kept.append(crop)
        starts.append(first % DAY)
        labels.append(after > usual)
    return torch.tensor(kept), torch.tensor(starts), torch.tensor(labels).long()


def five_minutes(name: str) -> list[float | None]:
    """Read the mean counts of steps from midnight; None where the device was off or not worn."""
    file = content("pyActigraphy", f"pyActigraphy/tests/data/{name}.AWD").decode("latin-1")
    lines = file.splitlines()
    hour, minute = lines[2].split(":")[:2]
    minutes: list[float | None] = [None] * (60 * int(hour) + int(minute[:2]))
    minutes += [float(line.replace(",", " ").split()[0]) for line in lines[7:] if line.strip()]
    steps: list[float | None] = []
    for first in range(0, len(minutes) - 4, 5):
        five = [one for one in minutes[first : first + 5] if one is not None]
        steps.append(sum(five) / 5 if len(five) == 5 else None)
    is_empty = [not one for one in steps]
    first = 0
    while first < len(steps):
        last = first
        while last < len(steps) and is_empty[last] == is_empty[first]:
            last += 1
        if is_empty[first] and last - first >= 4 * HOUR:
            steps[first:last] = [None] * (last - first)
        first = last
    return steps
