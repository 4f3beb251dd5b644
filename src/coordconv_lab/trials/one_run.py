"""Make, train and score one model of a trial."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.train.defaults import restored_defaults
from coordconv_lab.trials.ablation import MEAN_POSITION, changed_scores
from coordconv_lab.trials.arms import (
    PLAIN,
    Arm,
    digest_of_weights,
    has_coordinates,
    make_arm,
    parameters_of,
    uses_coordinates,
)
from coordconv_lab.trials.error_maps import map_of
from coordconv_lab.trials.functions import UserFunctions, takes
from coordconv_lab.trials.memory import peak_memory
from coordconv_lab.trials.mirror_watch import MirrorWatch
from coordconv_lab.trials.seeds import seed_all
from coordconv_lab.trials.store import Finished

__all__ = ["OTHER_WEIGHTS", "HiddenError", "OneRun", "UnusableArmError"]

OTHER_WEIGHTS = (
    "make() returned different weights for two arms with this seed; it must build a new model each "
    "time, and draw the weights with torch's random number generator"
)


class UnusableArmError(InputError):
    """An arm cannot be made or trained. The other arms are not affected."""


class HiddenError(RuntimeError):
    """The cause of this error is an error of the user's functions that might not be shown."""


class OneRun:
    """One arm with one seed.

    Args:
        functions: The functions that make, train and score the model.
        arm: The arm.
        seed: The seed.
        directory: The directory of finished runs, which is named in error messages.
        usage: Whether to also score the trained network with zero, mirrored and shuffled
            coordinates, and not only with the mean position at every pixel.
    """

    def __init__(
        self, functions: UserFunctions, arm: Arm, seed: int, directory: Path, usage: bool
    ) -> None:
        self.functions = functions
        self.arm = arm
        self.seed = seed
        self.directory = directory
        self.usage = usage

    @restored_defaults()
    def do(self, weights: str | None, watch: MirrorWatch) -> Finished:
        """Make, train and score the model.

        Args:
            weights: Digest of the initial weights of the other arms with this seed; None if it is
                unknown.
            watch: Detects mirrored training data.

        Raises:
            UnusableArmError: The arm cannot be made, its coordinates cannot be shuffled, or its
                trained model has no coordinates.
            InputError: The model without coordinates cannot be made, or training added coordinates
                to it.
            Exception: A function of the user raised an error, to which a note with the arm and the
                seed is added.
        """
        model, begun_with = self._made(weights)
        had_coordinates = has_coordinates(model)
        seed_all(self.seed)
        begun = time.monotonic()
        with (
            self._noted("training"),
            self.arm.positions(model, self.seed) as called,
            watch.training(self.arm, model),
            peak_memory() as peak,
        ):
            model = self._trained(model)
        seconds = time.monotonic() - begun
        self._check_called(called)
        self._check_trained(model, had_coordinates)
        warning = watch.warning_for(self.arm)
        parameters = parameters_of(model)
        with self._noted("scoring"), self.arm.positions(model, self.seed):
            score = self._score(model)
        errors, changed = None, None
        if math.isfinite(score):
            errors = self._errors(model)
            if self.arm.where is not None and not self.arm.is_shuffled:
                with self._noted("scoring with changed coordinates"):
                    changed = changed_scores(model, self._score, is_full=self.usage)
        return Finished(
            arm=self.arm.name,
            seed=self.seed,
            score=score if math.isfinite(score) else None,
            without_position=None if changed is None else changed.get(MEAN_POSITION),
            seconds=seconds,
            parameters=parameters,
            weights=begun_with,
            note="" if math.isfinite(score) else f"the score is {score}",
            changed=changed,
            memory=peak.bytes,
            errors=errors,
            warning=warning,
        )

    def _made(self, expected: str | None) -> tuple[Any, str]:
        """Return the model and a digest of its weights, which is "" if ``make`` takes ``where``."""
        seed_all(self.seed)
        try:
            with self._noted("making"):
                model = make_arm(self.arm, self.functions.make, self.functions.example)
            if takes(self.functions.make, "where"):
                return model, ""
            weights = digest_of_weights(model)
            if expected not in (None, weights):
                raise InputError(OTHER_WEIGHTS)
        except InputError as error:
            if self.arm.name == PLAIN:
                raise
            raise UnusableArmError(str(error)) from error
        return model, weights

    def _trained(self, model: Any) -> Any:
        train = self.functions.train
        trained = train(model, seed=self.seed) if takes(train, "seed") else train(model)
        if trained is None:
            return model
        if isinstance(model, nn.Module) and not isinstance(trained, nn.Module):
            raise TypeError(
                "train must return the trained model, or None if it trained the model in place; "
                f"got {type(trained).__name__}"
            )
        return trained

    def _check_called(self, called: set[nn.Module] | None) -> None:
        """Check that training called the layers of a shuffled arm with shuffled coordinates.

        Raises:
            UnusableArmError: No layer was called with shuffled coordinates.
        """
        if called is not None and not called:
            raise UnusableArmError(
                "train did not call the layers of this arm as modules, or trained a copy of the "
                "model, so the coordinates could not be shuffled; remove torch.compile, or remove "
                "this arm"
            )

    def _check_trained(self, model: Any, had_coordinates: bool) -> None:
        """Check that training neither removed nor added coordinates.

        Raises:
            UnusableArmError: The trained model has no coordinates, but the model had.
            InputError: The trained model of the arm without coordinates has coordinates.
        """
        if had_coordinates and not uses_coordinates(model):
            raise UnusableArmError(
                "the trained model has no coordinates; train must train the model that it is "
                "called with, and return this model or None, not a new model"
            )
        if self.arm.where is None and uses_coordinates(model):
            raise InputError(
                "train added coordinates to the model of the arm 'none'; it must not change the "
                "layers, because the trial adds the coordinates to the other arms"
            )

    def _score(self, model: Any) -> float:
        seed_all(self.seed)  # if ``score`` draws images, use the same images for all scores
        score = self.functions.score(model)
        try:
            return float(score)
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise TypeError(
                f"score must return one real number, got {in_short(score)} of type "
                f"{type(score).__name__}"
            ) from error

    def _errors(self, model: Any) -> dict[str, Any] | None:
        if self.functions.errors is None:
            return None
        seed_all(self.seed)
        with self._noted("computing the errors of"), self.arm.positions(model, self.seed):
            return map_of(self.functions.errors(model))

    @contextmanager
    def _noted(self, doing: str) -> Iterator[None]:
        """Add a note with the arm and the seed to errors of the user's functions.

        Raises:
            HiddenError: A function raised an error that the command line would shorten to one line
                as an error of its own, such as a missing file, or it ended the process.
        """
        note = (
            f"while {doing} the arm {self.arm.name!r} with seed {self.seed}; finished runs are "
            f"stored in {self.directory}"
        )
        try:
            yield
        except (OSError, UnicodeError, SystemExit) as error:
            error.add_note(note)
            raise HiddenError(f"{type(error).__name__}: {error}") from error
        except Exception as error:
            error.add_note(note)
            raise
