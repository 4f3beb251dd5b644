"""The course of a run: learned or not, early or late, kept or lost."""

import pytest

from coordconv_lab.experiments.notsoclevr.claims.positions import best_constant, constant_distance
from coordconv_lab.experiments.notsoclevr.claims.regressor import story_of
from coordconv_lab.results.curve import CurveRow
from coordconv_lab.results.record import Record
from tests.claims.virtual import committed


@pytest.fixture(scope="module")
def record() -> Record:
    return next(
        kept.record
        for kept in committed().values()
        if kept.record.spec.task == "regression" and kept.record.spec.data.split == "quadrant"
    )


def _ended(record: Record, accuracy: float, distance: float) -> Record:
    train = record.scores["train"] | {"accuracy": accuracy, "mean_distance": distance}
    return record.model_copy(update={"scores": {**record.scores, "train": train}})


def _curve(*scores: float) -> list[CurveRow]:
    return [CurveRow(epoch, epoch, score, score) for epoch, score in enumerate(scores, start=1)]


LATE = (*[0.1] * 11, 0.95)


@pytest.mark.parametrize(
    ("curve", "accuracy", "distance", "expected"),
    [
        ((0.1, 0.95, 0.95), 1.0, 0.1, ("kept", True, "closer")),
        ((0.1, 0.95, 0.1, 0.95), 0.9, 0.1, ("regained", True, "closer")),
        ((0.1, 0.95, 0.1), 0.9, 0.1, ("regained", True, "closer")),
        ((0.1, 0.2), 0.9, 0.1, ("kept", False, "closer")),
        ((0.1, 0.95, 0.0), 0.0, 20.2, ("lost", True, "at the mean")),
        ((0.1, 0.95, 0.5), 0.5, 1.0, ("lost", True, "closer")),
        ((*LATE, 0.0), 0.0, 20.2, ("lost", False, "at the mean")),
        ((0.1, 0.95, 0.0), 0.0, 19.6, ("lost", True, "closer")),
        ((0.1, 0.95, 0.0), 0.0, 20.9, ("lost", True, "farther")),
        (LATE, 0.95, 0.1, ("kept", False, "closer")),
        ((0.0, 0.0), 0.0, 20.2, ("never learned", False, "at the mean")),
        ((0.0, 0.89), 0.89, 0.4, ("never learned", False, "closer")),
    ],
)
def test_a_run_that_lost_its_accuracy_had_learned(record, curve, accuracy, distance, expected):
    assert story_of(_ended(record, accuracy, distance), _curve(*curve)) == expected


def test_the_mean_of_the_training_points_is_the_constant_with_the_least_squared_error():
    assert best_constant("uniform") == 31.5
    assert best_constant("quadrant") == pytest.approx(26.8333, abs=1e-4)
    assert constant_distance("quadrant", 31.5) > constant_distance("quadrant", 26.8333)
