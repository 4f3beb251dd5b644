"""The runs of the arms that questions compare, and the answers from their records."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from coordconv_lab.claims.evidence import NotYet
from coordconv_lab.claims.usefulness import Question, Usefulness, usefulness_of
from coordconv_lab.errors import InputError
from coordconv_lab.results import Record
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.studies import recorded, study_named
from coordconv_lab.studies.replication import name_of_replication

Arm = tuple[str, str]
"""The names of a study and of one of its arms."""


class QuestionRuns(NamedTuple):
    """Questions and the runs of their arms.

    Attributes:
        questions: The questions for which all arms are included.
        arms: The specs of each arm, by seed.
    """

    questions: Sequence[Question]
    arms: Mapping[Arm, Sequence[ExperimentSpec]]

    @property
    def specs(self) -> list[ExperimentSpec]:
        """Return every run once, seed by seed, so that all arms with the first seed come first."""
        by_seed = sorted((spec for arm in self.arms.values() for spec in arm), key=_seed)
        return list({spec.id: spec for spec in by_seed}.values())

    def answers(self, records: Sequence[Record]) -> list[Usefulness | str]:
        """Answer each question from some records, or say which runs are missing."""
        by_id = {record.spec.id: record for record in records}
        return [_answer(one, self._runs(one.study, by_id)) for one in self.questions]

    def _runs(self, study: str, by_id: Mapping[str, Record]) -> Callable[[str], list[Record]]:
        def runs(arm: str) -> list[Record]:
            specs = self.arms[study, arm]
            found = [by_id[spec.id] for spec in specs if spec.id in by_id]
            if len(found) < len(specs):
                raise NotYet(f"{study}, {arm}: {len(found)} of {len(specs)} runs")
            return found

        return runs

    def recorded(self, results: Path, damaged: list[str] | None = None) -> list[Record]:
        """Return the records of these runs in a directory of studies.

        Args:
            results: The directory.
            damaged: Collects messages about files that cannot be used.

        Raises:
            InputError: A file cannot be used, and ``damaged`` is None.
        """
        runs = (
            recorded(results, study, spec, damaged)
            for (study, _), specs in self.arms.items()
            for spec in specs
        )
        return [run[1] for run in runs if run is not None]


def question_runs(questions: Sequence[Question], seeds: int, text: str = "") -> QuestionRuns:
    """Return the runs of the arms that questions compare.

    Args:
        questions: The questions.
        seeds: The number of seeds: 0, 1, and so on.
        text: Include only arms whose name contains this text; omit questions that need other arms.

    Raises:
        InputError: No name contains the text.
    """
    names = dict.fromkeys((one.study, arm) for one in questions for arm in one.arms)
    chosen = {name: _over_seeds(name, seeds) for name in names if text in name[1]}
    if not chosen:
        raise InputError(
            f"no arm has {text!r} in its name; the arms are {'; '.join(arm for _, arm in names)}"
        )
    whole = [one for one in questions if all((one.study, arm) in chosen for arm in one.arms)]
    return QuestionRuns(whole, chosen)


def replication_runs(questions: Sequence[Question]) -> QuestionRuns:
    """Return questions about the replications instead of the studies, with their runs.

    The answers follow from the same rule, over the new seeds only.

    Args:
        questions: The questions; each study that they name has a replication.

    Raises:
        InputError: A study has no replication.
    """
    again = [replace(one, study=name_of_replication(one.study)) for one in questions]
    names = dict.fromkeys((one.study, arm) for one in again for arm in one.arms)
    studies = {study: study_named(study).arms for study, _ in names}
    return QuestionRuns(again, {(study, arm): studies[study][arm] for study, arm in names})


def _over_seeds(arm: Arm, seeds: int) -> list[ExperimentSpec]:
    study, name = arm
    bases = (spec.model_copy(update={"seed": 0}) for spec in study_named(study).arms[name])
    each = {spec.id: spec for spec in bases}.values()
    return [spec.model_copy(update={"seed": seed}) for spec in each for seed in range(seeds)]


def _answer(question: Question, runs: Callable[[str], list[Record]]) -> Usefulness | str:
    try:
        return usefulness_of(question, runs)
    except NotYet as missing:
        return str(missing)


def _seed(spec: ExperimentSpec) -> int:
    return spec.seed
