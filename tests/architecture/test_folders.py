"""Where files of each kind belong."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_docs_contains_documents_and_no_programs():
    assert list((ROOT / "docs").rglob("*.md"))
    assert not list((ROOT / "docs").rglob("*.py"))


def test_every_target_of_the_makefile_starts_a_program_that_exists():
    words = (ROOT / "Makefile").read_text().split()
    programs = [word for word in words if word.startswith(("tools/", "release/"))]
    assert len(programs) >= 12
    assert all((ROOT / program).is_file() for program in programs)
