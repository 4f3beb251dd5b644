"""Searches in which Optuna proposes the settings of each row, based on earlier results."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from coordconv_lab.errors import DamagedError, InputError
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.sweep.space import Range, Row, Setting, Space

PROPOSALS = "proposals.json"
"""File in the directory of runs, with all proposals in order. A search resumes from this file."""

# Maximum number of attempts to draw new settings, because a small space may have none left.
_TRIES = 100


class Searched:
    """The proposals of Optuna for one row. A proposal is saved before its run starts.

    Proposals of earlier searches whose runs are unfinished come first.

    Args:
        space: The space.
        one: The row.
        proposed: Settings proposed by earlier searches.
        store: Directory or URL of the runs.
        stops_count: Whether runs that were stopped early count as done.
        damaged: List that receives messages about unusable files; their runs are not executed.

    Attributes:
        total: Number of settings to try, at most the size of the space.
        proposed: All settings in this space that this search and earlier searches proposed.
        earlier: Settings that earlier searches proposed and that have not been run yet.

    Raises:
        InputError: Optuna is not installed, or a setting is not valid.
    """

    def __init__(
        self,
        space: Space,
        one: Row,
        proposed: Sequence[dict[str, Any]],
        store: RunStore,
        stops_count: bool = False,
        damaged: list[str] | None = None,
    ) -> None:
        try:
            import optuna
        except ImportError as error:
            raise InputError(
                "search: optuna requires the extra: pip install 'torch-coordconv[sweep]'"
            ) from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna, self._row, self._store = optuna, one, store
        self.total = one.trials(space)
        self.proposed: list[dict[str, Any]] = []
        _check_values(one)
        self._distributions = {path: self._distribution(s) for path, s in one.settings.items()}
        self._study = optuna.create_study(
            direction="maximize",
            # A resumed search must not draw the same settings again.
            sampler=optuna.samplers.TPESampler(seed=space.seed + len(proposed)),
        )
        self._asked: dict[str, Any] = {}
        self._damaged = [] if damaged is None else damaged
        self.earlier = [
            settings
            for settings in proposed
            if one.admits(settings) and not self._is_known(settings, stops_count)
        ]

    def next(self) -> ExperimentSpec | None:
        """Return the next run, or None if the search has no new proposal."""
        for _ in range(_TRIES):
            if self.earlier:
                self._study.enqueue_trial(self._as_parameters(self.earlier.pop(0)))
            elif len(self.proposed) >= self.total:
                return None
            trial = self._study.ask(self._distributions)
            settings = {
                path: _value(self._row.settings[path], value)
                for path, value in trial.params.items()
            }
            if settings in self.proposed:
                self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
                continue
            try:
                spec = with_settings(self._row.base, settings)
            except InputError:  # each value may be valid, but not their combination
                self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
                continue
            self.proposed.append(settings)
            self._asked[spec.id] = trial
            self._save()
            return spec
        return None

    def tell(self, spec: ExperimentSpec, score: float | None) -> None:
        """Report the score of a run to Optuna."""
        score = _learnable(score)
        state = self._optuna.trial.TrialState
        self._study.tell(
            self._asked.pop(spec.id), score, state.COMPLETE if score is not None else state.FAIL
        )

    def _save(self) -> None:
        """Write the proposals to the file, next to those of other rows and other spaces."""
        every = proposals_of(self._store)
        known = every.setdefault(self._row.name, [])
        known += [settings for settings in self.proposed if settings not in known]
        self._store.write_beside(PROPOSALS, every)

    def _is_known(self, settings: dict[str, Any], stops_count: bool) -> bool:
        """Return whether a run is done. If it is, add it to the study of Optuna."""
        spec, store = with_settings(self._row.base, settings), self._store
        try:
            record, failed = store.record(spec), store.failure(spec) is not None
            stopped = store.stopped(spec) if stops_count else None
        except DamagedError as error:
            self._damaged.append(str(error))
            record, failed, stopped = None, True, None
        if record is None and not failed and stopped is None:
            return False
        score = record.test_score if record else stopped.get("score") if stopped else None
        score = _learnable(score)
        self.proposed.append(settings)
        state = self._optuna.trial.TrialState
        self._study.add_trial(
            self._optuna.trial.create_trial(
                state=state.FAIL if score is None else state.COMPLETE,
                value=score,
                params=self._as_parameters(settings),
                distributions=self._distributions,
            )
        )
        return True

    def _as_parameters(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        return {
            path: value if isinstance(setting, Range) else json.dumps(_choice(setting, value))
            for path, value in settings.items()
            for setting in [self._row.settings[path]]
        }

    def _distribution(self, setting: Setting) -> Any:
        kinds = self._optuna.distributions
        if not isinstance(setting, Range):
            return kinds.CategoricalDistribution([json.dumps(value) for value in setting])
        if setting.integer:
            return kinds.IntDistribution(int(setting.low), int(setting.high), log=setting.log)
        return kinds.FloatDistribution(setting.low, setting.high, log=setting.log)


def proposals_of(store: RunStore) -> dict[str, list[dict[str, Any]]]:
    """Return all proposals so far, by row.

    Raises:
        InputError: The file of proposals is damaged.
    """
    found = store.read_beside(PROPOSALS) or {}
    for row in found.values():
        if not isinstance(row, list) or not all(isinstance(settings, dict) for settings in row):
            raise DamagedError(
                f"{PROPOSALS} in the directory of runs does not have a list of settings for every "
                "row; delete it to restart the search; finished runs are kept"
            )
    return found


def _check_values(one: Row) -> None:
    """Validate all values of settings before the first run.

    Raises:
        InputError: A value is not valid.
    """
    for path, setting in one.settings.items():
        ends = [setting.at(0), setting.at(1)] if isinstance(setting, Range) else setting
        for value in ends:
            with_settings(one.base, {path: value})


def _learnable(score: float | None) -> float | None:
    """Return the score if it is finite, else None. Records may contain NaN."""
    return score if score is not None and math.isfinite(score) else None


def _choice(choices: Sequence[Any], value: Any) -> Any:
    """Return the choice that is equal to a value but may differ in type, such as 1.0 for 1."""
    alike = [choice for choice in choices if json.dumps(choice) == json.dumps(value)]
    return alike[0] if alike else choices[choices.index(value)]


def _value(setting: Setting, parameter: Any) -> Any:
    return parameter if isinstance(setting, Range) else json.loads(parameter)
