"""Run a trial: make, train and score each arm with each seed, until the verdicts are clear."""

import math
import time
from collections.abc import Callable, Sequence
from numbers import Real
from pathlib import Path
from typing import get_args

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.trials.arms import arms_named
from coordconv_lab.trials.engines import EngineName, Resources, opened
from coordconv_lab.trials.functions import UserFunctions, digest_of
from coordconv_lab.trials.outcome import Outcome
from coordconv_lab.trials.runner import Budget, TrialRunner
from coordconv_lab.trials.store import FILE, TrialStore, held
from coordconv_lab.trials.verdicts import check_min_difference

__all__ = ["DEFAULT_ARMS", "trial"]

DEFAULT_ARMS = ("first", "all", "shuffled:first")
MOST_SEEDS = 1000
MOST_RESOURCES = 1000


def trial(
    functions: UserFunctions,
    out: Path | str,
    *,
    arms: Sequence[str] = DEFAULT_ARMS,
    seeds: int = 10,
    minutes: float | None = None,
    runs: int | None = None,
    min_difference: float = 0.0,
    usage: bool = True,
    fresh: bool = False,
    engine: EngineName = "serial",
    address: str | None = None,
    cpus_per_run: int | None = None,
    gpus_per_run: float = 0.0,
    report: Callable[[str], None] | None = None,
) -> Outcome:
    """Measure whether coordinates help on your own model.

    An arm is the model with coordinates in some of its convolutions. The model without coordinates
    and all arms are made, trained and scored with the same seeds. For a given seed, all arms
    compute the same outputs before training, because new coordinate weights are zero. Python, NumPy
    and torch also draw the same random numbers in the training of all arms. The verdicts are
    checked after 5, 10, 20, ... seeds, and an arm with a clear verdict stops. Finished runs are
    stored, and a second call with the same ``out`` executes only the missing runs.

    The engine "ray" executes the runs between two checks in parallel, as far as resources allow.
    Scores and verdicts are the same as with the engine "serial" and the same number of threads.

    Args:
        functions: The functions that make, train and score the model; see `UserFunctions`.
        out: Directory of the runs.
        arms: Which convolutions get coordinates: "first", "all", "detector", or names of layers
            joined by "+". The prefix "shuffled:" means coordinates that are shuffled between
            pixels, so that they do not contain position.
        seeds: Maximum number of seeds; intervals need at least 5.
        minutes: Start no run after this many minutes.
        runs: Start at most this many runs in this call.
        min_difference: Smallest difference of the score that matters.
        usage: Whether to also score each trained arm with zero, mirrored and shuffled coordinates,
            and not only with the mean position at every pixel. Scoring then takes about five times
            as long.
        fresh: Whether to first delete the runs in ``out``.
        engine: "serial" for one run after another in this process, or "ray".
        address: HOST:PORT of a Ray cluster, or "auto". By default, the environment variable
            RAY_ADDRESS is used. If it is not set, Ray is started on this machine.
        cpus_per_run: Cores per run, which is also the number of threads. By default, the number of
            threads that torch uses, or 1 on Ray.
        gpus_per_run: GPUs per run on Ray, possibly fractional.
        report: Called with a line about each run; pass ``print`` to show these lines.

    Returns:
        The arms with their verdicts; ``print`` shows a table.

    Raises:
        InputError: If an option is invalid, if ``out`` cannot be used or contains runs of other
            code, if the model without coordinates cannot be made, or if Ray cannot be used.
        Exception: One of ``functions`` raised an error, to which a note with the arm and the seed
            is added. On Ray, the error is not raised: it is reported and added to
            `Outcome.failures`, and the other runs continue.

    Example:
        >>> import tempfile
        >>> from torch import nn
        >>> def make():
        ...     return nn.Sequential(nn.Conv2d(1, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        >>> def train(model):
        ...     pass
        >>> def score(model):
        ...     return 0.5
        >>> functions = UserFunctions(make, train, score)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     outcome = trial(functions, Path(folder), arms=["first"], seeds=2)
        >>> outcome[0].against_plain.verdict
        'undecided'
    """
    if isinstance(arms, str):
        arms = (arms,)
    out = Path(out)
    chosen = arms_named(arms)
    higher = functions.higher_is_better
    _check_booleans({"higher_is_better": higher, "usage": usage, "fresh": fresh})
    _check_numbers({"min_difference": min_difference, "GPUs per run": gpus_per_run})
    _check_numbers({} if minutes is None else {"minutes": minutes})
    check_min_difference(min_difference)
    _check_integers({"seeds": seeds, "runs": runs, "cpus per run": cpus_per_run})
    if not 1 <= seeds <= MOST_SEEDS:
        raise InputError(f"seeds must be between 1 and {MOST_SEEDS:,}, got {seeds}")
    if minutes is not None and not minutes > 0:
        raise InputError(f"minutes must be more than 0, got {minutes}")
    if runs is not None and runs < 1:
        raise InputError(f"runs must be at least 1, got {runs}")
    resources = Resources(engine, address, cpus_per_run, gpus_per_run)
    _check_resources(resources)
    functions = functions._replace(digest=digest_of(functions))
    with held(out), opened(resources, functions, out, usage) as chosen_engine:
        if fresh:
            (out / FILE).unlink(missing_ok=True)
        store = TrialStore(out, functions.digest)
        runner = TrialRunner(chosen_engine, store, chosen, seeds, min_difference, higher, report)
        end = math.inf if minutes is None else time.monotonic() + 60 * minutes
        return runner.run(Budget(end, runs))


def _check_integers(options: dict[str, int | None]) -> None:
    """Check that the options that are given are integers.

    Raises:
        InputError: An option is not an integer.
    """
    for name, value in options.items():
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise InputError(f"{name} must be an integer, got {in_short(value)}")


def _check_numbers(options: dict[str, float]) -> None:
    """Check options that are real numbers.

    Raises:
        InputError: An option is not a number.
    """
    for name, value in options.items():
        if not isinstance(value, Real) or isinstance(value, bool):
            raise InputError(f"{name} must be a number, got {in_short(value)}")


def _check_booleans(options: dict[str, bool]) -> None:
    """Check options that are True or False. The text "no" would count as True.

    Raises:
        InputError: An option is not a boolean.
    """
    for name, value in options.items():
        if not isinstance(value, bool):
            raise InputError(f"{name} must be True or False, got {in_short(value)}")


def _check_resources(given: Resources) -> None:
    """Check the engine and its options.

    Raises:
        InputError: An option is invalid, or requires the engine "ray".
    """
    if given.engine not in get_args(EngineName):
        raise InputError(f"the engine must be serial or ray, got {in_short(given.engine)}")
    cpus, gpus = given.cpus_per_run, given.gpus_per_run
    if cpus is not None and not 1 <= cpus <= MOST_RESOURCES:
        raise InputError(f"cpus per run must be between 1 and {MOST_RESOURCES:,}, got {cpus}")
    if not 0 <= gpus <= MOST_RESOURCES:
        raise InputError(f"GPUs per run must be between 0 and {MOST_RESOURCES:,}, got {gpus}")
    only_ray = {"an address": given.address, "GPUs per run": gpus}
    if given.engine == "serial" and (names := [name for name, one in only_ray.items() if one]):
        raise InputError(f"{' and '.join(names)} can only be given with the engine ray")
