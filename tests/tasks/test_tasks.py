"""Losses and scores against numbers worked out by hand, and laws that hold for every net."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from coordconv_lab.experiments.notsoclevr.data import NotSoClevr, square_images
from coordconv_lab.experiments.notsoclevr.networks import build
from coordconv_lab.experiments.notsoclevr.specs import CoordConvRenderer, DataSpec, DeconvRenderer
from coordconv_lab.experiments.notsoclevr.tasks import (
    Classification,
    Reconstruction,
    Regression,
    Rendering,
)
from coordconv_lab.train.evaluate import evaluate, evaluate_as_trained

CANVAS = (12, 20)
POINTS = torch.tensor([[4, 4], [15, 4], [9, 7]])
PERFECT = {"mean_iou": 1, "worst_iou": 1, "soft_iou": 1, "mean_absolute_error": 0}


class Answer(nn.Module):
    """A network that gives the same prediction for every point."""

    def __init__(self, answer: torch.Tensor) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, question: torch.Tensor) -> torch.Tensor:
        return self.answer[: len(question)]


def _logits_at(points: torch.Tensor) -> torch.Tensor:
    logits = torch.zeros(len(points), 1, *CANVAS)
    for index, (x, y) in enumerate(points.tolist()):
        logits[index, 0, y, x] = 30.0
    return logits


def test_the_loss_of_a_uniform_prediction_is_the_logarithm_of_the_number_of_pixels():
    loss = Classification(CANVAS).loss(Answer(torch.zeros(3, 1, *CANVAS)), POINTS)
    torch.testing.assert_close(loss.item(), math.log(12 * 20))


def test_a_classification_is_correct_if_the_largest_pixel_is_the_point():
    task, answered = Classification(CANVAS), POINTS.clone()
    answered[1] = torch.tensor([4, 5])
    predictions = task.read(task.ask(Answer(_logits_at(answered)), POINTS))
    assert predictions.tolist() == answered.tolist()
    scores = task.score(predictions, POINTS)
    assert scores["accuracy"].tolist() == [1, 0, 1]
    assert task.summarise(scores) == pytest.approx({"accuracy": 2 / 3})


def test_regression_counts_points_and_coordinates_after_rounding():
    task = Regression(CANVAS)
    answers = torch.tensor([[4.4, 3.6], [15.6, 4.0], [12.0, 11.0]])
    summary = task.summarise(task.score(answers, POINTS))
    assert summary["accuracy"] == pytest.approx(1 / 3)
    assert summary["coordinate_accuracy"] == pytest.approx(3 / 6)
    assert summary["mean_distance"] == pytest.approx((math.hypot(0.4, 0.4) + 0.6 + 5) / 3)
    assert summary["worst_distance"] == pytest.approx(5)


def test_the_regression_loss_is_the_mean_squared_error_in_square_pixels():
    answers = POINTS.float() + torch.tensor([3.0, 1.0])
    torch.testing.assert_close(Regression(CANVAS).loss(Answer(answers), POINTS).item(), 5.0)


def test_the_overlap_of_a_shifted_square_matches_a_calculation_by_hand():
    task = Rendering(CANVAS, square=3)
    shifted = square_images(POINTS + torch.tensor([1, 0]), CANVAS, 3)
    iou = task.score(shifted, POINTS)["iou"]
    torch.testing.assert_close(iou, torch.full((3,), 6 / 12))  # 2 x 3 shared of 3 x 4


def test_an_exact_image_scores_one_and_empty_and_full_images_score_their_overlap():
    task = Rendering(CANVAS, square=3)
    exact = square_images(POINTS, CANVAS, 3)
    assert task.summarise(task.score(exact, POINTS)) == PERFECT
    assert task.score(torch.zeros_like(exact), POINTS)["iou"].tolist() == [0, 0, 0]
    full = task.score(torch.ones_like(exact), POINTS)["iou"]
    torch.testing.assert_close(full, torch.full((3,), 9 / 240))


def test_the_scores_of_probabilities_match_sums_over_single_pixels():
    task, square = Rendering(CANVAS, square=3), 3
    painted = np.random.RandomState(0).uniform(size=(3, 1, *CANVAS)).astype(np.float32)
    soft, error = [], []
    for image, (x, y) in zip(painted, POINTS.tolist(), strict=True):
        smaller = larger = difference = 0.0
        for row, column in np.ndindex(CANVAS):
            p = float(image[0, row, column])
            t = float(abs(row - y) <= square // 2 and abs(column - x) <= square // 2)
            smaller, larger = smaller + min(p, t), larger + max(p, t)
            difference += abs(p - t)
        soft.append(smaller / larger)
        error.append(difference / (CANVAS[0] * CANVAS[1]))
    scores = task.score(torch.from_numpy(painted), POINTS)
    np.testing.assert_allclose(scores["soft_iou"], soft, rtol=1e-5)
    np.testing.assert_allclose(scores["absolute_error"], error, rtol=1e-5)
    summary = task.summarise(scores)
    assert summary["soft_iou"] == pytest.approx(np.mean(soft))
    assert summary["mean_absolute_error"] == pytest.approx(np.mean(error))


def test_a_gray_background_changes_the_scores_of_probabilities_but_not_the_iou():
    task = Rendering(CANVAS, square=3)
    exact = square_images(POINTS, CANVAS, 3)
    summary = task.summarise(task.score(exact.clamp(min=0.4), POINTS))
    assert (summary["mean_iou"], summary["worst_iou"]) == (1, 1)
    assert summary["soft_iou"] == pytest.approx(9 / (9 + 0.4 * (240 - 9)))
    assert summary["mean_absolute_error"] == pytest.approx(0.4 * (240 - 9) / 240)


def test_the_loss_of_probability_one_half_is_the_logarithm_of_two():
    loss = Rendering(CANVAS, square=3).loss(Answer(torch.zeros(3, 1, *CANVAS)), POINTS)
    torch.testing.assert_close(loss.item(), math.log(2))


@pytest.mark.parametrize(
    ("spec", "canvas"), [(CoordConvRenderer(), CANVAS), (DeconvRenderer(), (64, 64))]
)
def test_the_intermediate_loss_on_the_point_is_added_with_its_weight(spec, canvas):
    net = build(spec, canvas)
    plain = Rendering(canvas, 3).loss(net, POINTS)
    both = Rendering(canvas, 3, point_loss=0.5).loss(net, POINTS)
    found = Classification(canvas).loss(net.find, POINTS)
    torch.testing.assert_close(both, plain + 0.5 * found)


@pytest.mark.parametrize("count", [1, 15, 16, 17, 35])
def test_scores_cover_every_example_for_any_batch_size(count):
    from coordconv_lab.experiments.notsoclevr.networks import build
    from coordconv_lab.experiments.notsoclevr.specs import CoordConvRegressor
    from coordconv_lab.train.evaluate import evaluate

    points = NotSoClevr(DataSpec(canvas=CANVAS, square=5)).points[:count]
    task, net = Regression(CANVAS), build(CoordConvRegressor(), CANVAS)
    evaluation = evaluate(net, task, points)
    with torch.no_grad():
        at_once = task.read(task.ask(net, points))
    assert evaluation.predictions.shape == (count, 2)
    torch.testing.assert_close(evaluation.predictions, at_once)
    assert net.training


def test_the_input_and_the_target_of_reconstruction_are_the_square():
    """A net that passes on what it sees, as logits, is exact."""
    task = Reconstruction(CANVAS, square=3)
    net = nn.Module()
    net.forward = lambda images: (images - 0.5) * 40
    summary = task.summarise(task.score(task.read(task.ask(net, POINTS)), POINTS))
    assert summary == pytest.approx(PERFECT, abs=1e-6)
    assert task.loss(net, POINTS).item() < 1e-6


def test_a_network_with_batch_statistics_is_scored_in_the_order_of_its_points():
    points = NotSoClevr(DataSpec(canvas=CANVAS)).points
    task, net = Regression(CANVAS), nn.Module()
    batches = []

    def answer(images: torch.Tensor) -> torch.Tensor:
        pixel = images.flatten(1).argmax(dim=1)
        found = torch.stack((pixel % CANVAS[1], pixel // CANVAS[1]), dim=1)
        batches.append(found)
        return torch.where(found[:, :1] > 9, found, 0).float()

    net.forward = answer
    plain = evaluate(net, task, points, 8)
    neighbors = batches[0]
    batches.clear()
    mixed = evaluate_as_trained(net, task, points, 8)
    torch.testing.assert_close(mixed.predictions, plain.predictions)
    torch.testing.assert_close(mixed.scores["distance"], plain.scores["distance"])
    assert mixed.summary == pytest.approx(plain.summary)
    assert batches[0].tolist() != neighbors.tolist()
    batches.clear()
    sides = points[:, 0] + points[:, 1] < 20
    apart = evaluate_as_trained(net, task, points, 8, sides=sides)
    torch.testing.assert_close(apart.predictions, plain.predictions)
    assert apart.summary == pytest.approx(plain.summary)
    assert {len({bool(x + y < 20) for x, y in batch.tolist()}) for batch in batches} == {1}
