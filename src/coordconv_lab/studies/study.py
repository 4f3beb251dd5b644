"""A study: a question, and the runs that answer it, grouped in arms (settings to compare)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from typing import NamedTuple

from coordconv_lab.errors import InputError
from coordconv_lab.recipes import with_settings
from coordconv_lab.specs import ExperimentSpec

TUNING_SEED = 1000
"""Seed of the runs for choosing settings. No other run has this seed."""


class Study(NamedTuple):
    """Runs that answer one question.

    Attributes:
        name: Name of the study, and of its directory under results/.
        question: The question, in one sentence.
        arms: The specs of each arm, by the name of the arm. The name of an arm says how it differs
            from the other arms.
        arm_by_arm: Whether to finish each arm before the next one starts. Otherwise, one run of
            each arm is trained in turn, so that arms can be compared even if the study is
            interrupted.
        replicates: Name of the study that this study repeats with new seeds, or None. The records
            of such a replication are not pooled with those of other studies.
    """

    name: str
    question: str
    arms: Mapping[str, Sequence[ExperimentSpec]]
    arm_by_arm: bool = False
    replicates: str | None = None

    def only(self, text: str) -> "Study":
        """Return the arms whose name contains a text.

        Raises:
            InputError: No name contains the text.
        """
        arms = {name: specs for name, specs in self.arms.items() if text in name}
        if not arms:
            raise InputError(
                f"no arm of the study {self.name} has {text!r} in its name; the arms are "
                f"{'; '.join(self.arms)}"
            )
        return self._replace(arms=arms)

    @property
    def specs(self) -> list[ExperimentSpec]:
        """Return every run once, in the order of training."""
        in_order = chain(*self.arms.values()) if self.arm_by_arm else self._in_turns()
        return list({spec.id: spec for spec in in_order}.values())

    def _in_turns(self) -> Iterator[ExperimentSpec]:
        for turn in zip_longest(*self.arms.values()):
            yield from (spec for spec in turn if spec is not None)


def over_seeds(spec: ExperimentSpec, seeds: int) -> list[ExperimentSpec]:
    """Return the spec with seeds 0, 1, and so on."""
    return [spec.model_copy(update={"seed": seed}) for seed in range(seeds)]


def over_rates(spec: ExperimentSpec, rates: Sequence[float]) -> list[ExperimentSpec]:
    """Return the spec with each learning rate, scored on the validation part of its data.

    Args:
        spec: A spec whose data have a setting ``held_out`` that can be "validation".
        rates: The learning rates.
    """
    changes = {"data.held_out": "validation", "seed": TUNING_SEED}
    return [with_settings(spec, changes | {"training.learning_rate": rate}) for rate in rates]


def row(task: str, split: str, model: str) -> str:
    """Return the name of the arm with the runs of a network on a task and a split."""
    return f"{task}, {split}, {model}"
