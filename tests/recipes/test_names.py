"""Networks are named by what differs, in the words of the specs, and never share a name."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordconv_lab.experiments.notsoclevr.recipes import tuned, tutorial
from coordconv_lab.recipes import with_settings
from coordconv_lab.recipes.names import data_names, network_names
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.specs.words import setting_in_words, value_in_words

SPEC = tuned("regression", "quadrant", "coordconv")


def changed(*changes: Mapping[str, Any]) -> list[ExperimentSpec]:
    return [with_settings(SPEC, change) for change in changes]


def test_a_name_has_the_settings_that_differ_from_the_recipe():
    changes = (
        {},
        {"model.head": "average"},
        {"model.coordinates": False},
        {"training.learning_rate": 1e-4, "model.padding": "circular"},
    )
    assert network_names(changed(*changes)) == [
        "CoordConv",
        "CoordConv, average pooling",
        "CoordConv, no coordinates",
        "CoordConv, circular padding, learning rate 1e-4",
    ]


def test_shared_training_settings_are_omitted_and_changed_networks_are_named():
    short = {"training.epochs": 1}
    assert network_names(changed(short)) == ["CoordConv"]
    assert network_names(changed({"model.coordinates": False})) == ["CoordConv, no coordinates"]
    assert network_names(changed(short, {**short, "model.width": 3})) == [
        "CoordConv",
        "CoordConv, width 3",
    ]


def test_networks_are_compared_with_the_nearest_recipe():
    specs = [tutorial("regression", "quadrant", model) for model in ("coordconv", "conv")]
    assert network_names(specs) == ["CoordConv", "Conv"]


def test_kinds_of_one_family_are_told_apart():
    baseline = tuned("regression", "quadrant", "conv")
    other = with_settings(baseline, {"model.kind": "conv-flat-regressor"})
    assert network_names([baseline, other]) == ["Conv", "Conv (conv-flat-regressor)"]
    built = {"model.kind": "hand-built-regressor", "training.epochs": 0}
    assert network_names([SPEC, *changed(built)]) == ["CoordConv", "hand-built"]


def test_data_are_named_by_split_and_by_what_differs():
    changes = ({}, {"data.canvas": (30, 40), "data.square": 5}, {"data.held_out": "validation"})
    assert data_names(changed(*changes)) == [
        "quadrant",
        "quadrant, canvas (30, 40), square of 5 px",
        "quadrant, scored on validation positions",
    ]
    assert data_names([tutorial("regression", "uniform", "coordconv")]) == ["uniform"]


choices = st.fixed_dictionaries(
    {},
    optional={
        "model.head": st.sampled_from(["max", "average", "sum"]),
        "model.coordinates": st.booleans(),
        "model.radius": st.booleans(),
        "model.padding": st.sampled_from(["valid", "same", "reflect", "circular"]),
        "model.input_scale": st.floats(1e-6, 1e6),
        "training.learning_rate": st.floats(1e-12, 1e3),
        "training.epochs": st.integers(1, 10**6),
        "training.early_stop_epochs": st.one_of(st.none(), st.integers(1, 9)),
    },
)


@given(st.lists(choices, min_size=1, max_size=6))
def test_different_settings_never_share_a_name(changes):
    specs = list({spec.id: spec for spec in changed(*changes)}.values())
    names = network_names(specs)
    assert len(set(names)) == len(specs)


def test_two_settings_with_the_same_words_are_told_apart_by_their_paths(monkeypatch):
    for name in ("width", "kernel"):
        monkeypatch.setattr(type(SPEC.model).model_fields[name], "title", "size {}")
    names = network_names(changed({"model.width": 5}, {"model.kernel": 5}))
    assert names == ["CoordConv, model.width 5", "CoordConv, model.kernel 5"]


@given(st.floats(min_value=0), st.floats(min_value=0))
def test_different_numbers_have_different_words(first, second):
    assert (value_in_words(first) == value_in_words(second)) == (first == second)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("training.schedule", "linear schedule"),
        ("training.learning_rate", "learning rate 0.02"),
        ("training.early_stop_epochs", "no early stop epochs"),
        ("model.radius", "no radius"),
    ],
)
def test_a_setting_reads_as_its_title_or_name(path, words):
    changes = {"training.schedule": "linear", "training.learning_rate": 0.02}
    assert setting_in_words(with_settings(SPEC, changes), path) == words
