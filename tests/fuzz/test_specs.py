"""Any description of an experiment is a spec with an id or refused with a message."""

import json
import math
from itertools import product
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.recipes import paper, tuned, tutorial
from coordconv_lab.experiments.notsoclevr.studies import STUDIES
from coordconv_lab.recipes import with_settings
from coordconv_lab.results.files import read_json
from coordconv_lab.specs import ExperimentSpec, parse_spec
from tests.fuzz.conftest import FUZZED, outcome
from tests.fuzz.mutations import as_json, changes, edited, edits, junk, mutated

SPECS = [
    recipe(task, split, model)
    for recipe, task, split, model in product(
        (tuned, tutorial, paper),
        ("classification", "regression", "rendering"),
        ("uniform", "quadrant"),
        ("coordconv", "baseline"),
    )
] + [STUDIES[name]().specs[0] for name in ("hand-built", "broadcast")]
VALID = [json.loads(spec.model_dump_json()) for spec in SPECS]
PATHS = sorted(
    {f"{part}.{name}" for fields in VALID for part in ("data", "model", "training")
     for name in fields[part]} | {"seed", "task", "model", "version"}
)  # fmt: skip
valid = st.sampled_from(VALID)


def check(spec: ExperimentSpec) -> None:
    """Check that an accepted spec can be written, read back and found again."""
    again = parse_spec(json.loads(spec.model_dump_json()), "again")
    assert again == spec
    assert again.id == spec.id
    assert set(spec.run_name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert all(side <= 4096 for side in spec.data.canvas)
    assert math.isfinite(spec.training.learning_rate)


@FUZZED
@given(fields=valid, drawn=changes)
def test_fields_are_a_spec_or_are_refused(fields, drawn):
    given_fields = mutated(fields, drawn)
    spec, said = outcome("specs", lambda: parse_spec(given_fields, "here.json"), (InputError,))
    if said is None:
        check(spec)
    else:
        assert said.startswith("here.json: ")
        assert len(said) < 3000


@FUZZED
@given(fields=valid, drawn=edits)
def test_a_text_is_a_spec_or_is_refused(fields, drawn, tmp_path_factory):
    path = Path(tmp_path_factory.getbasetemp()) / "spec.json"
    text = edited(as_json(fields), drawn)
    path.write_text(text, encoding="utf-8", errors="surrogatepass")

    def read() -> ExperimentSpec:
        return parse_spec(read_json(path), str(path))

    spec, said = outcome("specs as text", read, (InputError,))
    if said is None:
        check(spec)


@FUZZED
@given(
    spec=st.sampled_from(SPECS),
    settings=st.dictionaries(
        st.one_of(st.sampled_from(PATHS), st.text(".abcdelmot", max_size=12)),
        junk,
        min_size=1,
        max_size=3,
    ),
)
def test_settings_give_a_spec_or_are_refused(spec, settings):
    changed, said = outcome("settings", lambda: with_settings(spec, settings), (InputError,))
    if said is None:
        check(changed)
