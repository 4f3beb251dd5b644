"""Descriptor of the main table of an experiment, for the command ``reproduce``."""

from dataclasses import dataclass

from coordconv_lab.errors import InputError
from coordconv_lab.registry.references import Reference


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """The main table of an experiment: either of its tasks or of its questions.

    A table of tasks has every split, each with and without coordinates, by the recipes. A table of
    questions has their gains with intervals, from the arms of their studies.

    Attributes:
        tasks: Names of the tasks, in the order of the table.
        questions: Reference to a function that returns `coordconv_lab.claims.usefulness.Question`
            objects.
        seeds: Number of seeds of each run, by default.
        summary: Reference to a function of records that returns the rows of summary.json, each a
            dictionary; by default the cost and all scores of each run.
        show: Reference to a function of records that prints the table of tasks; by default the cost
            and the main score of each run.

    Raises:
        InputError: There are neither tasks nor questions, or both.
    """

    tasks: tuple[str, ...] = ()
    questions: Reference | None = None
    seeds: int = 1
    summary: Reference | None = None
    show: Reference | None = None

    def __post_init__(self) -> None:
        if bool(self.tasks) == (self.questions is not None):
            raise InputError(
                "a Reproduction needs the names of its tasks, in their order, or its questions; "
                f"got {'both' if self.tasks else 'neither'}"
            )
        if self.show and self.questions is not None:
            raise InputError("show is for a Reproduction of tasks; this one has questions")
        if self.seeds < 1:
            raise InputError(f"a Reproduction needs 1 seed or more; got {self.seeds}")
