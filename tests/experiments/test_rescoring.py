"""The networks that benchmarks/rescore_real_data.py scores are those of their records."""

import hashlib
import importlib
import json
import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest

from coordconv_lab.claims.question_runs import question_runs
from coordconv_lab.experiments.brains.questions import questions as brains
from coordconv_lab.experiments.brains.source import SOURCE as BRAINS
from coordconv_lab.experiments.climate.questions import questions as climate
from coordconv_lab.experiments.climate.source import SOURCE as CLIMATE
from coordconv_lab.experiments.digits.questions import questions as digits
from coordconv_lab.experiments.digits.source import SOURCE as DIGITS
from coordconv_lab.experiments.signal.questions import questions as signal
from coordconv_lab.experiments.signal.source import SOURCE as SIGNAL
from coordconv_lab.experiments.tiles.questions import questions as tiles
from coordconv_lab.experiments.tiles.source import MOSAIC, ZONES
from coordconv_lab.experiments.volume.questions import questions as volume
from coordconv_lab.experiments.volume.source import SOURCE as VOLUME

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
PLACE = BENCHMARKS / "results" / "real_data"
QUESTIONS = {
    "digits": digits,
    "brains": brains,
    "climate": climate,
    "tiles": tiles,
    "signal": signal,
    "volume": volume,
}
SOURCES = {
    "digits": (DIGITS,),
    "brains": (BRAINS,),
    "climate": (CLIMATE,),
    "tiles": (ZONES, MOSAIC),
    "signal": (SIGNAL,),
    "volume": (VOLUME,),
}
LAST_BIAS = {
    "digits": "mover.2.bias",
    "brains": "11.bias",
    "climate": "rest.5.bias",
    "tiles": "rest.5.bias",
    "signal": "11.bias",
    "volume": "11.bias",
}


def records_in(place, study):
    lines = map(json.loads, (place / study / "records.jsonl").read_text().splitlines())
    return {line["run"]: line["record.json"] for line in lines}


@pytest.mark.parametrize("study", QUESTIONS)
def test_each_has_the_weights_and_the_spec_of_its_record(study):
    known = {spec.run_name for spec in question_runs(QUESTIONS[study](), 1).specs}
    records = records_in(PLACE, study)
    with ZipFile(PLACE / study / "files.zip") as file:
        weights = {name.partition("/")[0]: file.read(name) for name in file.namelist()}
    assert weights.keys() == records.keys() <= known
    told = {records[run]["spec"]["model"]["told"] for run in records}
    assert "nothing" in told
    assert len(told) == 2
    for run, record in records.items():
        assert hashlib.sha256(weights[run]).hexdigest() == record["weights_sha256"]
        assert len(weights[run]) < 1_000_000


@pytest.mark.parametrize("study", ["tiles", "signal", "volume"])
def test_the_weights_of_the_later_experiments_are_those_of_the_table(study):
    of_the_table = records_in(ROOT / "results", study)
    for run, record in records_in(PLACE, study).items():
        assert record == of_the_table[run]


@pytest.mark.parametrize("study", QUESTIONS)
def test_each_has_the_scores_of_its_record_and_other_weights_do_not(
    study, monkeypatch, capsys, tmp_path
):
    for source in SOURCES[study]:
        if source.installed != source.version:
            pytest.skip(f"needs {source.package} {source.version}")
    monkeypatch.syspath_prepend(BENCHMARKS)
    program = importlib.import_module("rescore_real_data")
    shutil.copytree(PLACE / study, tmp_path / study)
    assert program.main(tmp_path) == 0
    assert "2 weight files" in capsys.readouterr().out
    _, record, weights = next(program.committed(tmp_path))
    weights[LAST_BIAS[study]] = weights[LAST_BIAS[study]].roll(1)
    assert max(program.differences(record, weights).values()) > program.TOLERANCE
