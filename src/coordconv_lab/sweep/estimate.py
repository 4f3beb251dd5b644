"""Estimate the duration of a sweep from a few measured steps."""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from coordconv_lab.examples import held_out_examples, training_examples
from coordconv_lab.parts import data_of
from coordconv_lab.specs import ExperimentSpec, TrainingSpec
from coordconv_lab.train import Hardware
from coordconv_lab.train.batches import batches_of
from coordconv_lab.train.curve import sample
from coordconv_lab.train.loop import Loop
from coordconv_lab.train.processor import threads_of_torch
from coordconv_lab.train.setup import Setup

_STEPS = 3
_EXAMPLES = 64

_SPLIT = {"split", "split_variant", "split_seed", "held_out", "train_share"}
"""Settings of data that affect which examples are used, but not the time per example."""


class Estimate(NamedTuple):
    """Estimated duration of runs.

    Attributes:
        each: Seconds of each run.
        shapes: Number of kinds of runs that were measured. Runs are of one kind if they have the
            same time per step.
        threads: Threads per run.
    """

    each: Sequence[float]
    shapes: int
    threads: int

    def seconds(self, at_once: int) -> float:
        """Return the total time with ``at_once`` parallel runs, each at full speed."""
        return max(sum(self.each) / at_once, max(self.each, default=0.0))


def estimate(
    specs: Iterable[ExperimentSpec],
    threads: int,
    hardware: Hardware | None = None,
    advance: Callable[[int, int], None] | None = None,
) -> Estimate:
    """Estimate the duration of runs by measuring a few steps of each kind.

    Args:
        specs: The specs of the runs.
        threads: Threads per run.
        hardware: Hardware for the runs.
        advance: Called with the number of kinds measured so far and the number of all kinds.

    Raises:
        InputError: The images of a run are too small for its network.
    """
    groups: dict[str, list[ExperimentSpec]] = {}
    for spec in specs:
        groups.setdefault(_shape_of(spec), []).append(spec)
    each: list[float] = []
    with threads_of_torch(threads):
        for number, members in enumerate(groups.values(), start=1):
            step, example = _measured(members[0], hardware or Hardware())
            each += [_seconds(spec, step, example) for spec in members]
            if advance:
                advance(number, len(groups))
    return Estimate(each, len(groups), threads)


def _shape_of(spec: ExperimentSpec) -> str:
    """Return a string that is equal for runs with the same time per step."""
    training = spec.training
    own = training.model_dump(exclude=set(TrainingSpec.model_fields))
    # The time depends on whether the weight of a loss is zero, and not on its value otherwise.
    losses = {name: bool(value) for name, value in own.items() if not isinstance(value, str)}
    return " ".join(
        (
            spec.task,
            spec.data.model_dump_json(exclude=_SPLIT),
            spec.model.model_dump_json(exclude={"initialisation", "input_scale", "output_scale"}),
            f"{training.batch_size} {training.precision} {losses}",
        )
    )


def _measured(spec: ExperimentSpec, hardware: Hardware) -> tuple[float, float]:
    """Return the seconds per step and per evaluated example."""
    if spec.training.epochs:
        longer = spec.training.model_copy(update={"epochs": 1000, "early_stop_epochs": None})
        spec = spec.model_copy(update={"training": longer})
    setup = Setup([spec], hardware)
    step = 0.0
    if spec.training.epochs:
        steps = Loop(setup).run()
        next(steps)  # warm-up
        step = _timed(lambda: [next(steps) for _ in range(_STEPS)]) / _STEPS
    asked = setup.data.examples[:_EXAMPLES]
    setup.evaluator(setup.nets[0], asked[:8])
    return step, _timed(lambda: setup.evaluator(setup.nets[0], asked)) / len(asked)


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _seconds(spec: ExperimentSpec, step: float, example: float) -> float:
    """Return the total seconds of the steps, the learning curve and the final evaluation.

    Args:
        spec: The spec of the run.
        step: Seconds per step.
        example: Seconds per evaluated example.
    """
    data = data_of(spec)
    training = spec.training
    steps = len(batches_of(spec, training_examples(data))) * training.epochs
    row = len(sample(training_examples(data))) + len(sample(held_out_examples(data)))
    asked = min(training.curve_points, steps) * row + len(data.examples)
    return steps * step + asked * example
