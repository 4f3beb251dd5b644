"""Search spaces: which settings vary, how they are sampled, and for which rows."""

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field, JsonValue, ValidationError, model_validator

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.recipes import family_of, recipe_names, spec_by_recipe, with_settings
from coordconv_lab.registry import registry
from coordconv_lab.specs import ExperimentSpec, explain
from coordconv_lab.specs.base import FrozenSpec
from coordconv_lab.studies.study import Study, row

MOST_RUNS = 100_000
"""Maximum number of runs in a list. A longer list is considered a mistake."""

# Integers up to this are exact in float64.
_LARGEST = 2.0**53


def _not_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number, not a boolean; in YAML, on and yes are booleans")
    return value


NotBoolean = BeforeValidator(_not_boolean)
"""Rejects True and False, which pydantic reads as the numbers 1 and 0."""


class Range(FrozenSpec):
    """A closed interval of numbers.

    Attributes:
        log: Whether random values and the values of a grid are spaced on a logarithmic scale.
        integer: Whether to allow only integers.
        steps: Number of values in a grid.
    """

    low: Annotated[float, NotBoolean]
    high: Annotated[float, NotBoolean]
    log: bool = False
    integer: bool = False
    steps: Annotated[int, Field(ge=2, le=1000), NotBoolean] | None = None

    @model_validator(mode="after")
    def _ends_in_order(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low must be less than high; got {self.low} and {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"low must be greater than 0 if log is true; got {self.low}")
        if self.integer and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError(
                f"low and high must be integers if integer is true; got {self.low} and {self.high}"
            )
        if max(abs(self.low), abs(self.high)) > _LARGEST:
            raise ValueError(f"low and high must be between -{_LARGEST:g} and {_LARGEST:g}")
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
        """Number of values in the range, or MOST_RUNS if they are not integers."""
        return int(self.high - self.low) + 1 if self.integer else MOST_RUNS

    def at(self, part: float) -> float | int:
        """Return the value at a fraction of the range, from 0 to 1."""
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
            value = float(f"{value:.6g}")  # round to readable values
        return type(value)(min(max(value, self.low), self.high))

    def grid(self) -> list[float | int]:
        """Return evenly spaced values, without duplicates after rounding.

        Raises:
            InputError: ``steps`` is not set.
        """
        if self.steps is None:
            raise InputError("a range in a grid needs steps, the number of values")
        parts = [step / (self.steps - 1) for step in range(self.steps)]
        if self.integer and not self.log:
            return list(dict.fromkeys(round(self.low + p * (self.high - self.low)) for p in parts))
        return list(dict.fromkeys(self.at(part) for part in parts))


def _as_setting(value: Any) -> Any:
    """Check that a value can be a setting, before pydantic tries both types."""
    is_range = isinstance(value, Range) or (
        isinstance(value, dict) and value.keys() & {"low", "high"}
    )
    if not isinstance(value, list) and not is_range:
        raise ValueError(
            "must be a list of values, such as [1, 2], or a range with low and high; write paths "
            f"with dots as one key, in quotes in TOML; got {in_short(value)}"
        )
    if isinstance(value, dict):
        try:
            return Range.model_validate(value)
        except ValidationError as error:  # do not also report why it is not a list
            raise ValueError(explain(error)) from error
    return value


Setting = Annotated[Range | list[JsonValue], BeforeValidator(_as_setting)]
"""A range, or a list of values."""


def one_or_more(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return a name or tuple of names as a tuple."""
    return (value,) if isinstance(value, str) else value


class RowChoice(FrozenSpec):
    """Rows of a space: the recipe to start from, and additional settings for these rows.

    Attributes:
        recipe: Name of the recipe, which gives all settings that the space does not vary. By
            default, the first recipe of the experiment, which is "tuned" for Not-so-Clevr.
        task: A task of the recipe.
        split: One split or several. By default, all splits.
        model: A family of networks such as "coordconv" or "baseline", a kind of network, or a tuple
            of these. By default, the main network of the task.
        settings: Settings that vary only in these rows, by dotted path.
    """

    recipe: str | None = None
    task: str
    split: str | Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    model: str | Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    settings: Mapping[str, Setting] = {}

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        experiment = registry().experiment_of(self.task)
        for what, names, known in (
            ("split", self.splits, experiment.splits),
            ("recipe", one_or_more(self.recipe or ()), recipe_names(self.task)),
        ):
            if unknown := [name for name in names if name not in known]:
                raise ValueError(
                    f"{what}: the task {self.task} has {' or '.join(map(repr, known))}; "
                    f"got {unknown[0]!r}"
                )
        return self

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits of the rows."""
        return one_or_more(self.split or registry().experiment_of(self.task).splits)


class Row(NamedTuple):
    """A row: its base spec, and the settings to vary."""

    name: str
    base: ExperimentSpec
    settings: Mapping[str, Setting]

    def admits(self, values: object) -> bool:
        """Whether the space of this row contains these values of its settings."""
        return (
            isinstance(values, dict)
            and values.keys() == self.settings.keys()
            and all(values[path] in setting for path, setting in self.settings.items())
        )

    def trials(self, space: "Space") -> int:
        """Return how many settings a search tries in this row, at most the size of the space."""
        counts = [
            len(setting) if isinstance(setting, list) else setting.count
            for setting in self.settings.values()
        ]
        return min(space.trials or 0, math.prod(counts))


class Space(FrozenSpec):
    """A search space, as described by a file.

    Attributes:
        name: Name of the sweep and of the directory of its runs.
        question: The question that the sweep answers, which tables show.
        search: How settings are chosen. "grid" tries every combination, "random" samples `trials`
            combinations, and "optuna" proposes `trials` combinations based on earlier results.
        trials: Number of combinations per row; None for a grid.
        seed: Seed of the sampled settings.
        seeds: Number of runs of each setting, with the seeds 0, 1, and so on.
        rows: The rows to train.
        settings: Settings that vary in every row, by dotted path. Each is a list of values or a
            range.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    question: str = "Which settings are best?"
    search: Literal["grid", "random", "optuna"] = "grid"
    trials: Annotated[int, Field(ge=1, le=MOST_RUNS), NotBoolean] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31), NotBoolean] = 0
    seeds: Annotated[int, Field(ge=1, le=1000), NotBoolean] = 1
    rows: Annotated[tuple[RowChoice, ...], Field(min_length=1)]
    settings: Mapping[str, Setting] = {}

    @model_validator(mode="after")
    def _trials_where_they_count(self) -> Self:
        if (self.search == "grid") != (self.trials is None):
            raise ValueError(
                f"trials must be set for random and optuna, but not for grid; got {self.trials} "
                f"for {self.search}"
            )
        if self.search == "optuna" and self.seeds > 1:
            raise ValueError("optuna trains each setting once; remove seeds or set it to 1")
        for settings in (self.settings, *(choice.settings for choice in self.rows)):
            if "seed" in settings:
                raise ValueError(
                    "seed cannot be one of the settings; set seeds, the number of runs per setting"
                )
            for path, key in (("task", "task"), ("data.split", "split")):
                if path in settings:
                    raise ValueError(
                        f"{path} cannot be one of the settings, because recipes depend on it; "
                        f"write a row with another {key}"
                    )
            for path, setting in settings.items():
                if isinstance(setting, list) and not setting:
                    raise ValueError(f"{path} has no values")
                if "." not in path and any(isinstance(value, dict) for value in setting):
                    raise ValueError(
                        f"{path}: expected the values of one setting, got a group of settings, "
                        "whose other settings would lose the values of the recipe; write one key "
                        "for each setting, such as training.epochs"
                    )
                if isinstance(setting, Range) and self.search == "grid" and setting.steps is None:
                    raise ValueError(f"{path}: a range in a grid needs steps, the number of values")
        return self

    def listed_rows(self) -> list[Row]:
        """Return every row with the settings that vary in it.

        Raises:
            InputError: A recipe does not have the task, the task does not have the model, or a row
                occurs twice.
        """
        found: dict[str, Row] = {}
        for choice in self.rows:
            models = one_or_more(choice.model or family_of(choice.task, None))
            for split, model in product(choice.splits, models):
                base = spec_by_recipe(choice.task, split, model, recipe=choice.recipe)
                name = row(choice.task, split, family_of(choice.task, model))
                if name in found:
                    raise InputError(f"the row {name} occurs twice in the space {self.name}")
                found[name] = Row(name, base, {**self.settings, **choice.settings})
        return list(found.values())


def listed(space: Space) -> Study:
    """Return all runs of a grid or of a random search.

    A sampled value depends only on the seed, the number of the sample and the name of the setting.
    All rows therefore have the same values, and adding trials or settings does not change existing
    values.

    Raises:
        InputError: A setting does not exist, a value is not valid, or there are too many runs.
    """
    arms: dict[str, list[ExperimentSpec]] = {}
    rows = space.listed_rows()
    _check_length(space, rows)
    for one in rows:
        chosen = _grid(one) if space.search == "grid" else _draws(space, one)
        arms.setdefault(one.name, [])
        for settings, seed in product(chosen, range(space.seeds)):
            spec = with_settings(one.base, {**settings, "seed": seed})
            same = spec.model_name == one.base.model_name or "model.kind" not in settings
            name = one.name if same else row(spec.task, spec.data.split, spec.model_name)
            arms.setdefault(name, []).append(spec)
    arms = {name: list({spec.id: spec for spec in specs}.values()) for name, specs in arms.items()}
    return Study(space.name, space.question, arms)


def _grid(one: Row) -> Iterator[dict[str, Any]]:
    for combination in product(*_grid_values(one)):
        yield dict(zip(one.settings, combination, strict=True))


def _grid_values(one: Row) -> list[list[Any]]:
    return [s.grid() if isinstance(s, Range) else s for s in one.settings.values()]


def _check_length(space: Space, rows: Sequence[Row]) -> None:
    """Check the number of runs before they are created.

    Raises:
        InputError: There are more than MOST_RUNS.
    """
    settings = [
        space.trials or math.prod(len(values) for values in _grid_values(one)) for one in rows
    ]
    count = sum(settings) * space.seeds
    if count > MOST_RUNS:
        raise InputError(
            f"the space {space.name} has {count:,} runs; at most {MOST_RUNS:,} are allowed; reduce "
            "the number of values or seeds, or set search to random"
        )


def _draws(space: Space, one: Row) -> Iterator[dict[str, Any]]:
    for number in range(space.trials or 0):
        yield {path: _draw(space.seed, number, path, s) for path, s in one.settings.items()}


def _draw(seed: int, number: int, path: str, setting: Setting) -> Any:
    drawn = random.Random(f"{seed} {number} {path}")
    return setting.at(drawn.random()) if isinstance(setting, Range) else drawn.choice(setting)


def described(settings: Mapping[str, Any]) -> str:
    """Format settings in one line, such as "learning_rate 0.01, width 2"."""
    return ", ".join(
        f"{path.rsplit('.', 1)[-1]} {value if isinstance(value, str) else json.dumps(value)}"
        for path, value in settings.items()
    )
