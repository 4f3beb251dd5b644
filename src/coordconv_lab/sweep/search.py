"""Settings proposed by Optuna, row by row, from what came of those before."""

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
"""The file beside the runs that holds what was proposed, in order: a search goes on from it."""

# A small space runs out of settings that are new.
_TRIES = 100


class Searched:
    """The proposals for one row; what was proposed before comes first, unless it is done.

    Args:
        space: The space.
        one: The row.
        proposed: The settings that were proposed in earlier sittings.
        store: Where their runs are.
        stops_count: Whether a run that was stopped early is done.
        damaged: Where to note runs with files that cannot be used, in words; they are not done.

    Attributes:
        total: How many settings are tried; no more than there are.
        proposed: The settings of this sitting and of earlier ones, those that are of this space.
        earlier: Those of earlier sittings that are still to be done.

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
                "a search with optuna needs the extra: pip install 'torch-coordconv[sweep]'"
            ) from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna, self._row = optuna, one
        self.total = one.trials(space)
        self.proposed: list[dict[str, Any]] = []
        _check_values(one)
        self._distributions = {path: self._distribution(s) for path, s in one.settings.items()}
        self._study = optuna.create_study(
            direction="maximize",
            # Another sitting draws other settings, not the same again.
            sampler=optuna.samplers.TPESampler(seed=space.seed + len(proposed)),
        )
        self._asked: dict[str, Any] = {}
        self._damaged = [] if damaged is None else damaged
        self.earlier = [
            settings
            for settings in proposed
            if one.admits(settings) and not self._is_known(settings, store, stops_count)
        ]

    def next(self) -> ExperimentSpec | None:
        """The next setting of the search, or None once it proposes nothing new."""
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
            except InputError:  # values that are valid one by one, and not together
                self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
                continue
            self.proposed.append(settings)
            self._asked[spec.id] = trial
            return spec
        return None

    def tell(self, spec: ExperimentSpec, score: float | None) -> None:
        """Let the search learn from a run."""
        score = _learnable(score)
        state = self._optuna.trial.TrialState
        self._study.tell(
            self._asked.pop(spec.id), score, state.COMPLETE if score is not None else state.FAIL
        )

    def _is_known(self, settings: dict[str, Any], store: RunStore, stops_count: bool) -> bool:
        """Tell the search of a run that is done; else leave it to be done."""
        spec = with_settings(self._row.base, settings)
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
    """What was proposed so far, by row.

    Raises:
        InputError: The file that says it is damaged.
    """
    found = store.read_beside(PROPOSALS) or {}
    for row in found.values():
        if not isinstance(row, list) or not all(isinstance(settings, dict) for settings in row):
            raise DamagedError(
                f"{PROPOSALS} beside the runs is no list of settings for every row; delete it to "
                "begin the search anew, with the runs that are done kept"
            )
    return found


def _check_values(one: Row) -> None:
    """Refuse a value that no run could have, before the first run.

    Raises:
        InputError: There is one.
    """
    for path, setting in one.settings.items():
        ends = [setting.at(0), setting.at(1)] if isinstance(setting, Range) else setting
        for value in ends:
            with_settings(one.base, {path: value})


def _learnable(score: float | None) -> float | None:
    """A score that a search can learn from; a record may hold one that is not a number."""
    return score if score is not None and math.isfinite(score) else None


def _choice(choices: Sequence[Any], value: Any) -> Any:
    """The one of some choices that a value is, as the choices write it: 1 can be 1.0 there."""
    alike = [choice for choice in choices if json.dumps(choice) == json.dumps(value)]
    return alike[0] if alike else choices[choices.index(value)]


def _value(setting: Setting, parameter: Any) -> Any:
    return parameter if isinstance(setting, Range) else json.loads(parameter)
