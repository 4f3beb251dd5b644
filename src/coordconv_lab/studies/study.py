"""What a study is: one question, and arms of runs that answer it together."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

from coordconv_lab.specs import ExperimentSpec


class Study(NamedTuple):
    """Runs that answer one question.

    Attributes:
        name: Of the study, and of its directory under results/.
        question: What it asks, in one sentence.
        arms: The runs to compare, by a name that says how they differ.
    """

    name: str
    question: str
    arms: Mapping[str, Sequence[ExperimentSpec]]

    @property
    def specs(self) -> list[ExperimentSpec]:
        """Every run once, the first of every arm first: cut short, it still compares."""
        return list({spec.id: spec for spec in self._in_turns()}.values())

    def _in_turns(self) -> Iterator[ExperimentSpec]:
        for turn in zip_longest(*self.arms.values()):
            yield from (spec for spec in turn if spec is not None)


def over_seeds(spec: ExperimentSpec, seeds: int) -> list[ExperimentSpec]:
    """The same spec with the seeds 0, 1, and so on."""
    return [spec.model_copy(update={"seed": seed}) for seed in range(seeds)]
