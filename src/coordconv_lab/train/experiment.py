"""One function from a spec to a record; everything random follows from the spec's seed."""

import hashlib
import logging
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import lightning
import safetensors.torch
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor, nn

from coordconv_lab.data import NotSoClevr
from coordconv_lab.errors import InputError
from coordconv_lab.models import build, count_parameters
from coordconv_lab.results import PRIMARY_SCORE, Record, RunStore
from coordconv_lab.results.files import write_atomically, write_json
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.tasks import Task, task_of
from coordconv_lab.train.batches import SeededBatches
from coordconv_lab.train.checkpoint import KeepCheckpoint
from coordconv_lab.train.curve import LearningCurve
from coordconv_lab.train.early_stop import StopWhenPerfect
from coordconv_lab.train.evaluate import evaluate
from coordconv_lab.train.module import TaskModule
from coordconv_lab.train.predictions import predictions_file
from coordconv_lab.train.progress import Progress, SilentProgress, TellProgress
from coordconv_lab.train.provenance import provenance

CHECKPOINT_SECONDS = 5.0


def run(
    spec: ExperimentSpec,
    store: RunStore,
    progress: Progress | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> Record:
    """Train a net as a spec says, or go on with it, or return the record if it is done.

    Args:
        spec: What to run.
        store: Where the run is kept; its directory holds the checkpoint until it is done.
        progress: Told of every step.
        checkpoint_seconds: Least time between two checkpoints.

    Returns:
        The record, which is also in the run's directory.

    Raises:
        InputError: The directory cannot be used, the canvas is too small for the net, a checkpoint
            is damaged, or the loss is not a number any more.
    """
    done = store.record(spec)
    if done is not None:
        return done
    directory = store.open(spec)
    lightning.seed_everything(spec.seed, verbose=False)
    net = build(spec.model, spec.data.canvas)
    data, task = NotSoClevr(spec.data), task_of(spec)
    trainer, curve = _train(
        spec, net, task, data, directory, progress or SilentProgress(), checkpoint_seconds
    )
    return _finish(spec, net, task, data, directory, trainer, curve)


def _train(
    spec: ExperimentSpec,
    net: nn.Module,
    task: Task,
    data: NotSoClevr,
    directory: Path,
    progress: Progress,
    checkpoint_seconds: float,
) -> tuple[lightning.Trainer, LearningCurve]:
    training = spec.training
    batches = SeededBatches(data.train_points, training.batch_size, spec.seed)
    steps = len(batches) * training.epochs
    score = _main_score(spec, task)
    curve = LearningCurve(
        score, data.train_points, data.test_points, steps, min(training.curve_points, steps)
    )
    callbacks: list[Callback] = [curve, TellProgress(progress)]
    if training.early_stop_epochs is not None:
        callbacks.append(
            StopWhenPerfect(lambda net: score(net, data.points) == 1, training.early_stop_epochs)
        )
    checkpoint = directory / "checkpoint.ckpt"
    callbacks.append(KeepCheckpoint(checkpoint, checkpoint_seconds, batches))
    progress.start(spec, steps)
    with _quiet_lightning():
        trainer = lightning.Trainer(
            accelerator="cpu",
            devices=1,
            max_epochs=training.epochs,
            precision="bf16-mixed" if training.precision == "bfloat16" else "32-true",
            deterministic=True,
            callbacks=callbacks,
            logger=TensorBoardLogger(directory, name="", version="tensorboard"),
            enable_checkpointing=True,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        module = TaskModule(net, task, training, steps)
        _fit(trainer, module, batches, checkpoint)
    return trainer, curve


def _fit(
    trainer: lightning.Trainer, module: TaskModule, batches: SeededBatches, checkpoint: Path
) -> None:
    """Train, from the checkpoint where there is one."""
    resumed = checkpoint.exists()
    if resumed:
        _check_readable(checkpoint)
    try:
        trainer.fit(
            module,
            train_dataloaders=batches,
            ckpt_path=str(checkpoint) if resumed else None,
            weights_only=True,
        )
    except SystemExit as error:
        # Lightning turns Ctrl-C into an exit of its own; the caller should see what it was.
        raise KeyboardInterrupt from error


def _check_readable(checkpoint: Path) -> None:
    try:
        torch.load(checkpoint, weights_only=True)
    except Exception as error:
        raise InputError(
            f"{checkpoint} is damaged ({type(error).__name__}); delete it to begin this run again"
        ) from error


def _main_score(spec: ExperimentSpec, task: Task) -> Callable[[nn.Module, Tensor], float]:
    name = PRIMARY_SCORE[spec.task]
    return lambda net, points: evaluate(net, task, points).summary[name]


def _finish(
    spec: ExperimentSpec,
    net: nn.Module,
    task: Task,
    data: NotSoClevr,
    directory: Path,
    trainer: lightning.Trainer,
    curve: LearningCurve,
) -> Record:
    """Evaluate on every example and write the run down, its record last."""
    seconds = curve.seconds
    steps_per_epoch = math.ceil(len(data.train_points) / spec.training.batch_size)
    weights = safetensors.torch.save(
        {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    )
    everywhere = evaluate(net, task, data.points)
    record = Record(
        spec=spec,
        scores={
            "train": _summary_of(task, everywhere.scores, data.is_train),
            "test": _summary_of(task, everywhere.scores, ~data.is_train),
        },
        parameters=count_parameters(net),
        steps=trainer.global_step,
        epochs=math.ceil(trainer.global_step / steps_per_epoch),
        seconds=seconds,
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        provenance=provenance(spec),
    )
    write_atomically(directory / "weights.safetensors", weights)
    write_atomically(directory / "metrics.csv", curve.as_csv())
    write_atomically(
        directory / "predictions.npz", predictions_file(spec, net, task, data, everywhere)
    )
    write_json(directory / "record.json", record.model_dump(mode="json"))
    (directory / "checkpoint.ckpt").unlink(missing_ok=True)
    return record


def _summary_of(task: Task, scores: dict[str, Tensor], side: Tensor) -> dict[str, float]:
    return task.summarise({name: values[side] for name, values in scores.items()})


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Hold back Lightning's advice on workers and hardware, which does not apply to tiny data."""
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        try:
            yield
        finally:
            logger.setLevel(level)
