"""Train and record the run of a spec. The seed in the spec determines all random numbers."""

from collections.abc import Sequence
from contextlib import ExitStack

from coordconv_lab.errors import DivergenceError, InputError
from coordconv_lab.results import Record, RunStore
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train.checkpoint import Checkpoint
from coordconv_lab.train.defaults import standard_defaults
from coordconv_lab.train.hardware import Hardware, deterministic_algorithms
from coordconv_lab.train.loop import Loop
from coordconv_lab.train.progress import Progress, SilentProgress
from coordconv_lab.train.setup import Setup
from coordconv_lab.train.writing import write_run

CHECKPOINT_SECONDS = 5.0

MAY_DIFFER = ("learning_rate", "betas", "momentum", "weight_decay", "schedule", "warmup")
"""Training settings in which the networks of an ensemble may differ."""


def run(
    spec: ExperimentSpec,
    store: RunStore,
    progress: Progress | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    hardware: Hardware | None = None,
    scores_only: bool = False,
    wait_seconds: float = 0.0,
) -> Record:
    """Train the network of a spec, resuming from a checkpoint. A finished run is not repeated.

    Args:
        spec: The spec of the run.
        store: The store of the run. The run's directory contains the checkpoint until it finishes.
        progress: Called after every step.
        checkpoint_seconds: Minimum time between two checkpoints.
        hardware: Hardware for the run; a CUDA device by default, if there is one.
        scores_only: Whether to keep only the record and the learning curve, without weights,
            predictions and TensorBoard events. If the data do not include all positions, only these
            two are kept in any case.
        wait_seconds: How long to wait for another process to release the run.

    Returns:
        The record, which is also in the directory of the run.

    Raises:
        FailingRunError: The images are too small for the network, or a loss or a weight is NaN or
            infinite. The checkpoint is kept.
        LockedError: The run is locked by another process.
        InputError: The directory cannot be used, or a checkpoint is damaged.
    """
    return run_ensemble(
        [spec], store, progress, checkpoint_seconds, hardware, scores_only, wait_seconds
    )[0]


def run_ensemble(
    specs: Sequence[ExperimentSpec],
    store: RunStore,
    progress: Progress | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    hardware: Hardware | None = None,
    scores_only: bool = False,
    wait_seconds: float = 0.0,
) -> list[Record]:
    """Train several networks of the same architecture at once, each according to its own spec.

    The networks are computed together. This is faster than separate runs if a single network does
    not use the device fully. Each network gets the same batches as in a separate run, and its
    results are the same up to rounding.

    With several processes, each process calls this function with the same arguments. Only the first
    process reads and writes files, but all processes return the same records.

    Args:
        specs: The runs. They may differ in seed, initial weights, learning rate, schedule,
            warm-up, betas and weight decay.
        store: The store of the runs, with a directory for each run.
        progress: Called after every step.
        checkpoint_seconds: Minimum time between two checkpoints.
        hardware: Hardware for the runs, as in `run`.
        scores_only: Whether to keep only the record and the learning curve, as in `run`.
        wait_seconds: How long to wait for other processes, as in `run`.

    Returns:
        The records in the order of the specs. The seconds in each record are the total of all
        networks.

    Raises:
        InputError: The specs differ in other settings, or for the same reasons as in `run`.
        FailingRunError: As in `run`.
        LockedError: As in `run`.
    """
    _check_ensemble(specs)
    hardware = hardware or Hardware()
    processes = hardware.launched()
    checkpoint = Checkpoint(store.directory(specs[0]), specs, checkpoint_seconds)
    with ExitStack() as held, deterministic_algorithms(), standard_defaults():
        records = processes.first_only(
            lambda: [held.enter_context(store.record_or_lock(spec, wait_seconds)) for spec in specs]
        )
        if None not in records:
            if processes.is_first:
                # A process may have been killed after recording its runs.
                checkpoint.delete()
            return [record for record in records if record is not None]
        loop = Loop(Setup(specs, hardware, processes))
        # The other files are only useful with predictions for every position.
        scores_only = scores_only or not specs[0].data.is_complete
        if processes.is_first and not scores_only:
            for spec, curve in zip(specs, loop.curves, strict=True):
                curve.show_in(store.directory(spec))
        progress = progress if progress and processes.is_first else SilentProgress()
        _train(loop, checkpoint, progress, store.keeps_unfinished)
        seconds = loop.seconds
        written = processes.first_only(
            lambda: [
                record or write_run(loop, index, store, seconds, scores_only)
                for index, record in enumerate(records)
            ]
        )
        if processes.is_first:
            checkpoint.delete()
        return written


def _check_ensemble(specs: Sequence[ExperimentSpec]) -> None:
    """Check that runs can be trained together.

    Raises:
        InputError: The specs differ in more than seed, initial weights and optimizer settings; two
            specs are equal; or early stopping is set.
    """
    if len({spec.id for spec in specs}) < len(specs):
        raise InputError("the networks of an ensemble must differ; one spec was given twice")
    if len(specs) > 1 and any(spec.training.early_stop_epochs is not None for spec in specs):
        raise InputError("an ensemble cannot stop early; unset early_stop_epochs")
    wanted = _settings(specs[0])
    for spec in specs[1:]:
        found = _settings(spec)
        for name in wanted | found:
            if wanted.get(name) != found.get(name):
                raise InputError(
                    f"the networks of an ensemble must have the same {name}, got "
                    f"{wanted.get(name)!r} and {found.get(name)!r}; they may differ in seed, "
                    f"model.initialisation and, of training, {', '.join(MAY_DIFFER)}"
                )


def _settings(spec: ExperimentSpec) -> dict[str, object]:
    """Return the settings that an ensemble must share, by path."""
    parts = spec.model_dump(
        include={"data": True, "model": True, "training": True},
        exclude={"model": {"initialisation"}, "training": set(MAY_DIFFER)},
    )
    inner = {f"{part}.{name}": v for part, fields in parts.items() for name, v in fields.items()}
    return {"task": spec.task, **inner}


def _train(loop: Loop, checkpoint: Checkpoint, progress: Progress, keeps_unfinished: bool) -> None:
    """Execute the remaining steps of a loop.

    Raises:
        DivergenceError: A loss or a weight is NaN or infinite; the message names the checkpoint.
    """
    checkpoint.load_into(loop)
    progress.start(loop.setup.specs, loop.setup.steps)
    try:
        for step in loop.run(progress.measured):
            checkpoint.save_if_due(loop)
            progress.advance(step, loop.last_loss)
    except DivergenceError as error:
        raise checkpoint.after(error, keeps_unfinished) from error
