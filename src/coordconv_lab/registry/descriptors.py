"""Descriptors of experiments, tasks, networks and plug-ins, which do not import torch.

Code that needs torch is given as a reference. A reference is a function, or a string "module:name",
which is imported when the function is first used.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.registry.references import Reference
from coordconv_lab.registry.reproduction import Reproduction

NAME = "^[a-z][a-z0-9-]{0,63}$"
"""Pattern of the names of experiments, tasks and plug-ins, which are used in directory names."""

SCORE_NAME = "^[a-z][a-z0-9_]{0,63}$"
"""Pattern of the names of scores, which are printed on pages and in terminals."""


def checked_name(name: object, what: str, pattern: str = NAME) -> None:
    """Check that a name can be used in directories, pages and commands.

    Raises:
        InputError: The name is not allowed.
    """
    if not isinstance(name, str) or not re.fullmatch(pattern, name):
        raise InputError(
            f"the name of {what} must match {pattern}, starting with a lower-case letter; got "
            f"{in_short(name)}"
        )


@dataclass(frozen=True, kw_only=True)
class Score:
    """A score of a task.

    Attributes:
        name: Name in the records.
        low: Smallest possible value.
        high: Largest possible value.
        required: Whether every record has this score. False if older records do not have it.
        percent: Whether the score is printed in percent.
        label: Name in the table of a report, where the score is shown below the main score. Without
            a label, the table does not show the score.
        is_error: Whether lower is better.
    """

    name: str
    low: float = 0.0
    high: float = 1.0
    required: bool = True
    percent: bool = False
    label: str = ""
    is_error: bool = False

    @property
    def is_share(self) -> bool:
        """Whether the values are between 0 and 1."""
        return (self.low, self.high) == (0.0, 1.0)

    def fault(self, value: float) -> str | None:
        """Return why a value is impossible, or None if it is possible.

        Scores without bounds can be infinite or NaN.
        """
        if math.isinf(self.high):
            return f"below {self.low:g}" if value < self.low else None
        bounds = f"[{self.low:g}, {self.high:g}]"
        return None if self.low <= value <= self.high else f"that is not in {bounds}"


def distance(name: str, label: str = "") -> Score:
    """Return a score from 0 to infinity, such as a distance."""
    return Score(name=name, high=math.inf, label=label, is_error=True)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task of an experiment.

    Attributes:
        name: Name in specs and commands, which no other task has.
        scores: Scores of a record. The first is the main score, which must be between 0 and 1, and
            is better if it is higher.
        solved: Minimum main score for the task to count as solved.
        baseline: Family of the networks that are the baseline.
        make: Reference to a function ``(spec, data)`` that returns the loss and the scores as an
            object like `coordconv_lab.objective.Objective`.
        label: Name in reports. By default, ``name`` with a capital first letter.
        network: Family of the networks that the experiment is about. By default, the family of the
            first network of the task.
        learned_by: Kinds of networks that can learn the task, in addition to networks that list it
            in their ``tasks``.
        inputs: Description of the input of the networks, for the card of a shared network.
        outputs: Description of the output of the networks.
        example: Reference to a function ``(spec)`` that returns the network's input for one
            example. By default, the input for the first example of the data.
    """

    name: str
    scores: tuple[Score, ...]
    solved: float
    baseline: str
    make: Reference
    label: str = ""
    network: str = ""
    learned_by: tuple[str, ...] = ()
    inputs: str = "one batch of examples"
    outputs: str = "one prediction per example"
    example: Reference | None = None

    def __post_init__(self) -> None:
        checked_name(self.name, "a task")
        for score in self.scores:
            checked_name(score.name, f"a score of the task {self.name}", SCORE_NAME)
        if not self.scores or not self.scores[0].is_share or not self.scores[0].required:
            raise InputError(
                f"the task {self.name} needs a main score: the first score must be between 0 and 1 "
                "and required; to derive one from an error, use a function such as exp(-error)"
            )
        if not 0 <= self.solved <= 1:
            raise InputError(f"{self.name}.solved must be between 0 and 1; got {self.solved}")

    @property
    def main_score(self) -> Score:
        """The score that tables, curves and sweeps compare."""
        return self.scores[0]

    @property
    def title(self) -> str:
        """Name in reports."""
        return self.label or self.name[:1].upper() + self.name[1:].replace("-", " ")


