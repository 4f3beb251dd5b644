"""Evaluate a trained network on every example, and write the files of its run."""

import math

import safetensors.torch
import torch
from torch import Tensor

from coordconv_lab.errors import FailingRunError
from coordconv_lab.objective import Objective
from coordconv_lab.parts import count_parameters
from coordconv_lab.results import Record, RunStore
from coordconv_lab.results.digest import sha256
from coordconv_lab.results.files import write_atomically
from coordconv_lab.train.loop import Loop
from coordconv_lab.train.predictions import predictions_file
from coordconv_lab.train.provenance import provenance
from coordconv_lab.train.returned import checked_summary, units_of
from coordconv_lab.train.returned_files import files_of


def write_run(loop: Loop, index: int, store: RunStore, seconds: float, scores_only: bool) -> Record:
    """Evaluate a network on every example and write the files of its run.

    The record is written last, so that a run with a record has all of its files.

    Raises:
        FailingRunError: The record could not be read again, because a score is impossible. Nothing
            is written.
        InputError: The directory cannot be written.
    """
    setup, curve = loop.setup, loop.curves[index]
    spec, net, objective, data = setup.specs[index], setup.nets[index], setup.objective, setup.data
    directory = store.directory(spec)
    # Copy the tensors, because safetensors refuses tensors that share memory, such as tied weights.
    weights = safetensors.torch.save(
        {
            name: tensor.cpu().clone(memory_format=torch.contiguous_format)
            for name, tensor in net.state_dict().items()
        }
    )
    observer = None if scores_only else objective.observer(data)
    watch = None if observer is None else observer.watch
    everywhere = setup.evaluator(net, data.examples, watch)
    is_train = data.is_train.cpu()
    beside = {"metrics.csv": curve.as_csv()}
    if not scores_only:
        beside["predictions.npz"] = predictions_file(net, objective, data, everywhere)
        beside |= {} if observer is None else files_of(observer)
    record = Record(
        spec=spec,
        scores={
            "train": _summary_of(objective, everywhere.scores, is_train),
            "test": _summary_of(objective, everywhere.scores, ~is_train),
        },
        units=_by_unit(objective, everywhere.scores, data.examples, ~is_train),
        parameters=count_parameters(net),
        steps=loop.step,
        epochs=math.ceil(loop.step / setup.steps_per_epoch),
        seconds=seconds,
        weights_sha256=sha256(weights),
        files_sha256={name: sha256(content) for name, content in beside.items()},
        provenance=provenance(spec, setup),
    )
    if (fault := record.fault()) is not None:
        raise FailingRunError(
            f"the run {spec.run_name} {fault}; correct the scores of the task {spec.task}, or the "
            "range that it declares for them; nothing was recorded"
        )
    if not scores_only:
        beside["weights.safetensors"] = weights
    for name, content in beside.items():
        write_atomically(directory / name, content)
    store.finish(record)
    return record


def _summary_of(task: Objective, scores: dict[str, Tensor], side: Tensor) -> dict[str, float]:
    return checked_summary(task, {name: values[side] for name, values in scores.items()})


def _by_unit(
    task: Objective, scores: dict[str, Tensor], examples: Tensor, is_test: Tensor
) -> dict[str, dict[str, float]]:
    """Return the mean test scores of each unit, such as a person, that has held-out examples."""
    unit = units_of(task, examples)
    if unit is None:
        return {}
    sides = {name: is_test & (unit == index) for index, name in enumerate(task.units)}
    return {name: _summary_of(task, scores, side) for name, side in sides.items() if side.any()}
