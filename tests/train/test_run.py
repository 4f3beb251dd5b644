"""Training a run."""

import hashlib
from contextlib import nullcontext

import numpy as np
import pytest
import safetensors.torch
import torch

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.data import NotSoClevr
from coordconv_lab.experiments.notsoclevr.networks import build
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.tasks import task_of
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.train import SilentProgress, run
from coordconv_lab.train.defaults import restored_defaults
from coordconv_lab.train.evaluate import evaluate
from coordconv_lab.train.optimizer import rate_factor

FILES = {
    "spec.json",
    "record.json",
    "metrics.csv",
    "predictions.npz",
    "weights.safetensors",
    "tensorboard",
}


class CountSteps(SilentProgress):
    def __init__(self) -> None:
        self.steps: list[int] = []

    def advance(self, step: int, loss) -> None:
        self.steps.append(step)


def test_the_same_spec_gives_the_same_bits_and_another_seed_does_not(tiny, tmp_path):
    first = run(tiny, RunStore(tmp_path / "a"))
    torch.manual_seed(99)
    again = run(tiny, RunStore(tmp_path / "b"))
    other = run(with_settings(tiny, {"seed": 1}), RunStore(tmp_path / "c"))
    assert first.weights_sha256 == again.weights_sha256
    assert first.scores == again.scores
    assert first.weights_sha256 != other.weights_sha256


@pytest.mark.parametrize("how", ["for the process", "in a block"])
def test_the_bits_do_not_depend_on_defaults_of_the_process(tiny, tmp_path, how):
    wanted = run(tiny, RunStore(tmp_path / "a")).weights_sha256
    in_block = how == "in a block"
    with restored_defaults(), torch.device("meta") if in_block else nullcontext():
        if not in_block:
            torch.set_default_device("meta")
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        assert run(tiny, RunStore(tmp_path / "b")).weights_sha256 == wanted
        assert torch.zeros(()).dtype == torch.float64
        assert torch.zeros(()).is_meta
        assert not torch.is_grad_enabled()
    assert torch.zeros(()).dtype == torch.float32
    assert not torch.zeros(()).is_meta
    assert torch.is_grad_enabled()
    torch.set_default_device(None)  # nothing is left of the other default
    assert not torch.zeros(()).is_meta


def test_the_files_of_a_run_match_its_record(tiny, store):
    record = run(tiny, store)
    directory = store.directory(tiny)
    assert {path.name for path in directory.iterdir()} == FILES
    weights = (directory / "weights.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == record.weights_sha256

    net, data, task = build(tiny.model, tiny.data.canvas), NotSoClevr(tiny.data), task_of(tiny)
    net.load_state_dict(safetensors.torch.load(weights))
    for side, points in (("train", data.train_points), ("test", data.test_points)):
        measured = evaluate(net, task, points).summary
        assert measured == pytest.approx(record.scores[side], rel=1e-4, abs=1e-5)

    predictions = np.load(directory / "predictions.npz")
    train_accuracy = predictions["accuracy"][predictions["is_train"]].mean()
    assert train_accuracy == pytest.approx(record.train_score)


def test_a_finished_run_is_not_trained_again(tiny, store):
    first, counter = run(tiny, store), CountSteps()
    assert run(tiny, store, counter) == first
    assert counter.steps == []


def test_progress_is_called_after_every_step(tiny, store):
    counter = CountSteps()
    record = run(tiny, store, counter)
    assert counter.steps == list(range(1, record.steps + 1))


@pytest.mark.slow("training")
def test_training_stops_early_only_if_requested(tmp_path):
    spec = with_settings(
        tuned("regression", "uniform", "coordconv"),
        {"data.canvas": (20, 22), "data.square": 5, "training.epochs": 12},
    )
    asked = with_settings(spec, {"training.early_stop_epochs": 2})
    stopped = run(asked, RunStore(tmp_path))
    assert (stopped.train_score, stopped.test_score) == (1, 1)
    assert stopped.epochs < 12
    assert run(spec, RunStore(tmp_path)).epochs == 12


@pytest.mark.slow("training")
def test_rendering_keeps_the_tutorials_images_that_fit_on_its_canvas(store):
    spec = with_settings(
        tuned("rendering", "uniform", "coordconv"),
        {"data.canvas": (40, 36), "data.square": 9, "training.epochs": 1},
    )
    run(spec, store)
    predictions = np.load(store.directory(spec) / "predictions.npz")
    places = zip(predictions["gallery_row"], predictions["gallery_column"], strict=True)
    assert set(places) == {(13, 7), (5, 10), (33, 9)}
    assert predictions["gallery_pictures"].shape == (3, 40, 36)


def test_a_nan_loss_stops_the_run_and_names_step_and_learning_rate(tiny, store):
    wild = with_settings(tiny, {"training.learning_rate": 1e30, "training.warmup": 0})
    with pytest.raises(InputError, match=r"step \d+ \(epoch \d of 3\) with learning_rate 1e\+30"):
        run(wild, store)
    assert store.record(wild) is None


def test_bfloat16_trains_and_keeps_its_weights_in_float32(tiny, store):
    spec = with_settings(tiny, {"training.precision": "bfloat16", "training.epochs": 1})
    record = run(spec, store)
    weights = safetensors.torch.load_file(store.directory(spec) / "weights.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    assert record.provenance.precision == "bfloat16"


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_the_learning_rate_has_a_single_peak(schedule):
    spec = tuned("classification", "uniform", "coordconv").training
    spec = spec.model_copy(update={"schedule": schedule, "warmup": 0.25})
    factors = [rate_factor(spec, step, 100) for step in range(100)]
    assert factors[:25] == sorted(factors[:25])
    assert factors[25:] == sorted(factors[25:], reverse=True)
    assert all(0 < factor <= 1.001 for factor in factors)
    assert factors[25] == pytest.approx(1, abs=0.002)
    assert factors[-1] == pytest.approx(1 if schedule == "constant" else 0, abs=0.02)


def test_after_waiting_the_record_of_the_other_process_is_returned(tiny, store, monkeypatch):
    """The other process finishes between the first check and the lock."""
    record = run(tiny, store)
    looks = iter([None, record])
    monkeypatch.setattr(store, "record", lambda spec: next(looks))
    before = (store.directory(tiny) / "record.json").stat().st_mtime_ns
    assert run(tiny, store) == record
    assert (store.directory(tiny) / "record.json").stat().st_mtime_ns == before
