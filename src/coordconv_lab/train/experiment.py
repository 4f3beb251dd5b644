"""Train the run of a spec and record it. All randomness is determined by the seed of the spec."""

import math
from collections.abc import Sequence
from contextlib import ExitStack

import safetensors.torch
from torch import Tensor

from coordconv_lab.errors import DivergenceError, HeldError
from coordconv_lab.models import count_parameters
from coordconv_lab.results import Record, RunStore
from coordconv_lab.results.digest import sha256
from coordconv_lab.results.files import write_atomically
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.tasks import Task
from coordconv_lab.train.checkpoint import Checkpoint
from coordconv_lab.train.ensemble import check_ensemble
from coordconv_lab.train.hardware import Hardware, deterministic_algorithms
from coordconv_lab.train.loop import Loop
from coordconv_lab.train.predictions import predictions_file
from coordconv_lab.train.processes import Processes
from coordconv_lab.train.progress import Progress, SilentProgress
from coordconv_lab.train.provenance import provenance
from coordconv_lab.train.sheet import Sheet

CHECKPOINT_SECONDS = 5.0


def run(
    spec: ExperimentSpec,
    store: RunStore,
    progress: Progress | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    hardware: Hardware | None = None,
    scores_only: bool = False,
    wait_seconds: float = 0.0,
) -> Record:
    """Train the network of a spec, resuming from a checkpoint; return the record if it is done.

    Args:
        spec: The run.
        store: Where the run is kept; its directory contains the checkpoint until it is done.
        progress: Called after every step.
        checkpoint_seconds: Minimum time between two checkpoints.
        hardware: Hardware for the run; a CUDA device by default, if there is one.
        scores_only: Keep only the record and the curve: no weights, predictions or TensorBoard
            events. Always true for data that lacks some positions.
        wait_seconds: How long to wait for another process to release the run.

    Returns:
        The record, which is also in the directory of the run.

    Raises:
        FailingRunError: The canvas is too small for the network, or a loss or a weight is NaN or
            infinite; the checkpoint is kept.
        HeldError: The run is locked by another process.
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
    """Train several networks of one shape at once, each according to its own spec.

    The networks are computed together, which is faster if one network leaves the device idle. Each
    network gets the same batches as in a separate run, and learns the same up to rounding.

    With several processes, each of them calls this function with the same arguments. Only the first
    one reads and writes; all return the same records.

    Args:
        specs: The runs. They may differ in seed, initial weights, learning rate, schedule,
            warm-up, betas and weight decay.
        store: Where the runs are kept, each in its own directory.
        progress: Called after every step.
        checkpoint_seconds: Minimum time between two checkpoints.
        hardware: Hardware for the runs, as in `run`.
        scores_only: What to keep, as in `run`.
        wait_seconds: How long to wait for other processes, as in `run`.

    Returns:
        The records in the order of the specs; their seconds are those of all networks together.

    Raises:
        InputError: The specs differ in other settings, or as in `run`.
    """
    check_ensemble(specs)
    # Maps and galleries need every position.
    scores_only = scores_only or not specs[0].data.is_complete
    hardware = hardware or Hardware()
    fabric = hardware.launched(specs[0].training)
    processes = Processes(fabric)
    finished = processes.first_only(lambda: _finished(specs, store))
    if finished is not None:
        return finished
    progress = (progress if processes.is_first else None) or SilentProgress()
    with ExitStack() as held, deterministic_algorithms():
        records = processes.first_only(lambda: _hold(held, specs, store, wait_seconds))
        finished = [record for record in records if record is not None]
        if len(finished) == len(specs):
            return finished
        directories = processes.first_only(lambda: [store.open(spec) for spec in specs])
        loop = Loop(specs, hardware, fabric)
        if processes.is_first and not scores_only:
            for curve, directory in zip(loop.curves, directories, strict=True):
                curve.show_in(directory)
        checkpoint = Checkpoint(directories[0], specs, checkpoint_seconds)
        checkpoint.load_into(loop)
        progress.start(specs, loop.steps)
        try:
            for step in loop.run(progress.measured):
                checkpoint.save_if_due(loop)
                progress.advance(step, loop.losses.last)
        except DivergenceError as error:
            raise checkpoint.after(error, store.keeps_unfinished) from error
        seconds = loop.seconds
        written = processes.first_only(
            lambda: [
                record or _write_down(loop, index, store, seconds, scores_only)
                for index, record in enumerate(records)
            ]
        )
        if processes.is_first:
            checkpoint.delete()
    return written


def _finished(specs: Sequence[ExperimentSpec], store: RunStore) -> list[Record] | None:
    """Return the records if all runs are finished, else None."""
    records = [record for spec in specs if (record := store.record(spec)) is not None]
    if len(records) < len(specs):
        return None
    # A process may have been killed after recording its runs.
    Checkpoint(store.directory(specs[0]), specs, 0).delete()
    for spec in specs:
        store.tidy(spec)
    return records


def _hold(
    held: ExitStack, specs: Sequence[ExperimentSpec], store: RunStore, wait_seconds: float
) -> list[Record | None]:
    """Lock runs until the end, and return the records that other processes may have written.

    Raises:
        HeldError: A run is still locked by another process after the wait.
    """
    for spec in specs:
        if not held.enter_context(store.held(spec, wait_seconds)):
            raise HeldError(
                f"the run {spec.run_name} is locked by another process; wait for it to finish, "
                f"then try again{store.how_to_free(spec)}"
            )
    return [store.record(spec) for spec in specs]


def _write_down(
    loop: Loop, index: int, store: RunStore, seconds: float, scores_only: bool
) -> Record:
    """Evaluate a network on every example and write the files of its run, the record last."""
    spec, net, curve = loop.specs[index], loop.nets[index], loop.curves[index]
    directory = store.directory(spec)
    weights = safetensors.torch.save(
        {name: tensor.cpu().contiguous() for name, tensor in net.state_dict().items()}
    )
    sheet = Sheet(loop.task, loop.data.points, spec.data.canvas)
    everywhere = loop.evaluate(net, loop.data.points, None if scores_only else sheet.watch)
    is_train = loop.data.is_train.cpu()
    beside = {"metrics.csv": curve.as_csv()}
    if not scores_only:
        beside["predictions.npz"] = predictions_file(spec, net, loop.task, loop.data, everywhere)
        if (pictures := sheet.png()) is not None:
            beside["sheet.png"] = pictures
    record = Record(
        spec=spec,
        scores={
            "train": _summary_of(loop.task, everywhere.scores, is_train),
            "test": _summary_of(loop.task, everywhere.scores, ~is_train),
        },
        parameters=count_parameters(net),
        steps=loop.step,
        epochs=math.ceil(loop.step / loop.steps_per_epoch),
        seconds=seconds,
        weights_sha256=sha256(weights),
        files_sha256={name: sha256(content) for name, content in beside.items()},
        provenance=provenance(spec, loop.hardware, len(loop.specs), loop.processes.count),
    )
    if not scores_only:
        beside["weights.safetensors"] = weights
    for name, content in beside.items():
        write_atomically(directory / name, content)
    store.finish(record)
    return record


def _summary_of(task: Task, scores: dict[str, Tensor], side: Tensor) -> dict[str, float]:
    return task.summarise({name: values[side] for name, values in scores.items()})
