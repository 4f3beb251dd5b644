"""Any record, curve or file of predictions is shown in a report or refused with a message."""

import io
import json
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from coordconv_lab.console.run_scores import print_record
from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.figures.answers import read_answers
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.experiments.notsoclevr.summary import summarise
from coordconv_lab.experiments.notsoclevr.tutorial_scores import TUTORIAL_SCORES
from coordconv_lab.registry import registry
from coordconv_lab.report.cost import cost_charts, costly
from coordconv_lab.report.markdown import as_markdown
from coordconv_lab.report.material import Material
from coordconv_lab.report.page import render
from coordconv_lab.report.runs import Run, cells_of, drawn
from coordconv_lab.report.search import rows_of, settings_charts, tries_charts
from coordconv_lab.results import Record
from coordconv_lab.results.curve import read_curve
from coordconv_lab.results.files import read_json
from coordconv_lab.results.record import LEAST_SECONDS, MOST_SECONDS
from coordconv_lab.sweep.outcome import RowOutcome
from tests.fuzz.conftest import FUZZED, fuzzed, outcome
from tests.fuzz.mutations import NUMBERS, TEXTS, as_json, changes, edited, edits, mutated
from tests.report.conftest import arrays, curve, record

VALID = [
    json.loads(record(tuned(*key), 0.9, 0.5, 12.5).model_dump_json()) for key in TUTORIAL_SCORES
]
valid = st.sampled_from(VALID)
GAPS = dict.fromkeys(("metrics.csv", "predictions.npz", "sheet.png"), "is missing")


def key_of(run: Run) -> tuple[str, str, str]:
    spec = run.record.spec
    return spec.task, spec.data.split, spec.model_name


def show(records: list[Record]) -> None:
    """Create all outputs that depend only on records."""
    runs = [Run(f"run {n}", one, None, {}, GAPS) for n, one in enumerate(records)]
    runs = [run for run in runs if key_of(run) in TUTORIAL_SCORES]
    summarise(run.record for run in runs)
    assert as_markdown(runs).startswith("# ")
    json.dumps(
        [chart.figure for chart in cost_charts(costly(drawn(cells_of(runs)), {}))], allow_nan=False
    )
    print_record(records[0], Path("runs"))


@FUZZED
@given(fields=valid, drawn=changes, other=valid)
def test_fields_are_a_valid_record_or_refused(fields, drawn, other):
    given_fields = mutated(fields, drawn)

    def read() -> Record:
        return Record.parse(given_fields, "record.json")

    found, said = outcome("records", read, (InputError,))
    if said is None:
        outcome("tables of records", lambda: show([found, Record.parse(other, "other")]), ())
        again = json.loads(found.model_dump_json())
        assert again["spec"] == json.loads(found.spec.model_dump_json())
    else:
        assert len(said) < 3000


@FUZZED
@given(fields=valid, drawn=edits)
def test_a_text_is_a_record_or_refused(fields, drawn, tmp_path_factory):
    path = Path(tmp_path_factory.getbasetemp()) / "record.json"
    path.write_text(edited(as_json(fields), drawn), encoding="utf-8", errors="surrogatepass")
    outcome("records as text", lambda: Record.parse(read_json(path), str(path)), (InputError,))


shares = st.one_of(
    st.sampled_from([0.0, 1.0, 1e-308, 0.99, 5e-324]), st.floats(0, 1, allow_subnormal=False)
)
distances = st.one_of(
    st.sampled_from([1e308, float("nan"), float("inf")]), st.floats(0, allow_subnormal=False)
)
rates = st.floats(1e-300, 1e300, allow_subnormal=False)
times = st.one_of(st.sampled_from([0, 1e308, 5e-324]), st.floats(0, 9e9, allow_subnormal=False))
texts = st.one_of(st.sampled_from(TEXTS), st.text(max_size=5))


@st.composite
def odd_records(draw: st.DrawFn) -> list[Record]:
    """Draw records with extreme values that the schema allows."""
    found = []
    spec = draw(valid)["spec"]
    for seed in range(draw(st.integers(1, 6))):
        fields: dict[str, Any] = json.loads(json.dumps(draw(valid) | {}))
        if draw(st.booleans()):
            fields["spec"] = json.loads(json.dumps(spec))
        fields["spec"]["seed"] = seed
        fields["spec"]["training"]["learning_rate"] = draw(
            st.floats(1e-300, 1e300, allow_subnormal=False)
        )
        for side in ("train", "test"):
            task = fields["spec"]["task"]
            fields["scores"][side] = {
                score.name: draw(shares if score.is_share else distances)
                for score in registry().task(task).scores
                if score.required
            }
        fields["seconds"] = draw(st.floats(LEAST_SECONDS, MOST_SECONDS, allow_subnormal=False))
        for name in ("parameters", "steps", "epochs"):
            fields[name] = draw(st.sampled_from([1, 7553, 2**63 - 1]))
        for name in ("machine", "processor", "precision", "commit", "finished"):
            fields["provenance"][name] = draw(texts)
        fields["provenance"]["seed"] = draw(st.sampled_from([0, -1, 10**4000, 3]))
        fields["provenance"]["versions"] = draw(st.dictionaries(texts, texts, max_size=2))
        found.append(Record.parse(fields, "record.json"))
    return found


