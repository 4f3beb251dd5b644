"""Descriptor of the main table of an experiment, for the command ``reproduce``."""

from dataclasses import dataclass

from coordconv_lab.errors import InputError
from coordconv_lab.registry.references import Reference


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """The main table of an experiment, which is a table of tasks or a table of questions.

    A table of tasks shows runs with and without coordinates for each task and split, with the
    settings of a recipe. A table of questions shows the gain from coordinates for each question,
    with an interval, computed from the arms of a study.

    Attributes:
        tasks: Names of the tasks, in the order of the table.
        questions: Reference to a function that returns `coordconv_lab.claims.usefulness.Question`
            objects.
        seeds: Default number of seeds of each run.
        summary: Reference to a function that is called with the records and returns the rows of
            summary.json, each a dictionary. By default, a row has the cost and all scores of a run.
        show: Reference to a function that is called with the records and prints the table of tasks.
            By default, a row has the cost and the main score of a run.

    Raises:
        InputError: Neither ``tasks`` nor ``questions`` is set, or both are set.
    """

    tasks: tuple[str, ...] = ()
    questions: Reference | None = None
    seeds: int = 1
    summary: Reference | None = None
    show: Reference | None = None

    def __post_init__(self) -> None:
        if bool(self.tasks) == (self.questions is not None):
            raise InputError(
                "a Reproduction needs either tasks, the names of tasks in order, or questions; "
                f"got {'both' if self.tasks else 'neither'}"
            )
        if self.show and self.questions is not None:
            raise InputError("show is only for a Reproduction of tasks, but this one has questions")
        if self.seeds < 1:
            raise InputError(f"a Reproduction needs at least 1 seed; got {self.seeds}")
