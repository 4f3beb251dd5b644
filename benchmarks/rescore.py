"""Score the committed networks of Not-so-Clevr again, without code of this project.

Networks, data, splits and scores are implemented here again from their descriptions, in float32,
and coordinates are concatenated as in the paper. `python benchmarks/rescore.py [results]` prints
the largest difference from the committed records, and fails if a difference exceeds 1e-6.
Differences are absolute for fractions and intersections over union, and relative to the side of the
canvas for distances. A pixel is drawn if its probability is above one half. Probabilities that
differ from one half by rounding only may count as drawn or not, so an intersection over union is
compared with the range of both.
"""

import json
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import torch
from safetensors.torch import load
from torch import Tensor
from torch.nn import functional

TOLERANCE = 1e-6
# How much rounding may change a probability. With raw inputs, logits are large: in float32 and
# float64, probabilities of a committed network differed by up to 2e-5.
ROUNDING = 3e-5
TASKS = ("classification", "regression", "rendering")
Weights = dict[str, Tensor]
Network = Callable[[Tensor], Tensor]

# Kernel, stride and position of normalization, for all but the last of the paper's convolutions.
POOLED = ((5, 2, 0), (1, 1, 1), (3, 1, 0), (3, 2, 0), (3, 2, 1), (3, 2, 0), (1, 1, 0), (3, 2, 0))