@FUZZED
@given(records=odd_records())
def test_odd_records_are_shown_in_tables_charts_and_searches(records):
    def make() -> None:
        show(records)
        specs = [one.spec for one in records]
        row = RowOutcome("row", specs, {s.id: r for s, r in zip(specs, records, strict=True)},
                         {}, set(), len(specs))  # fmt: skip
        rows = rows_of([row])
        charts = [*tries_charts(rows), *settings_charts(rows), *cost_charts(costly([], rows))]
        json.dumps([chart.figure for chart in charts], allow_nan=False)

    outcome("tables of odd records", make, ())


@fuzzed(0.05)
@given(records=odd_records())
def test_odd_records_are_shown_on_a_page(records):
    runs = [Run(f"run {n}", one, None, {}, GAPS) for n, one in enumerate(records)]
    runs = [run for run in runs if key_of(run) in TUTORIAL_SCORES]
    row = RowOutcome("row", [one.spec for one in records],
                     {one.spec.id: one for one in records}, {}, set(), len(records))  # fmt: skip
    page, _ = outcome("pages of odd records", lambda: render(Material(runs, [row], "", [])), ())
    assert page.endswith("</html>") or page.endswith("</html>\n")


@FUZZED
@given(drawn=edits, number=st.sampled_from(NUMBERS[:-14]), at=st.integers(0, 200))
def test_a_curve_is_read_or_refused(drawn, number, at, tmp_path_factory):
    path = Path(tmp_path_factory.getbasetemp()) / "metrics.csv"
    cells = curve(0.9, 0.5, 10).split(",")
    cells[at % len(cells)] = str(number)
    path.write_text(edited(",".join(cells), drawn), encoding="utf-8", errors="surrogatepass")
    outcome("curves", lambda: read_curve(path), (InputError,))


@cache
def answers_of(at: int) -> tuple[Any, dict[str, np.ndarray]]:
    spec = tuned(*list(TUTORIAL_SCORES)[at])
    data = spec.data.model_copy(update={"canvas": (12, 14), "square": 5})
    spec = spec.model_copy(update={"data": data})
    return spec, arrays(spec)


odd_arrays = st.one_of(
    st.sampled_from(
        [
            lambda a: a[:-1],
            lambda a: a[::-1],
            lambda a: a[None],
            lambda a: a.reshape(-1)[0],
            lambda a: a.astype(str),
            lambda a: a.astype(complex),
            lambda a: a.astype("datetime64[s]") if a.dtype.kind in "iu" else a,
            lambda a: a.astype(np.float64) * np.nan,
            lambda a: a.astype(np.float64) + 0.5,
            lambda a: a.astype(np.float64) * 1e300,
            lambda a: a.astype(np.uint8),
            lambda a: a.astype(bool),
            lambda a: a.astype(np.int64) + 2**62,
            lambda a: -a.astype(np.int64),
            lambda a: np.repeat(a, 3, axis=0),
            lambda a: np.zeros(a.shape, dtype=[("x", "i4"), ("y", "f4")]),
            lambda a: np.zeros(0),
            lambda a: np.zeros((0, 3)),
            lambda a: a.astype(np.float16),
            lambda a: np.array(a.shape),
        ]
    )
)


@FUZZED
@given(
    which=st.integers(0, len(TUTORIAL_SCORES) - 1),
    drawn=st.lists(st.tuples(st.integers(0, 20), odd_arrays), max_size=2),
    dropped=st.integers(0, 40),
    cut=st.one_of(st.none(), st.tuples(st.integers(0, 10**4), st.integers(0, 255))),
)
def test_predictions_are_read_or_refused(which, drawn, dropped, cut, tmp_path_factory):
    spec, valid_arrays = answers_of(which)
    kept = dict(valid_arrays)
    for at, change in drawn:
        name = sorted(kept)[at % len(kept)]
        with suppress(
            IndexError, TypeError, ValueError
        ):  # Not every change is valid for every dtype.
            kept[name] = change(kept[name])
    if dropped < len(kept):
        del kept[sorted(kept)[dropped]]
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **kept)
    content = bytearray(file.getvalue())
    if cut is not None:
        content[cut[0] % len(content)] ^= cut[1]
    path = Path(tmp_path_factory.getbasetemp()) / "predictions.npz"
    path.write_bytes(content)
    found, said = outcome("answers", lambda: read_answers(path, spec), (InputError,))
    if said is None:
        assert found.score.shape == (len(found.rows), len(found.columns))
        assert all(isinstance(row, int) for row in found.rows + found.columns)


def test_other_values_are_not_records():
    for value in (*NUMBERS, *TEXTS):
        _, said = outcome(
            "records", lambda value=value: Record.parse({"version": value}, "here"), (InputError,)
        )
        assert said
