"""What a study is: one question, and arms of runs that answer it together."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from typing import NamedTuple

from coordconv_lab.errors import InputError
from coordconv_lab.specs import ExperimentSpec


class Study(NamedTuple):
    """Runs that answer one question.

    Attributes:
        name: Of the study, and of its directory under results/.
        question: What it asks, in one sentence.
        arms: The runs to compare, by a name that says how they differ.
        arm_by_arm: Whether an arm is finished before the next; else they are trained in turns, so
            that a study that is cut short still compares.
    """

    name: str
    question: str
    arms: Mapping[str, Sequence[ExperimentSpec]]
    arm_by_arm: bool = False

    def only(self, text: str) -> "Study":
        """The arms whose name holds a text.

        Raises:
            InputError: No arm's does.
        """
        arms = {name: specs for name, specs in self.arms.items() if text in name}
        if not arms:
            raise InputError(
                f"no arm of the study {self.name} has {text!r} in its name; there are "
                f"{'; '.join(self.arms)}"
            )
        return self._replace(arms=arms)

    @property
    def specs(self) -> list[ExperimentSpec]:
        """Every run once, in the order in which they are trained."""
        in_order = chain(*self.arms.values()) if self.arm_by_arm else self._in_turns()
        return list({spec.id: spec for spec in in_order}.values())

    def _in_turns(self) -> Iterator[ExperimentSpec]:
        for turn in zip_longest(*self.arms.values()):
            yield from (spec for spec in turn if spec is not None)


def over_seeds(spec: ExperimentSpec, seeds: int) -> list[ExperimentSpec]:
    """The same spec with the seeds 0, 1, and so on."""
    return [spec.model_copy(update={"seed": seed}) for seed in range(seeds)]
