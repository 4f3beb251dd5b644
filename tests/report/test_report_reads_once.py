"""Every record is read and validated once on its way to the page."""

from collections import Counter

from coordconv_lab.report import write_report
from coordconv_lab.results import files, validated
from coordconv_lab.specs import ExperimentSpec

SEEDS = (7, 8, 9)
"""Other than those of the recipes, with which networks are compared."""


def test_a_record_is_read_and_its_spec_is_validated_once(add_run, store, tmp_path, monkeypatch):
    for seed in SEEDS:
        add_run(seed=seed)
    read, parsed = Counter(), Counter()
    read_json, validate = files.read_json, ExperimentSpec.model_validate

    def counted(path, *rest):
        read[path.name] += 1
        return read_json(path, *rest)

    monkeypatch.setattr(validated, "read_json", counted)
    monkeypatch.setattr(
        ExperimentSpec,
        "model_validate",
        lambda fields: parsed.update([fields["seed"]]) or validate(fields),
    )
    write_report(store, tmp_path / "page.html")
    assert read["record.json"] == 3
    # That of the record, and that of the spec.json beside it.
    assert [parsed[seed] for seed in SEEDS] == [2, 2, 2]
