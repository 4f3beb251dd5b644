"""A run with NaN or infinity stops with an error and keeps its last good checkpoint."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from coordconv_lab.cli import main
from coordconv_lab.errors import DivergenceError, InputError
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.results.files import read_json
from coordconv_lab.results.remote import store_at
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train import attempt, run, run_ensemble
from coordconv_lab.train.checkpoint import Checkpoint
from coordconv_lab.train.divergence import diverged
from coordconv_lab.train.loop import Loop

FAULTS = ["loss", "infinite loss", "gradient", "weight", "moment"]
STEP = 20  # of 28; an epoch has 14


def plant(patched: pytest.MonkeyPatch, fault: str, step: int = STEP, member: int = 0) -> None:
    """Set a value of one network to NaN at a step."""
    take_step = Loop._take_step

    def wrong_step(loop: Loop, points: Tensor) -> None:
        if loop.step + 1 != step:
            take_step(loop, points)
            return
        setup, losses_of = loop.setup, loop.setup.losses_of
        weight = next(setup.nets[member].parameters())
        chosen = torch.zeros(len(setup.nets))
        chosen[member] = 1
        changes: dict[str, Callable[[Tensor], Tensor]] = {
            "loss": lambda losses: losses + (chosen * 0).log() * 0,
            "infinite loss": lambda losses: losses - chosen.sub(1).abs().log() * chosen,
            "gradient": lambda losses: losses + 0 * (weight - weight.detach()).sum().abs().sqrt(),
        }
        if fault in changes:
            setup.losses_of = lambda part: changes[fault](losses_of(part))  # pyright: ignore
        take_step(loop, points)
        setup.losses_of = losses_of
        with torch.no_grad():
            if fault == "weight":
                weight.view(-1)[-1] = torch.nan
            if fault == "moment":
                setup.optimizer.moments(weight)["exp_avg_sq"].view(-1)[0] = torch.inf

    patched.setattr(Loop, "_take_step", wrong_step)


def saved(store: RunStore, spec: ExperimentSpec) -> dict:
    (path,) = store.directory(spec).glob("*.ckpt")
    mark, _, content = path.read_bytes().partition(b"\n")
    assert mark.startswith(b"sha256 ")
    return torch.load(io.BytesIO(content), weights_only=True)


def all_numbers(state: object) -> bool:
    """Return whether all tensors and numbers of a nested state are finite."""
    if isinstance(state, dict):
        return all(map(all_numbers, state.values()))
    if isinstance(state, Sequence) and not isinstance(state, str):
        return all(map(all_numbers, state))
    if isinstance(state, Tensor | float):
        return bool(torch.as_tensor(state).isfinite().all())
    return True


@pytest.fixture(scope="module")
def tiny() -> ExperimentSpec:
    settings = {"data.canvas": (14, 18), "data.square": 5}
    training = {"training.epochs": 2, "training.curve_points": 2}
    return with_settings(tuned("regression", "quadrant", "coordconv"), {**settings, **training})


@pytest.fixture(scope="module")
def untouched(tiny, tmp_path_factory) -> str:
    return run(tiny, RunStore(tmp_path_factory.mktemp("untouched"))).weights_sha256


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_stops_the_run_at_its_step_and_leaves_the_last_good_checkpoint(
    tiny, store, monkeypatch, fault, untouched
):
    checkpoint = store.directory(tiny) / "checkpoint.ckpt"
    with monkeypatch.context() as patched:
        plant(patched, fault)
        with pytest.raises(DivergenceError) as raised:
            run(tiny, store, checkpoint_seconds=0)
    said = str(raised.value)
    assert f"at step {STEP} (epoch 2 of 2) with learning_rate " in said
    assert f"the last good checkpoint is {checkpoint}" in said
    state = saved(store, tiny)
    assert state["losses"]["step"] == STEP - 1
    assert all_numbers(state)
    assert store.record(tiny) is None
    # Without the fault, the run resumes from the checkpoint with the usual result.
    assert run(tiny, store).weights_sha256 == untouched


@pytest.mark.parametrize(
    ("fault", "step"), [("loss", STEP), ("moment", STEP), ("gradient", 28), ("weight", 28)]
)
def test_a_fault_after_the_last_checkpoint_makes_no_record(tiny, store, monkeypatch, fault, step):
    plant(monkeypatch, fault, step)
    with pytest.raises(DivergenceError, match=r"there is no checkpoint yet in .*regression"):
        run(tiny, store)
    assert {path.name for path in store.directory(tiny).iterdir()} <= {
        "spec.json",
        "run.lock",
        "tensorboard",
    }


def test_a_repeated_run_diverges_again_and_keeps_its_checkpoint(tiny, store, monkeypatch):
    plant(monkeypatch, "weight")
    said = []
    for _ in range(2):
        with pytest.raises(DivergenceError) as raised:
            run(tiny, store, checkpoint_seconds=0)
        said.append(str(raised.value))
        assert saved(store, tiny)["losses"]["step"] == STEP - 1
    assert said[0] == said[1]


def test_the_diverged_network_of_an_ensemble_is_named(tiny, store, monkeypatch):
    specs = [with_settings(tiny, {"seed": seed}) for seed in range(2)]
    plant(monkeypatch, "infinite loss", member=1)
    with pytest.raises(DivergenceError, match=f"in {specs[1].run_name}, one of 2 trained together"):
        run_ensemble(specs, store, checkpoint_seconds=0)
    state = saved(store, specs[0])
    assert (state["losses"]["step"], len(state["nets"])) == (STEP - 1, 2)
    assert all_numbers(state)


def test_a_run_of_many_is_marked_as_failed_with_the_reason(tiny, store, monkeypatch):
    plant(monkeypatch, "loss")
    failure = attempt(tiny, store).failure
    assert failure is not None
    assert failure.startswith(f"the loss became nan at step {STEP} (epoch 2 of 2)")
    assert read_json(store.directory(tiny) / "failure.json") == {"reason": failure}
    assert not (store.directory(tiny) / "run.lock").exists()


def test_the_checkpoint_named_by_a_failed_run_exists(tiny, store, monkeypatch):
    plant(monkeypatch, "loss")
    monkeypatch.setattr(Checkpoint, "save_if_due", _always(Checkpoint.save_if_due))
    failure = attempt(tiny, store).failure
    assert failure is not None
    assert failure.endswith(f"the last good checkpoint is {checkpoint_of(store, tiny)}")
    assert saved(store, tiny)["losses"]["step"] == STEP - 1


def _always(save_if_due: Callable) -> Callable:
    def save(checkpoint: Checkpoint, loop: Loop) -> None:
        checkpoint.every_seconds = 0
        save_if_due(checkpoint, loop)

    return save


def checkpoint_of(store: RunStore, spec: ExperimentSpec) -> Path:
    return store.directory(spec) / "checkpoint.ckpt"


def test_the_error_names_no_checkpoint_under_a_url(tiny, tmp_path, monkeypatch):
    plant(monkeypatch, "weight")
    with pytest.raises(DivergenceError, match="a store at a URL keeps no checkpoints"):
        run(tiny, store_at(f"local://{tmp_path}/remote"), checkpoint_seconds=0)


def test_a_diverged_checkpoint_is_not_resumed(tiny, store, monkeypatch):
    with monkeypatch.context() as patched:
        plant(patched, "weight")
        patched.setattr(Loop, "_not_finite", lambda loop: [])
        patched.setattr(Loop, "run", _but_stop_after(STEP))
        with pytest.raises(KeyboardInterrupt):
            run(tiny, store, checkpoint_seconds=0)
    with pytest.raises(InputError, match=r"checkpoint\.ckpt contains NaN or infinity; delete it"):
        run(tiny, store)


def _but_stop_after(step: int) -> Callable:
    steps = Loop.run

    def some(loop: Loop, *arguments):
        for done in steps(loop, *arguments):
            yield done
            if done == step:
                raise KeyboardInterrupt

    return some


def test_the_first_process_never_raises_before_the_others(tmp_path, tiny):
    """Otherwise the other processes would wait forever; all of them detect the fault together."""
    checkpoint = Checkpoint(tmp_path, [tiny], 0)
    loop = SimpleNamespace(
        setup=SimpleNamespace(processes=SimpleNamespace(is_first=True, count=2)),
        settled=True,
        is_finite=False,
    )
    checkpoint.save_if_due(loop)  # pyright: ignore
    assert not checkpoint.path.exists()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "learning_rate 0.5, warmup 0.0; try a smaller learning_rate, or more warmup"),
        ({"weight_decay": 9.0}, "weight_decay 9.0; .* or less weight_decay"),
        ({"precision": "bfloat16"}, "precision bfloat16; .* or precision float32"),
    ],
)
def test_the_error_names_possible_causes_and_remedies(tiny, settings, named):
    chosen = {"learning_rate": 0.5, "warmup": 0.0, "weight_decay": 0.0, **settings}
    spec = with_settings(tiny, {f"training.{name}": value for name, value in chosen.items()})
    with pytest.raises(DivergenceError, match=named):
        raise diverged(spec, "the loss became nan", 14, 14)


def test_the_command_line_reports_divergence_in_one_line(monkeypatch, tmp_path, capsys):
    plant(monkeypatch, "loss", 3)
    tiny = "train regression --canvas 14 18 --square 5 --epochs 1 --device cpu --runs"
    assert main([*tiny.split(), str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("coordconv: the loss became nan at step 3 (epoch 1 of 1)")
