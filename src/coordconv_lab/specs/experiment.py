"""The complete description of a run, and how it is read from JSON."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.registry import registry, resolve
from coordconv_lab.specs.base import DatasetSpec, FrozenSpec
from coordconv_lab.specs.explanation import explain
from coordconv_lab.specs.training import TrainingSpec

SPEC_VERSION = 1

PART_OF_RUN_NAME = "[A-Za-z0-9][A-Za-z0-9 ._+-]{0,63}"
"""Pattern of the names of splits and families of networks."""


def _known_task(name: str) -> str:
    """Check that the task exists in an experiment.

    Raises:
        ValueError: There is no such task.
    """
    registry().task(name)
    return name


def _default_data(fields: dict[str, Any]) -> DatasetSpec:
    # If the task is not valid, the error about the task is reported instead.
    return registry().experiment_of(fields["task"]).data() if "task" in fields else DatasetSpec()


def _data_of_task(value: Any, info: ValidationInfo) -> Any:
    if "task" not in info.data:
        return value
    return registry().experiment_of(info.data["task"]).data.model_validate(value)


def _training_of_task(value: Any, info: ValidationInfo) -> Any:
    if "task" not in info.data:
        return value
    kind = registry().experiment_of(info.data["task"]).training or TrainingSpec
    if isinstance(value, TrainingSpec) and not isinstance(value, kind):
        value = value.model_dump(exclude_unset=True)
    return kind.model_validate(value)


def _known_network(value: Any) -> Any:
    known = registry()
    kind = value.get("kind") if isinstance(value, Mapping) else None
    if isinstance(kind, str) and kind not in known.networks:
        raise ValueError(known.unknown("network", kind, known.networks))
    if isinstance(kind, str):  # validate with this class, so that errors name the settings
        return known.networks[kind].spec.model_validate(value)
    return known.network_adapter.validate_python(value)


class ExperimentSpec(FrozenSpec):
    """One training run: task, data, network, training settings and seed.

    The task determines the experiment, which determines the classes of ``data`` and ``training``.
    The kind of network determines the class of ``model``. The registry contains all these classes.
    """

    version: Literal[1] = SPEC_VERSION
    task: Annotated[str, AfterValidator(_known_task)]
    data: Annotated[Any, PlainValidator(_data_of_task), Field(default_factory=_default_data)]
    model: Annotated[Any, PlainValidator(_known_network)]
    training: Annotated[Any, PlainValidator(_training_of_task)]
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed of the initial weights and of the order of the batches."""

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        known = registry()
        kinds = [network.kind for network in known.networks_of(self.task)]
        if self.model.kind not in kinds:
            raise ValueError(
                f"the {self.task} task takes a model of kind {', '.join(kinds)}; "
                f"got {self.model.kind}"
            )
        if self.model.is_trained != (self.training.epochs > 0):
            raise ValueError(
                "training.epochs must be 0 for a hand-built network and at least 1 for others; got "
                f"{self.training.epochs} for a model of kind {self.model.kind}"
            )
        for what, name in (("split", self.data.split), ("family of the network", self.model_name)):
            if not re.fullmatch(PART_OF_RUN_NAME, str(name)):
                raise ValueError(
                    f"the name of the {what} must match {PART_OF_RUN_NAME}, because it is part of "
                    f"the name of a directory; got {in_short(name)}"
                )
        check = known.experiment_of(self.task).check
        if check is not None:
            resolve(check)(self)
        return self

    @property
    def model_name(self) -> str:
        """The family of the network, such as coordconv, deconv or conv."""
        return self.model.family

    @property
    def id(self) -> str:
        """The first 12 hexadecimal digits of the sha256 of this spec's canonical JSON.

        The canonical JSON omits default values, so that the id stays the same if a later release
        adds a setting.
        """
        chosen = self.model_dump(mode="json", exclude_defaults=True)
        chosen["model"]["kind"] = self.model.kind
        if not chosen.get(
            "data"
        ):  # Pydantic does not omit it, because the default depends on the task.
            chosen.pop("data", None)
        canonical = json.dumps(chosen, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @property
    def run_name(self) -> str:
        """The name of the run's directory: a readable part, then the id."""
        return f"{self.task}-{self.data.split}-{self.model_name}-seed{self.seed}-{self.id}"


def parse_spec(fields: Mapping[str, Any], source: str) -> ExperimentSpec:
    """Validate the fields of a spec that was read from `source`.

    Raises:
        InputError: The fields have another version of the format, or are not a valid spec.
    """
    version = fields.get("version")
    if version != SPEC_VERSION:
        raise InputError(
            f"{source}: expected a spec of version {SPEC_VERSION}, got version "
            f"{in_short(version)}; use the release that wrote it, or move the run elsewhere and "
            "train it again"
        )
    try:
        return ExperimentSpec.model_validate(dict(fields))
    except ValidationError as error:
        raise InputError(f"{source}: {explain(error)}") from error
