"""Search spaces of one's own: which settings, which of them to try, and in which rows."""

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, JsonValue, model_validator

from coordconv_lab.errors import InputError
from coordconv_lab.recipes import RECIPES, with_settings
from coordconv_lab.specs import BASELINE, ExperimentSpec, SplitName, TaskName
from coordconv_lab.specs.base import FrozenSpec
from coordconv_lab.studies.rows import SPLITS, row
from coordconv_lab.studies.study import Study

MOST_RUNS = 100_000
"""A longer list is taken for a slip."""

# Up to here every whole number is a float.
_LARGEST = 2.0**53


class Range(FrozenSpec):
    """Numbers between two ends, both among them.

    Attributes:
        log: Whether to draw, or to divide, on a logarithmic scale.
        integer: Whole numbers alone.
        steps: How many values a grid takes of it.
    """

    low: float
    high: float
    log: bool = False
    integer: bool = False
    steps: Annotated[int, Field(ge=2, le=1000)] | None = None

    @model_validator(mode="after")
    def _ends_in_order(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low must be less than high; got {self.low} and {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic range starts above 0; got low {self.low}")
        if self.integer and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError(f"low and high must be whole; got {self.low} and {self.high}")
        if max(abs(self.low), abs(self.high)) > _LARGEST:
            raise ValueError(f"low and high must be within {_LARGEST:g} of 0")
        return self

    def __contains__(self, value: object) -> bool:
        return (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and (not self.integer or float(value).is_integer())
        )

    @property
    def count(self) -> int:
        """How many values it has; very many, where they are not whole."""
        return int(self.high - self.low) + 1 if self.integer else MOST_RUNS

    def at(self, part: float) -> float | int:
        """The value at a part of the way, from 0 to 1."""
        if self.integer and not self.log:
            return min(math.floor(self.low + part * (self.high - self.low + 1)), int(self.high))
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        between = low + part * (high - low)
        value = math.exp(between) if self.log else between
        if part in (0, 1):
            value = self.high if part else self.low
        if self.integer:
            value = round(value)
        elif 0 < part < 1 and self.high - self.low > 1e-3 * max(abs(self.low), abs(self.high)):
            value = float(f"{value:.6g}")  # enough digits, and not too many to read
        return type(value)(min(max(value, self.low), self.high))

    def grid(self) -> list[float | int]:
        """Its values in a grid, evenly spaced, without those that rounding makes twice.

        Raises:
            InputError: It has no steps.
        """
        if self.steps is None:
            raise InputError("a range in a grid needs steps, the number of its values")
        parts = [step / (self.steps - 1) for step in range(self.steps)]
        if self.integer and not self.log:
            return list(dict.fromkeys(round(self.low + p * (self.high - self.low)) for p in parts))
        return list(dict.fromkeys(self.at(part) for part in parts))


Setting = Range | list[JsonValue]
"""A range, or the values to choose from."""


def one_or_more(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """A name as a tuple of names."""
    return (value,) if isinstance(value, str) else value


class RowChoice(FrozenSpec):
    """Rows of the tables: a recipe to start from, and settings that these rows alone have.

    Attributes:
        recipe: Whose settings hold where the space has none.
        task: One task that the recipe has.
        split: One split or several.
        model: "coordconv", "baseline", or several.
        settings: By dotted path.
    """

    recipe: Literal["tuned", "tutorial", "tutorial_text", "paper"] = "tuned"
    task: TaskName
    split: SplitName | Annotated[tuple[SplitName, ...], Field(min_length=1)] = SPLITS
    model: str | Annotated[tuple[str, ...], Field(min_length=1)] = "coordconv"
    settings: Mapping[str, Setting] = {}


class Row(NamedTuple):
    """One row: its recipe as a spec, and the settings to vary."""

    name: str
    base: ExperimentSpec
    settings: Mapping[str, Setting]

    def admits(self, values: object) -> bool:
        """Whether some values of settings are of this row's space."""
        return (
            isinstance(values, dict)
            and values.keys() == self.settings.keys()
            and all(values[path] in setting for path, setting in self.settings.items())
        )

    def trials(self, space: "Space") -> int:
        """How many settings a search tries in this row: no more than there are."""
        counts = [
            len(setting) if isinstance(setting, list) else setting.count
            for setting in self.settings.values()
        ]
        return min(space.trials or 0, math.prod(counts))


class Space(FrozenSpec):
    """A search space, as a file describes it.

    Attributes:
        name: Of the sweep; its runs are kept in a directory of this name.
        question: What it asks, for its readers.
        search: "grid" tries every combination, "random" draws `trials` of them, "optuna" proposes
            `trials` by what came of those before.
        trials: How many settings of each row, unless it is a grid.
        seed: Draws the settings.
        seeds: How often each setting is trained, with the seeds 0, 1, and so on.
        rows: What is trained.
        settings: What varies in every row, by dotted path: a list of values, or a range.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    question: str = "Which settings are best?"
    search: Literal["grid", "random", "optuna"] = "grid"
    trials: Annotated[int, Field(ge=1, le=MOST_RUNS)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    seeds: Annotated[int, Field(ge=1, le=1000)] = 1
    rows: Annotated[tuple[RowChoice, ...], Field(min_length=1)]
    settings: Mapping[str, Setting] = {}

    @model_validator(mode="after")
    def _trials_where_they_count(self) -> Self:
        if (self.search == "grid") != (self.trials is None):
            raise ValueError(
                f"trials must be given for random and optuna, and not for grid; got {self.trials} "
                f"for {self.search}"
            )
        if self.search == "optuna" and self.seeds > 1:
            raise ValueError("optuna scores one run of a setting; leave seeds at 1")
        for settings in (self.settings, *(choice.settings for choice in self.rows)):
            if "seed" in settings:
                raise ValueError("seed is no setting: seeds says how often each one is trained")
            for path, setting in settings.items():
                if isinstance(setting, list) and not setting:
                    raise ValueError(f"{path} has no values")
                if isinstance(setting, Range) and self.search == "grid" and setting.steps is None:
                    raise ValueError(f"{path}: a range in a grid needs steps")
        return self

    def listed_rows(self) -> list[Row]:
        """Every row, with what varies in it.

        Raises:
            InputError: A recipe has no such task, the task no such model, or two rows are the same.
        """
        found: dict[str, Row] = {}
        for choice in self.rows:
            for split, model in product(one_or_more(choice.split), one_or_more(choice.model)):
                base = RECIPES[choice.recipe](choice.task, split, model)  # pyright: ignore[reportArgumentType]
                net = BASELINE[choice.task] if model == "baseline" else model
                name = row(choice.task, split, net)
                if name in found:
                    raise InputError(f"the row {name} stands twice in the space {self.name}")
                found[name] = Row(name, base, {**self.settings, **choice.settings})
        return list(found.values())


def listed(space: Space) -> Study:
    """All runs of a grid, or of settings drawn at random.

    A drawn value follows from the seed, the number of the draw and the name of the setting alone:
    the rows are asked with the same values, and more trials, or one more setting, change none.

    Raises:
        InputError: A setting does not exist, a value is not valid, or there are too many runs.
    """
    arms: dict[str, list[ExperimentSpec]] = {}
    rows = space.listed_rows()
    _check_length(space, rows)
    for one in rows:
        chosen = _grid(one) if space.search == "grid" else _draws(space, one)
        specs = [
            with_settings(one.base, {**settings, "seed": seed})
            for settings in chosen
            for seed in range(space.seeds)
        ]
        arms[one.name] = list({spec.id: spec for spec in specs}.values())
    return Study(space.name, space.question, arms)


def _grid(one: Row) -> Iterator[dict[str, Any]]:
    for combination in product(*_grid_values(one)):
        yield dict(zip(one.settings, combination, strict=True))


def _grid_values(one: Row) -> list[list[Any]]:
    return [s.grid() if isinstance(s, Range) else s for s in one.settings.values()]


def _check_length(space: Space, rows: Sequence[Row]) -> None:
    """Refuse a list that is too long to be meant, before it is made.

    Raises:
        InputError: It is.
    """
    settings = [
        space.trials or math.prod(len(values) for values in _grid_values(one)) for one in rows
    ]
    count = sum(settings) * space.seeds
    if count > MOST_RUNS:
        raise InputError(
            f"the space {space.name} has {count:,} runs, more than {MOST_RUNS:,}; give fewer "
            "values or seeds, or search at random"
        )


def _draws(space: Space, one: Row) -> Iterator[dict[str, Any]]:
    for number in range(space.trials or 0):
        yield {path: _draw(space.seed, number, path, s) for path, s in one.settings.items()}


def _draw(seed: int, number: int, path: str, setting: Setting) -> Any:
    drawn = random.Random(f"{seed} {number} {path}")
    return setting.at(drawn.random()) if isinstance(setting, Range) else drawn.choice(setting)


def described(settings: Mapping[str, Any]) -> str:
    """Settings in one line, such as "learning_rate 0.01, width 2"."""
    return ", ".join(
        f"{path.rsplit('.', 1)[-1]} {value if isinstance(value, str) else json.dumps(value)}"
        for path, value in settings.items()
    )
