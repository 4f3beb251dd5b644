"""An argument of the laboratory in Python is used as given, or refused in one line."""

import numpy as np
import pytest

from coordconv_lab import RunList, claim, load, runs, train
from coordconv_lab.errors import InputError
from coordconv_lab.results import RunStore
from coordconv_lab.train import Hardware


@pytest.mark.parametrize("words", [{"seed": 0}, {"coordinates": False}, {"warmup": 0.0}])
def test_a_spec_refuses_other_settings_also_if_they_are_zero(regressor, tmp_path, words):
    with pytest.raises(InputError, match="already contains all settings"):
        train(regressor.spec, runs=tmp_path, progress=False, **words)
    assert not list(tmp_path.iterdir())


def test_a_setting_with_two_names_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"training\.epochs is given twice"):
        train("regression", epochs=1, training__epochs=2, runs=tmp_path, progress=False)


@pytest.mark.parametrize("value", [(16, 21), [16, 21], np.array([16, 21])])
def test_runs_are_filtered_by_the_values_that_train_takes(regressor, averaged, exact, value):
    both = runs([regressor, averaged, exact["small rendering"]])
    assert len(both.where(task="regression", canvas=value)) == 2
    assert len(both.where(epochs="1")) == 2


def test_runs_are_filtered_by_the_names_of_models_that_train_takes(regressor, exact):
    both = runs([regressor, exact["regression"]])
    assert list(both.where(model="hand-built-regressor")) == [exact["regression"]]
    assert list(both.where(model="coordconv")) == [regressor]
    assert list(both.where(model="baseline")) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"split": "quadrent"}, "did you mean quadrant"),
        ({"task": "regresion"}, "did you mean regression"),
        ({"model": "cordconv"}, "did you mean coordconv"),
        ({"head": "averaged"}, r"model\.head.*got 'averaged'"),
        ({"epochs": 1.5}, r"training\.epochs.*got 1.5"),
        ({"epochs": True}, r"training\.epochs: expected a number, got True"),
        ({"seed": "first"}, "seed.*got 'first'"),
        ({"recipe": "tuned"}, "there is no setting 'recipe'; expected"),
    ],
)
def test_a_filter_that_no_run_can_match_is_refused(regressor, averaged, words, said):
    with pytest.raises(InputError, match=said):
        runs([regressor, averaged]).where(**words)


def test_a_possible_filter_that_no_run_matches_gives_no_runs(regressor, averaged):
    for words in ({"split": "uniform"}, {"seed": 7}, {"head": "sum"}, {"task": "rendering"}):
        assert list(runs([regressor, averaged]).where(**words)) == []
    assert list(RunList([]).where(anything=1)) == []


@pytest.mark.parametrize("count", [-1, 1.5, "all"])
def test_a_number_of_runs_is_not_negative(regressor, averaged, count):
    with pytest.raises(InputError, match="expected a number of runs"):
        runs([regressor, averaged]).best(count)


@pytest.mark.parametrize("position", [(1.5, 2), (2, 1.0), ("1", 2), (float("nan"), 0)])
def test_a_position_is_a_pixel(regressor, position):
    with pytest.raises(InputError, match="as integers"):
        regressor.predict(*position)


def test_a_claim_needs_a_directory_of_results(tmp_path):
    with pytest.raises(InputError, match="is not a directory"):
        claim("tiling-fails", results=tmp_path / "missing")
    with pytest.raises(InputError, match="expected the id of a claim, got None"):
        claim(None)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("source", [3, None])
def test_a_source_of_runs_is_a_directory_or_a_list(source):
    with pytest.raises(InputError, match="expected a directory, or a list of runs"):
        runs(source)


def test_a_single_run_is_not_a_list_of_runs(regressor):
    with pytest.raises(InputError, match="expected a directory, or a list of runs"):
        runs(regressor)


@pytest.mark.parametrize("url", ["memory://runs", "s3://bucket/runs", "file:///tmp/runs"])
def test_a_url_is_not_a_directory_of_runs(tmp_path, monkeypatch, url):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="got the URL"):
        train("regression", epochs=1, runs=url, progress=False)
    with pytest.raises(InputError, match="got the URL"):
        RunStore(url)
    with pytest.raises(InputError):
        load(url)
    assert not list(tmp_path.iterdir())


def test_an_unknown_device_is_refused():
    with pytest.raises(InputError, match="expected auto, cpu, cuda, mps; got 'gpu'"):
        Hardware("gpu")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("seed", [True, "0", [0, 1]])
def test_a_seed_is_an_integer(tmp_path, seed):
    with pytest.raises(InputError, match="seed: expected an integer, got"):
        train("regression", seed=seed, runs=tmp_path, progress=False)


def test_a_run_is_not_a_directory_of_runs(regressor):
    with pytest.raises(InputError, match=r"is the directory of one run; .* use load\(\)"):
        runs(regressor.directory)
