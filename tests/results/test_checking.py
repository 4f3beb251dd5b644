"""The check of packed runs finds what unpacking would leave out."""

import json
import zipfile

import pytest

from coordconv_lab.results.checking import check
from coordconv_lab.results.packing import pack
from tests.results.test_packed import write_run


@pytest.mark.parametrize("added", [None, "notes.txt"])
def test_an_archived_file_that_its_run_does_not_list_is_reported(tmp_path, added):
    run = write_run(tmp_path / "study")
    damaged: list[str] = []
    pack(tmp_path, (), damaged)
    if added:
        with zipfile.ZipFile(tmp_path / "study" / "files.zip", "a") as archive:
            archive.writestr(f"{run.name}/{added}", json.dumps(added))
    check(tmp_path, (), damaged)
    assert len(damaged) == (added is not None)
    assert all(f"{run.name}/{added}" in message for message in damaged)
