"""Packed runs: the runs of a study in three files instead of one directory per run.

Git shows readable diffs of these files.
"""

from coordconv_lab.results.packed.archive import ARCHIVE
from coordconv_lab.results.packed.lines import RECORDS
from coordconv_lab.results.packed.reader import Pack, pack_of

PACKED = (RECORDS, ARCHIVE)
"""Names of the files of packed runs."""

__all__ = ["ARCHIVE", "PACKED", "RECORDS", "Pack", "pack_of"]
