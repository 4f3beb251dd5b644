"""Recordings of wrist movement over days, and crops of two hours."""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from coordconv_lab.examples import IndexedData
from coordconv_lab.experiments.signal.source import FOLDS, PEOPLE, SOURCE, file_of
from coordconv_lab.experiments.signal.specs import SignalSpec

MINUTES = 5
"""Minutes per step."""

DAY, HOUR = 24 * 60 // MINUTES, 60 // MINUTES
"""Steps per day and per hour."""

CROP = 2 * HOUR
"""Steps per crop. A crop does not cross midnight."""

LATER = 6 * HOUR
"""Steps from the end of a crop to the hour to predict."""

STILL = HOUR // 4
"""Number of consecutive steps without movement that count as stillness."""

NOT_WORN = 4 * HOUR
"""Number of consecutive steps without any count after which the device counts as not worn."""

_HEADER = 7
"""Header lines before the counts. The third line is the time of day of the first count."""


def recording(content: bytes) -> Tensor:
    """Read a file with one count per minute.

    Returns:
        The mean count of each step, (T,). The first step starts at midnight. Steps without counts,
        and steps in which the device was not worn, are NaN.
    """
    lines = content.decode("latin-1").splitlines()
    hours, minutes = (int(part) for part in lines[2].split()[0].split(":")[:2])
    # A count may be followed by a marker, or by a comma and the light level.
    counts = [float(line.split(",")[0].split()[0]) for line in lines[_HEADER:] if line.strip()]
    every_minute = torch.tensor([float("nan")] * (60 * hours + minutes) + counts)
    steps = every_minute[: len(every_minute) // MINUTES * MINUTES].reshape(-1, MINUTES).mean(1)
    return steps.masked_fill(_not_worn(steps), float("nan"))


def _not_worn(steps: Tensor) -> Tensor:
    """Return whether each step is in a period in which the device was not worn, (T,)."""
    is_empty = steps.nan_to_num(0).unfold(0, NOT_WORN, 1).amax(1) == 0
    margin = NOT_WORN - 1  # a window that contains a step starts at most this many steps before it
    starts = functional.pad(is_empty.float(), (margin, margin))
    return starts.unfold(0, NOT_WORN, 1).amax(1) > 0


def crops_of(steps: Tensor) -> dict[str, Tensor]:
    """Cut a recording into crops, and compute their labels.

    Crops are omitted if the hour to predict was not recorded.

    Returns:
        A dict of tensors. ``crop``, (N, 1, 24), are logarithms of counts, from about -2 to 2.
        ``start``, (N, 1), is the first step of the crop, counted from midnight. ``active_later``,
        (N,), says whether the hour that starts six hours after the crop has more movement than half
        of the person's hours. ``still``, (N,), says whether the crop has 15 consecutive minutes
        without movement.
    """
    hours = steps.unfold(0, HOUR, 1).mean(1)
    first = torch.arange(len(hours) - CROP - LATER)
    later = hours[first + CROP + LATER]
    crops = steps.unfold(0, CROP, 1)[first]
    kept = ~(crops.isnan().any(1) | later.isnan()) & (first % DAY <= DAY - CROP)
    crops = crops[kept]
    return {
        "crop": ((crops + 0.1).log() / 3 - 1)[:, None],
        "start": (first[kept] % DAY)[:, None],
        "active_later": (later[kept] > hours.nanmedian()).long(),
        "still": (crops.unfold(1, STILL, 1).amax(2) == 0).any(1).long(),
    }


@lru_cache(maxsize=3)
def load(spec: SignalSpec, device: torch.device | str) -> IndexedData:
    """Draw crops of every person.

    The data have the tensors that `crops_of` returns, and ``person``, (N,).

    Raises:
        InputError: The package is missing, or has another version or content.
    """
    held_out = FOLDS[spec.split]
    people = list(PEOPLE)
    if spec.held_out == "validation":
        people = [person for person in PEOPLE if person not in held_out]
        held_out = people[:2]
    generator = torch.Generator().manual_seed(spec.crop_seed)
    parts: list[dict[str, Tensor]] = []
    for person in people:
        every = crops_of(recording(SOURCE.read(file_of(person))))
        is_train = person not in held_out
        count = spec.train if is_train else spec.test
        drawn = torch.randint(len(every["start"]), (count,), generator=generator)
        part = {name: values[drawn] for name, values in every.items()}
        part["person"] = torch.full((count,), PEOPLE.index(person))
        part["is_train"] = torch.full((count,), is_train)
        parts.append(part)
    tensors = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return IndexedData(tensors.pop("is_train"), tensors, device)
