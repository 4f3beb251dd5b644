"""Networks that are trained together learn the same as in separate runs."""

import copy

import pytest
import safetensors.torch
import torch
from torch.testing import assert_close

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.data import NotSoClevr
from coordconv_lab.experiments.notsoclevr.networks import build
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.tasks import task_of
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.train import run, run_ensemble
from coordconv_lab.train.ensemble import Ensemble

SMALL = {"data.canvas": (14, 18), "data.square": 5, "training.epochs": 1}
# The deconv network needs 64 x 64 pixels; a large square leaves few positions.
FEW = {"data.square": 57, "training.epochs": 2, "training.batch_size": 8}

NETS = {
    "classification with coordinates": (("classification", "quadrant", "coordconv"), SMALL),
    "with batch normalisation": (
        ("classification", "quadrant", "coordconv"),
        {**SMALL, "model.batch_norm": True, "model.radius": True},
    ),
    "regression with coordinates": (("regression", "quadrant", "coordconv"), SMALL),
    # The scale of its logits would amplify rounding errors.
    "rendering with coordinates": (
        ("rendering", "quadrant", "coordconv"),
        {**SMALL, "model.painter_logit_scale": 3.0},
    ),
    "deconv": (("classification", "uniform", "baseline"), FEW),
    "deconv with batch normalisation": (
        ("rendering", "uniform", "baseline"),
        {**FEW, "model.batch_norm": True},
    ),
    "conv, flattened": (("regression", "uniform", "baseline"), {**SMALL, "data.canvas": (18, 18)}),
    "conv, pooled": (("regression", "quadrant", "baseline"), SMALL),
}


@pytest.mark.parametrize(("which", "settings"), NETS.values(), ids=NETS)
def test_each_network_has_the_loss_gradients_and_statistics_of_a_separate_run(which, settings):
    spec = with_settings(tuned(*which), settings)
    data, task = NotSoClevr(spec.data), task_of(spec)
    nets = []
    for seed in range(3):
        torch.manual_seed(seed)
        nets.append(build(spec.model, spec.data.canvas))
    alone = copy.deepcopy(nets)
    points = torch.stack([data.train_points[seed : seed + 4] for seed in range(3)])
    losses = Ensemble(nets, task)(points)
    losses.sum().backward()
    for net, single, batch, loss in zip(nets, alone, points, losses, strict=True):
        expected = task.loss(single, batch)
        expected.backward()
        assert_close(loss, expected, rtol=1e-5, atol=1e-6)
        scale = max(float(theirs.grad.abs().max()) for theirs in single.parameters())
        for ours, theirs in zip(net.parameters(), single.parameters(), strict=True):
            assert_close(ours.grad, theirs.grad, rtol=1e-3, atol=1e-5 * scale)
        for ours, theirs in zip(net.buffers(), single.buffers(), strict=True):
            assert_close(ours, theirs)


def test_each_network_uses_its_own_settings(tmp_path):
    """A smooth network does not amplify rounding errors."""
    start = {**SMALL, "training.learning_rate": 1e-3}
    members = [
        {"seed": 0},
        {"seed": 1},
        {"seed": 1, "training.learning_rate": 3e-4, "training.schedule": "constant"},
        {"seed": 1, "training.weight_decay": 0.5, "training.warmup": 0.3},
        {"seed": 2, "training.betas": (0.5, 0.9), "model.initialisation": "he"},
    ]
    regression = tuned("regression", "quadrant", "coordconv")
    specs = [with_settings(regression, {**start, **member}) for member in members]
    together, alone = RunStore(tmp_path / "together"), RunStore(tmp_path / "alone")
    records = run_ensemble(specs, together)
    for spec, record in zip(specs, records, strict=True):
        single = run(spec, alone)
        assert (record.spec, record.steps, record.epochs) == (spec, single.steps, single.epochs)
        assert record.provenance.ensemble == len(specs)
        assert record.scores["test"] == pytest.approx(single.scores["test"], rel=1e-3)
        ours, theirs = (
            safetensors.torch.load_file(store.directory(spec) / "weights.safetensors")
            for store in (together, alone)
        )
        assert ours.keys() == theirs.keys()
        for name in theirs:
            # Adam divides by the size of the gradient, which amplifies rounding errors.
            assert_close(ours[name], theirs[name], rtol=1e-3, atol=1e-3)
        assert together.record(spec) == record


def test_an_ensemble_of_one_equals_a_run_bit_for_bit(tiny, tmp_path):
    [record] = run_ensemble([tiny], RunStore(tmp_path / "together"))
    assert record.weights_sha256 == run(tiny, RunStore(tmp_path / "alone")).weights_sha256


def test_a_finished_ensemble_is_not_trained_again_unless_a_record_is_missing(tiny, tmp_path):
    store = RunStore(tmp_path)
    specs = [with_settings(tiny, {"seed": seed}) for seed in (0, 1)]
    first = run_ensemble(specs, store)
    assert run_ensemble(specs, store) == first
    (store.directory(specs[1]) / "record.json").unlink()
    again = run_ensemble(specs, store)
    assert again[0] == first[0]
    assert again[1].weights_sha256 == first[1].weights_sha256


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"training.epochs": 2}, r"training\.epochs, got 3 and 2"),
        ({"training.batch_size": 4}, r"training\.batch_size"),
        ({"model.width": 4}, r"model\.width"),
        ({"data.split": "uniform"}, r"data\.split"),
        ({"training.optimizer": "adamw"}, r"training\.optimizer"),
        ({"seed": 0}, "given twice"),
        ({"training.early_stop_epochs": 1}, "unset early_stop_epochs"),
    ],
)
def test_settings_that_an_ensemble_must_share_are_named(tiny, store, settings, named):
    other = with_settings(tiny, {"seed": 1, **settings})
    with pytest.raises(InputError, match=named):
        run_ensemble([tiny, other], store)
    assert not store.root.exists()