def positions(data: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Return all centers (x, y), row by row, and which of them are for training."""
    (height, width), square = data["canvas"], data["square"]
    rows, columns = (
        np.arange(square // 2, side - (square - square // 2) + 1) for side in (height, width)
    )
    y, x = (axis.ravel() for axis in np.meshgrid(rows, columns, indexing="ij"))
    if data["split"] == "quadrant":
        offset = {"default": 0, "tutorial": 0, "paper": 1, "walsvid": 1}[data["split_variant"]]
        train = ~((y >= height // 2 + offset) & (x >= width // 2 + offset))
    else:
        share = {"default": round(0.8 * len(x)), "tutorial": len(x) * 3 // 4}
        train = np.zeros(len(x), dtype=bool)
        order = np.random.RandomState(data["split_seed"]).permutation(len(x))
        train[order[: share[data["split_variant"]]]] = True
    return torch.from_numpy(np.stack((x, y), axis=1)), torch.from_numpy(train)


def squares(points: Tensor, canvas: tuple[int, int], side: int) -> Tensor:
    """Return images (N, 1, H, W) of a white square with the given side around each point."""
    images = torch.zeros(len(points), 1, *canvas)
    for image, (x, y) in zip(images, points.tolist(), strict=True):
        top, left = y - side // 2, x - side // 2
        image[0, top : top + side, left : left + side] = 1
    return images


def with_coordinates(maps: Tensor) -> Tensor:
    """Append two channels to maps: x and y, from -1 at the first pixel to 1 at the last."""
    n, _, height, width = maps.shape
    x = torch.linspace(-1, 1, width).expand(n, 1, height, width)
    y = torch.linspace(-1, 1, height)[:, None].expand(n, 1, height, width)
    return torch.cat((maps, x, y), dim=1)


def joint(weights: Weights, name: str) -> tuple[Tensor, Tensor]:
    """Return weight and bias of a layer; for a coordinate layer, the weight for all channels."""
    weight = weights[f"{name}.weight"]
    if (coordinates := weights.get(f"{name}.coord_weight")) is not None:
        weight = torch.cat((weight, coordinates), dim=1)
    return weight, weights[f"{name}.bias"]


def names(weights: Weights, prefix: str) -> Iterator[str]:
    """Yield the layers under a prefix, ordered by number."""
    found = {int(key[len(prefix) :].split(".")[0]) for key in weights if key.startswith(prefix)}
    yield from (f"{prefix}{number}" for number in sorted(found))


def chain(weights: Weights, prefix: str, maps: Tensor, activation: bool, padding: str) -> Tensor:
    """Apply convolutions in sequence; the first sees coordinates if it has weights for them."""
    layers = list(names(weights, prefix))
    for index, name in enumerate(layers):
        weight, bias = joint(weights, name)
        if weight.shape[1] == maps.shape[1] + 2:
            maps = with_coordinates(maps)
        maps = functional.conv2d(maps, weight, bias, padding=padding)
        if activation and index < len(layers) - 1:
            maps = maps.relu()
    return maps


def scaled(points: Tensor, spec: dict[str, Any], canvas: tuple[int, int]) -> Tensor:
    """Return the input (N, 2) of a network whose inputs are points."""
    if spec["input_scale"] == "raw":
        return points.float()
    return points / torch.tensor([canvas[1] - 1, canvas[0] - 1]) * 2 - 1


def doubled(weights: Weights, maps: Tensor, kernel: int) -> Tensor:
    """Apply transposed convolutions of stride 2, each of which doubles height and width."""
    layers = list(names(weights, "layers."))
    for index, name in enumerate(layers):
        weight, bias = joint(weights, name)
        padding = (kernel - 1) // 2
        maps = functional.conv_transpose2d(maps, weight, bias, 2, padding, 2 * padding + 2 - kernel)
        if index < len(layers) - 1:
            maps = maps.relu()
    return maps


def flattened(weights: Weights, spec: dict[str, Any], images: Tensor) -> Tensor:
    """Apply four convolutions with three poolings, then two linear layers."""
    layers = list(names(weights, "layers."))
    maps = images
    for index, name in enumerate(layers[:4]):
        maps = functional.conv2d(maps, *joint(weights, name), padding=spec["padding"]).relu()
        if index < 3:
            maps = functional.max_pool2d(maps, 2, spec["pool_stride"])
    hidden = functional.linear(maps.flatten(1), *joint(weights, layers[4])).relu()
    return functional.linear(hidden, *joint(weights, layers[5]))


# Settings of the network below that the first records omit, because they had only one value then.
POOLED_DEFAULTS = {
    "padding": "same",
    "normalise": "before",
    "epsilon": 1e-5,
    "last_activation": "relu",
}


def pooled(weights: Weights, spec: dict[str, Any], images: Tensor) -> Tensor:
    """Apply nine convolutions, most with stride 2, then average each map."""
    spec = POOLED_DEFAULTS | spec
    # As in training. With the channels last, torch sums the statistics of a batch in another order.
    valid, maps = spec["padding"] == "valid", images.to(memory_format=torch.channels_last)
    after = {"before": (), "first_after": (1,), "after": (1, 4)}[spec["normalise"]]
    place = count()
    for index, (kernel, stride, normalized) in enumerate(POOLED[:7] if valid else POOLED):
        name = f"layers.{next(place)}"
        maps = functional.conv2d(
            maps, *joint(weights, name), stride, padding=0 if valid else kernel // 2
        )
        if not normalized:
            next(place)
            maps = maps.relu()
        elif index in after:
            next(place)
            maps = normalize(weights, f"layers.{next(place)}", maps.relu(), spec["epsilon"])
        else:
            maps = normalize(weights, f"layers.{next(place)}", maps, spec["epsilon"]).relu()
            next(place)
    maps = functional.conv2d(
        maps, *joint(weights, f"layers.{next(place)}"), padding=0 if valid else 1
    )
    if spec["last_activation"] == "relu":
        maps = maps.relu()
    return maps.mean(dim=(2, 3))


def normalize(weights: Weights, name: str, maps: Tensor, epsilon: float) -> Tensor:
    """Apply batch normalization with running statistics if there are any, else the batch's."""
    mean, variance = (weights.get(f"{name}.running_{each}") for each in ("mean", "var"))
    return functional.batch_norm(
        maps,
        mean,
        variance,
        weights[f"{name}.weight"],
        weights[f"{name}.bias"],
        training=mean is None,
        eps=epsilon,
    )


def network(spec: dict[str, Any], weights: Weights, canvas: tuple[int, int]) -> Network:
    """Return a function from points (N, 2) to the outputs of the network of a spec."""
    match spec["kind"]:
        case "coordconv-classifier":
            return lambda points: chain(
                weights,
                "layers.",
                scaled(points, spec, canvas)[:, :, None, None].expand(-1, -1, *canvas),
                True,
                "valid",
            )
        case "coordconv-renderer" | "deconv-renderer" as kind:
            finder = {"coordconv-renderer": "coordconv-classifier", "deconv-renderer": "deconv"}
            found = {
                key.removeprefix("find."): value
                for key, value in weights.items()
                if key.startswith("find.")
            }
            find = network(spec | {"kind": finder[kind]}, found, canvas)
            scale = spec.get("painter_logit_scale", 1.0)

            def render(points: Tensor) -> Tensor:
                logits = find(points)
                sharp = (logits.flatten(1) * scale).softmax(1).view_as(logits)
                sharp = sharp * spec["painter_input_scale"]
                return chain(weights, "paint.", sharp, True, "same") * scale

            return render
        case "deconv":
            return lambda points: doubled(
                weights, scaled(points, spec, canvas)[:, :, None, None], spec["kernel"]
            )
        case kind:
            inner = {
                "coordconv-regressor": lambda images: (
                    chain(weights, "layers.", images, spec["activation"] == "relu", spec["padding"])
                    .flatten(2)
                    .amax(dim=2)
                ),
                "conv-flat-regressor": lambda images: flattened(weights, spec, images),
                "conv-pooled-regressor": lambda images: pooled(weights, spec, images),
            }[kind]
            return lambda points: (
                inner(squares(points, canvas, 1) * spec["input_scale"]) * spec["output_scale"]
            )


def groups(spec: dict[str, Any], is_train: Tensor) -> list[Tensor]:
    """Return the batches for evaluation; if outputs depend on the batch, 32 in a fixed order."""
    statistics = spec["model"].get("statistics", "running")
    if statistics == "running":
        return list(torch.arange(len(is_train)).split(8))
    order = torch.randperm(len(is_train), generator=torch.Generator().manual_seed(0))
    sides = [order] if statistics == "batch" else [order[is_train[order]], order[~is_train[order]]]
    return [batch for side in sides for batch in side.split(spec["training"]["batch_size"])]


def scores(spec: dict[str, Any], weights: Weights) -> dict[str, dict[str, float]]:
    """Return the scores of both sides, by name."""
    canvas = tuple(spec["data"]["canvas"])
    points, is_train = positions(spec["data"])
    net = network(spec["model"], weights, canvas)
    found: dict[str, Tensor] = {}
    for batch in groups(spec, is_train):
        for name, values in marks(spec, net(points[batch]), points[batch], canvas).items():
            found.setdefault(name, torch.zeros(len(points), dtype=torch.float64))[batch] = values
    summary = {
        "accuracy": ("accuracy", torch.mean),
        "coordinate_accuracy": ("coordinate_accuracy", torch.mean),
        "mean_distance": ("distance", torch.mean),
        "worst_distance": ("distance", torch.amax),
        "mean_iou": ("iou", torch.mean),
        "worst_iou": ("iou", torch.amin),
        "least mean_iou": ("least_iou", torch.mean),
        "least worst_iou": ("least_iou", torch.amin),
        "most mean_iou": ("most_iou", torch.mean),
        "most worst_iou": ("most_iou", torch.amin),
        "soft_iou": ("soft_iou", torch.mean),
        "mean_absolute_error": ("absolute_error", torch.mean),
    }
    return {
        side: {
            name: reduce(found[of][mask]).item()
            for name, (of, reduce) in summary.items()
            if of in found
        }
        for side, mask in (("train", is_train), ("test", ~is_train))
    }


def marks(
    spec: dict[str, Any], outputs: Tensor, points: Tensor, canvas: tuple[int, int]
) -> dict[str, Tensor]:
    """Return the scores of outputs, (N,) each in float64."""
    if spec["task"] == "classification":
        best = outputs.flatten(1).argmax(dim=1)
        found = torch.stack((best % canvas[1], best // canvas[1]), dim=1)
        return {"accuracy": (found == points).all(dim=1).double()}
    if spec["task"] == "regression":
        right = outputs.round() == points
        return {
            "accuracy": right.all(dim=1).double(),
            "coordinate_accuracy": right.double().mean(dim=1),
            "distance": (outputs.double() - points).square().sum(dim=1).sqrt(),
        }
    white, probability = squares(points, canvas, spec["data"]["square"]), outputs.sigmoid()
    true, pixels = white > 0.5, (1, 2, 3)
    probability, white = probability.double(), white.double()
    surely, maybe = probability > 0.5 + ROUNDING, probability > 0.5 - ROUNDING

    def iou(drawn: Tensor) -> Tensor:
        return (drawn & true).sum(pixels).double() / (drawn | true).sum(pixels)

    return {
        "iou": iou(probability > 0.5),
        "least_iou": iou(torch.where(true, surely, maybe)),
        "most_iou": iou(torch.where(true, maybe, surely)),
        "soft_iou": torch.minimum(probability, white).sum(pixels)
        / torch.maximum(probability, white).sum(pixels),
        "absolute_error": (probability - white).abs().mean(pixels),
    }


def committed(results: Path) -> Iterator[tuple[str, dict[str, Any], Weights]]:
    """Yield study and run, record and weights for each weight file, packed or not."""
    for study in sorted(results.glob("*/")):
        lines = study / "records.jsonl"
        packed = map(json.loads, lines.read_text().splitlines() if lines.exists() else ())
        records = {line["run"]: line["record.json"] for line in packed if "record.json" in line}
        for file in sorted(study.glob("*/weights.safetensors")):
            record = file.parent / "record.json"
            known = (
                json.loads(record.read_text()) if record.exists() else records[record.parent.name]
            )
            yield f"{study.name}/{file.parent.name}", known, load(file.read_bytes())
        if (study / "files.zip").exists():
            with ZipFile(study / "files.zip") as archive:
                for name in archive.namelist():
                    run, _, file = name.partition("/")
                    if file == "weights.safetensors" and run in records:
                        yield f"{study.name}/{run}", records[run], load(archive.read(name))


def difference_of(again: dict[str, float], name: str, value: float) -> float:
    """Return the distance of a committed score from the new one, or from its range."""
    least, most = (again.get(f"{end} {name}", again[name]) for end in ("least", "most"))
    return max(least - value, value - most, 0.0)


@torch.inference_mode()
def main(results: Path) -> int:
    """Score every weight file below a directory; return 1 if a record differs."""
    worst, files, threads = 0.0, 0, torch.get_num_threads()
    for place, record, weights in committed(results):
        if record["spec"]["task"] not in TASKS:
            continue
        files += 1
        # The order in which the statistics of a batch are summed depends on the threads.
        torch.set_num_threads(record["provenance"].get("threads", threads))
        again = scores(record["spec"], weights)
        side_of_canvas = max(record["spec"]["data"]["canvas"])
        difference = max(
            difference_of(again[side], name, value) / (side_of_canvas if "distance" in name else 1)
            for side, recorded in record["scores"].items()
            for name, value in recorded.items()
        )
        main_scores = ", ".join(
            f"{side} {next(iter(recorded.values())):.6f}"
            for side, recorded in record["scores"].items()
        )
        print(f"{difference:.1e}  {main_scores}  {place}")
        worst = max(worst, difference)
    print(f"{files} weight files, largest difference {worst:.1e}, at most {TOLERANCE:.0e}")
    return int(not files or worst > TOLERANCE)


if __name__ == "__main__":
    here = Path(__file__).parent.parent / "results"
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else here))
