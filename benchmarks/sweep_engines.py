"""Do both engines write the same records?

The runs are every setting of the paper's grid for classification, scaled down: squares of 57
pixels, which leave 64 positions, and one epoch. Each run has one thread, because the order of
summation, and thus rounding, depends on the number of threads. The program writes JSON; see
benchmarks/README.md.

    python benchmarks/sweep_engines.py               # ten minutes
"""

import argparse
import tempfile
from pathlib import Path

from measure import FOLDER, machine, write_json

from coordconv_lab.console.sweep_progress import SweepBars
from coordconv_lab.results import RunStore
from coordconv_lab.sweep.lookup import sweep_named
from coordconv_lab.sweep.on_ray import run_on_ray
from coordconv_lab.sweep.serial import run_serially

SCALED_DOWN = {"data.square": 57, "training.epochs": 1}


def records(store: RunStore) -> dict[str, dict]:
    """Return the scores and the hash of the weights, by id."""
    return {
        record.spec.id: {"scores": record.scores, "weights_sha256": record.weights_sha256}
        for _, record in store.records()
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sweep", default="paper-classification")
    parser.add_argument("--limit", type=int, help="maximum number of runs")
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "sweep_engines.json")
    options = parser.parse_args(arguments)
    sweep = sweep_named(options.sweep, SCALED_DOWN)
    with tempfile.TemporaryDirectory() as scratch:
        serial, ray = (RunStore(Path(scratch) / engine) for engine in ("serial", "ray"))
        with SweepBars() as bars:
            run_on_ray(sweep, str(ray.root), bars, options.limit)
        with SweepBars() as bars:
            run_serially(sweep, serial, bars, options.limit, threads=1)
        here, there = records(serial), records(ray)
        failed = [spec.id for spec in sweep.study.specs if serial.failure(spec)]
        failed_on_ray = [spec.id for spec in sweep.study.specs if ray.failure(spec)]
    differing = sorted(id for id in {*here, *there} if here.get(id) != there.get(id))
    summary = {
        "sweep": options.sweep,
        "scaled_down": SCALED_DOWN,
        "runs": len(sweep.study.specs),
        "records": {"serial": len(here), "ray": len(there)},
        "given_up": {"serial": len(failed), "ray": len(failed_on_ray)},
        "same_given_up": failed == failed_on_ray,
        "differing": differing,
        "machine": machine(),
    }
    print(summary)
    write_json(options.out, summary)


if __name__ == "__main__":
    main()
