"""Runs of a study in three files instead of many directories, with readable diffs in git."""

from coordconv_lab.results.packed.archive import ARCHIVE
from coordconv_lab.results.packed.lines import RECORDS
from coordconv_lab.results.packed.reader import Pack, pack_of

PACKED = (RECORDS, ARCHIVE)
"""Names of the files of packed runs in the directory of a study."""

__all__ = ["ARCHIVE", "PACKED", "RECORDS", "Pack", "pack_of"]
