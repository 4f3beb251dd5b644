"""Shared networks load completely, have a model card, and never use pickles."""

import json
import os
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.specs import DataSpec
from coordconv_lab.hub import SharedNet, card
from coordconv_lab.recipes import spec_by_recipe
from coordconv_lab.registry import registry
from coordconv_lab.results.stored import read_stored
from coordconv_lab.specs import ExperimentSpec, TrainingSpec
from tests.committed import committed_runs

RUNS = {
    "classification-quadrant-coordconv": torch.tensor([[3, 50], [60, 7]]),
    "regression-uniform-conv": torch.rand(2, 1, 64, 64),
    "rendering-quadrant-coordconv": torch.tensor([[4, 50], [59, 7]]),
}


def run(name: str) -> Path:
    return committed_runs("tuned", f"{name}-seed0-")[0]


@pytest.mark.parametrize("name", RUNS)
def test_a_shared_network_keeps_its_spec_scores_and_outputs(name, tmp_path):
    shared = SharedNet.from_run(run(name))
    shared.save_pretrained(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "README.md", "config.json", "model.safetensors",
    ]  # fmt: skip
    again = SharedNet.from_pretrained(tmp_path)
    assert again.spec == shared.spec
    assert again.scores == shared.scores
    assert not again.training
    with torch.no_grad():
        torch.testing.assert_close(again(RUNS[name]), shared(RUNS[name]), rtol=0, atol=0)
    again.save_pretrained(tmp_path / "again")
    for file in ("README.md", "config.json", "model.safetensors"):
        assert (tmp_path / "again" / file).read_bytes() == (tmp_path / file).read_bytes()


def test_the_files_of_a_shared_network_have_the_default_permissions(tmp_path):
    before = os.umask(0o022)
    try:
        SharedNet.from_run(run("regression-uniform-conv")).save_pretrained(tmp_path)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o644}


@pytest.mark.parametrize("task", registry().tasks)
def test_the_card_of_every_net_says_what_goes_in(task):
    said = []
    for network in registry().networks_of(task):
        with suppress(ValidationError):  # hand-built networks are not trained
            spec = ExperimentSpec(
                task=task,
                data=DataSpec() if task == "reconstruction" else spec_by_recipe(task).data,
                model=network.spec(),
                training=TrainingSpec(epochs=1),
            )
            said.append(card(spec, None))
    assert said
    assert all("shape (N, " in text for text in said)


def test_the_card_has_scores_usage_and_citation():
    card = SharedNet.from_run(run("classification-quadrant-coordconv")).generate_model_card()
    assert isinstance(card, ModelCard)
    assert card.data.license == "apache-2.0"
    assert "| accuracy | 1 | 1 |" in card.text
    assert "arXiv:1807.03247" in card.text
    assert "SharedNet.from_pretrained" in card.text
    assert "[More Information Needed]" not in card.text


def test_pickles_and_missing_weights_are_refused(tmp_path):
    SharedNet.from_run(run("classification-quadrant-coordconv")).save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    save_file(dict(list(weights.items())[1:]), file)
    with pytest.raises(InputError, match="Missing key"):
        SharedNet.from_pretrained(tmp_path)
    file.unlink()
    torch.save(weights, tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"model\.safetensors"):
        SharedNet.from_pretrained(tmp_path)
    with pytest.raises(InputError, match="is a pickle"):
        SharedNet._load_as_pickle(None, "pytorch_model.bin", "cpu", True)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, r"no config\.json"),
        ({}, r"no config\.json"),
        ({"experiment": {"task": "?"}}, "experiment"),
        ({"experiment": {"task": "?"}, "self": 1}, "cannot load a network from .*self"),
        ([], "cannot load a network"),
    ],
)
def test_an_invalid_configuration_is_refused(config, said, tmp_path):
    SharedNet.from_run(run("classification-quadrant-coordconv")).save_pretrained(tmp_path)
    (tmp_path / "config.json").unlink()
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=said):
        SharedNet.from_pretrained(tmp_path)


def test_a_run_with_missing_or_other_weights_is_refused(tmp_path):
    original = run("classification-quadrant-coordconv")
    (tmp_path / "record.json").write_bytes(read_stored(original / "record.json"))
    with pytest.raises(InputError, match="repeat the run"):
        SharedNet.from_run(tmp_path)
    weights = bytearray(read_stored(original / "weights.safetensors"))
    weights[-1] ^= 1
    (tmp_path / "weights.safetensors").write_bytes(weights)
    with pytest.raises(InputError, match="not the file that the record"):
        SharedNet.from_run(tmp_path)
    with pytest.raises(InputError, match=r"record\.json"):
        SharedNet.from_run(tmp_path / "nowhere")


@pytest.mark.parametrize("scores", ["x", {"test": {"a": 1}}, {"train": {"a": 1}, "test": {}}])
def test_invalid_scores_are_refused(scores):
    spec = SharedNet.from_run(run("classification-quadrant-coordconv")).spec
    with pytest.raises(InputError, match="scores: expected numbers"):
        SharedNet(spec.model_dump(mode="json"), scores)
    with pytest.raises(InputError, match="experiment: expected"):
        SharedNet(None)
