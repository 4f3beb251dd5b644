"""Find phrases that make prose hard to read. `make lint` runs this on every file of the project.

Print the file, line, pattern and suggestion of each hit, and exit with code 1 if there is a hit.
With --counts and two commits, print the number of hits of each pattern at both commits instead.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from patterns import PATTERNS, Hit, hits
from prose import passages
from snapshots import at_commit, in_the_working_tree

ROOT = Path(__file__).parents[2]
# These files contain the forbidden phrases because they list them.
LISTS = (
    "tools/language/patterns.py",
    "tests/docs/test_language.py",
    "docs/decisions/0031-plain-words.md",
)


def found(files: Mapping[str, str]) -> Iterator[Hit]:
    """Yield all hits in the files, including allowed ones."""
    for path, text in files.items():
        if path not in LISTS:
            for passage in passages(path, text):
                yield from hits(passage)


def faults(files: Mapping[str, str]) -> list[str]:
    """Return one line for each hit that is not allowed."""
    return [
        f'{hit.path}:{hit.line}: "{hit.pattern.name}" in "{hit.context}": '
        f"write {hit.pattern.instead}"
        for hit in found(files)
        if hit.allowed is None
    ]


def counts(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return a table with the number of hits of each pattern in two versions of the files."""
    old, new, allowed = Counter(), Counter(), Counter()
    old.update(hit.pattern.name for hit in found(before))
    for hit in found(after):
        new[hit.pattern.name] += 1
        allowed[hit.pattern.name] += hit.allowed is not None
    rows = [
        (pattern.name, *(count[pattern.name] for count in (old, new, allowed)))
        for pattern in PATTERNS
    ]
    rows.append(("all", old.total(), new.total(), allowed.total()))
    lines = ["| pattern | before | after | of these allowed |", "|---|--:|--:|--:|"]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def main() -> int:
    """Check the working tree, or count the patterns at two commits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", nargs=2, metavar="COMMIT", help="count at these commits")
    asked = parser.parse_args()
    if asked.counts:
        print(counts(*(at_commit(ROOT, commit) for commit in asked.counts)))
        return 0
    lines = faults(in_the_working_tree(ROOT))
    print(*lines, sep="\n", end="\n" if lines else "")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