@dataclass(frozen=True, kw_only=True)
class Network:
    """A kind of network.

    Attributes:
        spec: Class of the settings, a subclass of `coordconv_lab.specs.NetworkSpec`.
        build: Reference to a function ``(spec, data_spec)`` that returns a ``torch.nn.Module``
            with initial weights from torch's current random state.
        tasks: Names of the tasks that the network can learn.
    """

    spec: type[Any]
    build: Reference
    tasks: tuple[str, ...]

    def __post_init__(self) -> None:
        field = self.spec.model_fields.get("kind")
        name = None if field is None else field.default
        checked_name(name, f"the network {self.spec.__name__} (the default of its field kind)")
        if get_args(field and field.annotation) != (name,):
            raise InputError(
                f"{self.spec.__name__}.kind must have the type Literal[{name!r}] and that default"
            )

    @property
    def kind(self) -> str:
        """Name in specs, which no other network has."""
        return self.spec.model_fields["kind"].default


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A data set with its tasks, networks, recipes, studies and claims.

    Attributes:
        name: Name of the experiment.
        title: Title in reports.
        data: Class of the settings of the data, a subclass of `coordconv_lab.specs.DatasetSpec`.
        load: Reference to a function ``(data_spec, device)`` that returns the data as an object
            like `coordconv_lab.examples.Data`.
        tasks: Tasks of the experiment.
        training: Class of the training settings; None for `coordconv_lab.specs.TrainingSpec`.
        check: Reference to a function that raises ValueError for an `ExperimentSpec` whose parts do
            not fit together.
        recipes: References to functions ``(task, split, model, seed)`` that return a spec, by the
            name of the recipe. The first recipe is the default.
        studies: Reference to a function that returns a mapping from names to functions, each of
            which returns a `coordconv_lab.studies.Study`.
        sweeps: Like `studies`, for sweeps that are not studies.
        claims: Reference to a function that returns `coordconv_lab.claims.Claim` objects.
        reproduction: The main table of the experiment, which the command ``reproduce`` trains and
            prints; None if there is no main table.
        names: Names in reports, by family of networks.
        about: One or two sentences on the data, for the card of a shared network.
        panels: Reference to a function that returns the `coordconv_lab.report.panels.Panels` that
            only this experiment adds to reports.
    """

    name: str
    title: str
    data: type[Any]
    load: Reference
    tasks: tuple[Task, ...]
    training: type[Any] | None = None
    check: Reference | None = None
    recipes: Mapping[str, Reference] = field(default_factory=dict)
    studies: Reference | None = None
    sweeps: Reference | None = None
    claims: Reference | None = None
    reproduction: Reproduction | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    panels: Reference | None = None

    def __post_init__(self) -> None:
        checked_name(self.name, "an experiment")
        own = [task.name for task in self.tasks]
        for name in self.reproduction.tasks if self.reproduction else ():
            if name not in own:
                raise InputError(
                    f"the reproduction of the experiment {self.name} names the task "
                    f"{in_short(name)}, but the tasks are {', '.join(own)}"
                )

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits of the data."""
        field = self.data.model_fields["split"]
        return get_args(field.annotation) or (field.default,)


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """Experiments, networks and tasks from a file or an installed package.

    Attributes:
        name: Name in the records of runs that use the plug-in.
        version: Version in these records. Change it whenever results change.
        experiments: New experiments.
        networks: New networks, also for tasks of other experiments.
        tasks: New tasks of existing experiments, by the name of the experiment.
        built_in: Whether the plug-in is part of this package.
    """

    name: str
    version: str
    experiments: tuple[Experiment, ...] = ()
    networks: tuple[Network, ...] = ()
    tasks: Mapping[str, tuple[Task, ...]] = field(default_factory=dict)
    built_in: bool = False

    def __post_init__(self) -> None:
        checked_name(self.name, "a plug-in")
        if not isinstance(self.version, str) or not self.version:
            raise InputError(
                f'the version of the plug-in {self.name} must be a text such as "1.0"; got '
                f"{in_short(self.version)}"
            )
