"""The page says what the best arm uses, where it gains, and what it costs."""

import mmap

import numpy as np
import pytest
import torch
from torch import nn

from coordconv_lab.errors import InputError
from coordconv_lab.trials import UserFunctions, trial
from coordconv_lab.trials.error_maps import map_of
from coordconv_lab.trials.memory import peak_memory
from coordconv_lab.trials.page import as_html, as_markdown
from tests.trials.models import (
    by_coordinates,
    error_of_x,
    errors_of_x,
    learns_x,
    make,
    nothing,
    pointwise,
)

OF_X = UserFunctions(pointwise, learns_x, error_of_x, higher_is_better=False, errors=errors_of_x)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    return trial(OF_X, tmp_path_factory.mktemp("x"), arms=["first", "shuffled:first"], seeds=5)


def test_losses_of_changed_coordinates_match_a_calculation_by_hand(outcome):
    x = torch.linspace(-1, 1, 8).expand(6, 8)
    losses = {row.change: row.loss for row in outcome.best.losses}
    assert losses["zero"] == pytest.approx(x.square().mean().item(), rel=1e-5)
    assert losses["mean position everywhere"] == pytest.approx(losses["zero"], rel=1e-5)
    assert losses["mirrored along axis 1"] == pytest.approx(4 * losses["zero"], rel=1e-5)
    assert losses["mirrored along axis 0"] == pytest.approx(0, abs=1e-9)
    assert losses["shuffled between pixels"] > losses["zero"] / 2
    for row in outcome.best.losses:
        assert row.interval == pytest.approx((row.loss, row.loss), abs=1e-6)  # the same each time


def test_the_best_arm_is_not_a_shuffled_one_and_worse_is_positive(outcome):
    assert outcome.best.arm == "first"
    assert outcome.best.losses[0].score > 0
    assert "relies" not in outcome[1].words


def test_usage_can_be_omitted(tmp_path):
    brief = trial(OF_X, tmp_path, arms=["first"], seeds=1, usage=False)
    assert [row.change for row in brief.best.losses] == ["mean position everywhere"]


def test_the_map_shows_where_the_error_is_smaller(outcome):
    gain = outcome.best.gain
    assert gain.gain.shape == (6, 8)
    assert gain.seeds == 5
    assert gain.size == (6, 8)
    with torch.no_grad():
        expected = []
        for seed in range(5):
            torch.manual_seed(seed)
            expected.append(errors_of_x(pointwise()).mean(0).numpy())
    np.testing.assert_allclose(gain.gain, np.mean(expected, 0), rtol=2e-3, atol=1e-4)
    assert "left half" in gain.words


def test_a_large_map_is_averaged_in_blocks():
    errors = np.zeros((100, 48))
    errors[:, 24:] = 1
    found = np.array(map_of(torch.tensor(errors))["values"])
    assert found.shape == (24, 24)
    np.testing.assert_array_equal(found[:, :12], 0)
    np.testing.assert_array_equal(found[:, 12:], 1)
    assert map_of(np.full((3, 2, 2), np.nan))["values"] == [[None, None], [None, None]]
    assert np.shape(map_of(np.ones(7))["values"]) == (1, 7)


def test_errors_at_points_are_averaged_in_cells():
    points = [(0.0, 0.0), (0.01, 0.0), (1.0, 0.5)]
    found = map_of((points, [1.0, 3.0, 5.0]))
    values = found["values"]
    assert (values[0][0], values[6][11], values[11][11]) == (2.0, 5.0, None)
    assert found["size"] is None


@pytest.mark.parametrize("missing", [np.nan, np.inf])
def test_a_pixel_without_a_label_in_one_sample_has_the_mean_error_of_the_others(missing):
    errors = np.stack([np.full((2, 50), 1.0), np.full((2, 50), 3.0)])
    errors[0, 0, 0] = missing
    errors[:, 1, 49] = missing
    values = np.array(map_of(errors)["values"], float)
    assert values[0, 0] > 2  # the first block contains a pixel with the error 3
    np.testing.assert_allclose(values[1], 2)


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        (np.ones((2, 2, 2, 2)), r"got shape \(2, 2, 2, 2\)"),
        ("text", "got str"),
        (np.empty((0, 3)), "got shape"),
        (([(3.0, 4.0)], [1.0]), "divide x by the width"),
        (([(0.5, 0.5, 0.5)], [1.0]), "a pair of shapes"),
    ],
)
def test_errors_of_another_form_are_refused(errors, message):
    with pytest.raises(InputError, match=message):
        map_of(errors)


def test_costs_are_reported(outcome):
    assert outcome.costs.parameters == 2
    assert outcome[0].costs.parameters == 1  # one weight and a bias, and two coordinates
    assert "+100.0% parameters" in outcome[0].words
    assert outcome[0].costs.seconds > 0


def test_memory_is_measured_for_the_block():
    with peak_memory() as before:
        pass
    if before.bytes is None:
        pytest.skip("this system does not tell the peak of the memory of a process")
    # Memory of malloc may have been used before.
    with peak_memory() as peak, mmap.mmap(-1, 2**27) as block:
        for page in range(0, 2**27, mmap.PAGESIZE):
            block[page] = 1
    with peak_memory() as after:
        pass
    assert peak.bytes > before.bytes + 2**26
    assert after.bytes < peak.bytes - 2**26


def test_both_reports_have_all_parts(outcome):
    page, text = as_html(outcome, "A title"), as_markdown(outcome, "A title")
    for part in ("mirrored along axis 1", "left half", "peak memory" if "MiB" in text else "first"):
        assert part in page
        assert part in text
    assert page.count("<svg") == 2
    assert "<h2>Where arm first gains</h2>" in page


def test_a_map_of_signals_is_a_line(tmp_path):
    functions = UserFunctions(
        make, nothing, by_coordinates(1, 0), errors=lambda model: [1.0, 2.0, 3.0]
    )
    page = as_html(trial(functions, tmp_path, arms=["first"], seeds=1))
    assert page.count("<svg") == 2


def test_a_page_without_maps_or_scores_is_drawn(tmp_path):
    functions = UserFunctions(lambda: nn.Linear(2, 2), lambda model: None, lambda model: 0.0)
    outcome = trial(functions, tmp_path, arms=["first"], seeds=1)
    assert outcome.best is None
    assert as_html(outcome).count("<svg") == 1
