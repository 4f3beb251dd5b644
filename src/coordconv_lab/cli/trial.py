"""The command ``trial``."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from coordconv_lab.cli.app import app
from coordconv_lab.cli.options import Int, Place

_SEVERAL = Parameter(consume_multiple=True, negative=())


@app.command
def trial(
    file: Place,
    *,
    arm: Annotated[tuple[str, ...], _SEVERAL] = ("first", "all", "shuffled:first"),
    seeds: Int = 10,
    minutes: float | None = None,
    runs: Int | None = None,
    min_difference: float = 0.0,
    usage: bool = True,
    out: Place = Path("trial"),
    fresh: Annotated[bool, Parameter(negative=())] = False,
    engine: Literal["serial", "ray"] = "serial",
    address: str | None = None,
    cpus_per_run: Int | None = None,
    gpus_per_run: float = 0.0,
) -> None:
    """Measure whether coordinates help on your own model.

    FILE defines the functions make(), which returns the model; train(model), which trains it;
    score(model), which returns its score, a number; and optionally errors(model), which returns its
    errors by position, for a map of the gain. An arm is the model with coordinates in some of its
    convolutions. The model without coordinates and all arms are trained with the same seeds, until
    the verdicts are clear. Finished runs are not repeated.

    For example:

        coordconv trial mine.py

        coordconv trial mine.py --arm first --arm encoder.0+encoder.1 --seeds 20 --minutes 30

        coordconv trial mine.py --engine ray --gpus-per-run 1

    Parameters
    ----------
    file
        Python file with the functions.
    arm
        Convolutions that get coordinates: first, all, detector, or names of layers joined by "+".
        The prefix "shuffled:" means coordinates that are shuffled between pixels, so that they do
        not contain position.
    seeds
        Maximum number of seeds; intervals require at least 5.
    minutes
        Start no run after this many minutes.
    runs
        Start at most this many runs. To continue, run the same command again.
    min_difference
        Smallest difference of the score that matters. With 0, the verdict is never "no difference".
    usage
        Also score trained networks with zero, mirrored and shuffled coordinates.
    out
        Directory of the runs and the report.
    fresh
        Delete the runs in the directory first.
    engine
        serial executes one run after another in this process. ray executes as many runs in parallel
        as resources allow. Verdicts are checked when all runs with the first 5, 10, 20, ... seeds
        have ended.
    address
        HOST:PORT of a Ray cluster, or auto. By default, the environment variable RAY_ADDRESS is
        used. If it is not set, Ray is started on this machine.
    cpus_per_run
        Cores per run, which is also the number of threads. By default all cores for serial, and 1
        for ray.
    gpus_per_run
        GPUs per run, possibly fractional; only for ray.
    """
    from coordconv_lab.results.files import write_atomically
    from coordconv_lab.trials import load_functions
    from coordconv_lab.trials import trial as run_trial
    from coordconv_lab.trials.page import as_html, as_markdown

    place = out.absolute()  # the file may change the working directory
    outcome = run_trial(
        load_functions(file),
        place,
        arms=arm,
        seeds=seeds,
        minutes=minutes,
        runs=runs,
        min_difference=min_difference,
        usage=usage,
        fresh=fresh,
        engine=engine,
        address=address,
        cpus_per_run=cpus_per_run,
        gpus_per_run=gpus_per_run,
        report=lambda line: print(line, flush=True),
    )
    title = f"Do coordinates help in {file.name}?"
    write_atomically(place / "trial.html", as_html(outcome, title).encode())
    write_atomically(place / "trial.md", as_markdown(outcome, title).encode())
    print(f"\n{outcome}\n\nPage: {out / 'trial.html'}")
    if outcome.failures:
        sys.exit(1)
