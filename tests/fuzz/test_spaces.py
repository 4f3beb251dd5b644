"""Any file of a search space lists its runs or is refused with a message."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordconv_lab.errors import InputError
from coordconv_lab.sweep.space import MOST_RUNS, Range, listed
from coordconv_lab.sweep.space_file import read_space
from tests.fuzz.conftest import FUZZED, outcome
from tests.fuzz.mutations import as_json, changes, edited, edits, mutated

RATES = {"low": 1e-4, "high": 0.1, "log": True, "steps": 3}
VALID: list[dict[str, Any]] = [
    {
        "name": "rates",
        "question": "Which rates are best?",
        "search": "grid",
        "seeds": 2,
        "rows": [{"task": "regression", "split": "uniform", "model": ["coordconv", "baseline"]}],
        "settings": {"training.learning_rate": RATES, "training.optimizer": ["adam", "adamw"]},
    },
    {
        "name": "drawn",
        "search": "random",
        "trials": 4,
        "seed": 3,
        "rows": [
            {"task": "classification", "model": "deconv", "settings": {"model.width": [1, 2]}},
            {"task": "rendering", "recipe": "paper", "split": ["quadrant"]},
        ],
        "settings": {
            "training.weight_decay": {"low": 0, "high": 1},
            "training.batch_size": {"low": 4, "high": 64, "integer": True, "log": True},
            "data.canvas": [[64, 64]],
        },
    },
    {
        "name": "proposed",
        "search": "optuna",
        "trials": 5,
        "rows": [{"task": "regression", "recipe": "tutorial_text"}],
        "settings": {"model.padding": ["valid", "same"], "training.betas": [[0.9, 0.99]]},
    },
]
valid = st.sampled_from(VALID)
LISTED = 300
"""Longer lists are counted, and not made: a long run would make millions."""


def toml(fields: dict[str, Any]) -> str:
    """Return TOML with one key per line, with values in JSON if the notations are the same."""
    return "\n".join(f"{json.dumps(str(k))} = {_toml(value)}" for k, value in fields.items())


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(str(k))} = {_toml(one)}" for k, one in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return hex(value) if value >= 0 else "-1"
    return as_json(value)


def use(path: Path) -> None:
    """Read a file and do what a sweep does before its first run."""
    space = read_space(path)
    rows = space.listed_rows()
    for one in rows:
        assert 0 <= one.trials(space) <= MOST_RUNS
        for setting in one.settings.values():
            if isinstance(setting, Range):
                assert setting.low <= setting.at(0.0) <= setting.at(0.5) <= setting.at(1.0)
                assert setting.at(0.5) in setting
    if space.search == "optuna":
        return
    counts = [
        space.trials
        or math.prod(
            s.steps or 1 if isinstance(s, Range) else len(s) for s in row.settings.values()
        )
        for row in rows
    ]
    if sum(counts) * space.seeds <= LISTED or sum(counts) * space.seeds > 50 * MOST_RUNS:
        study = listed(space)
        assert len(study.specs) <= LISTED


def written(text: str, suffix: str, place: Any) -> Path:
    path = Path(place.getbasetemp()) / f"space.{suffix}"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return path


@pytest.mark.parametrize(("form", "text_of"), [("yaml", as_json), ("toml", toml)])
@FUZZED
@given(fields=valid, drawn=changes)
def test_structures_are_listed_or_refused(form, text_of, fields, drawn, tmp_path_factory):
    path = written(text_of(mutated(fields, drawn)), form, tmp_path_factory)
    _, said = outcome(f"spaces in {form.upper()}", lambda: use(path), (InputError,))
    assert said is None or len(said) < 3000


YAML = (Path(__file__).parents[2] / "examples" / "learning_rates.yaml").read_text()
TOML = toml(VALID[1])
INSERTED = (
    "*a", "&a ", "!!python/name:os.system ", "!!binary |", "!!set ", "<<: ", "? ", "- " * 60,
    "%YAML", "---\n", "...\n", "2001-01-01", "1:1:1", "0x" + "f" * 5000, "1_0", ".nan", "-.inf",
    "[[a]]\n",
    "a.b.c=1\n", '"""', "'''", "\\", "\r", "\x85",
)  # fmt: skip


@FUZZED
@given(
    which=st.sampled_from(["yaml", "toml"]),
    drawn=edits,
    more=st.lists(st.tuples(st.integers(0, 9999), st.sampled_from(INSERTED)), max_size=2),
)
def test_texts_are_listed_or_refused(which, drawn, more, tmp_path_factory):
    text = edited(YAML if which == "yaml" else TOML, drawn)
    for at, new in more:
        at %= len(text) + 1
        text = text[:at] + new + text[at:]
    path = written(text, which, tmp_path_factory)
    outcome("spaces as text", lambda: use(path), (InputError,))


def test_the_unchanged_spaces_are_valid(tmp_path_factory):
    """Check the premise of the tests above."""
    for fields in VALID:
        for suffix, text in (("yaml", as_json(fields)), ("toml", toml(fields))):
            use(written(text, suffix, tmp_path_factory))
    use(written(YAML, "yaml", tmp_path_factory))
