"""The check of the prose finds every pattern in every kind of prose, without idle exceptions."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools" / "language"))  # Lets the programs import each other.
import check  # noqa: E402  # pyright: ignore[reportMissingImports]
import patterns  # noqa: E402  # pyright: ignore[reportMissingImports]
import prose  # noqa: E402  # pyright: ignore[reportMissingImports]
import sample  # noqa: E402  # pyright: ignore[reportMissingImports]
import snapshots  # noqa: E402  # pyright: ignore[reportMissingImports]

sys.path.pop(0)

SENTENCES = {
    "is no": "The value is no tensor.",
    "is none": "If the model is none.",
    "no number": "It has no number.",
    "stands": "It stands before the layer.",
    "lies": "Pixel i lies at -1.",
    "alone": "It needs torch alone.",
    "goes on": "The run goes on.",
    "whoever": "Ask whoever holds it.",
    "whatever": "It works whatever\nthe size.",
    "somebody": "As somebody said.",
    "nobody": "Where nobody looks.",
    "one's own": "For one's own data.",
    "hands over": "It hands over the result.",
    "let go": "The lock is let go.",
    "is to be had": "It is not to be had here.",
    "the whole": "Return the whole image.",
    "share of the coordinates": "Add the share of the coordinates.",
    "sitting": "Done in one sitting.",
    "Of ...": "Of a run, the scores.",
    "What ...": "What a run leaves behind.",
    "Who ...": "Who holds a lock.",
}


@pytest.mark.slow("every file")
def test_every_exception_is_used_and_has_a_reason():
    files = snapshots.in_the_working_tree(ROOT)
    used = {hit.allowed for hit in check.found(files) if hit.allowed}
    assert used == set(patterns.ALLOWED)
    assert all(allowed.reason for allowed in patterns.ALLOWED)


@pytest.mark.parametrize("pattern", patterns.PATTERNS, ids=lambda pattern: pattern.name)
def test_every_pattern_is_found_in_a_docstring_with_its_line(pattern):
    text = f'# A comment.\n\n\ndef function():\n    """{SENTENCES[pattern.name]}"""\n'
    [fault] = check.faults({"module.py": text})
    assert fault.startswith(f'module.py:5: "{pattern.name}" in "')
    assert fault.endswith(f"write {pattern.instead}")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "x = 1  # Pixel i lies at -1."),
        ("a.py", 'raise ValueError(f"pixel {i} lies at -1")'),
        ("a.py", "def test_a_pixel_lies_at_the_center(): ..."),
        ("a.md", "# Title\n\n- Pixel i lies at -1."),
        ("a.html.j2", "<p>Pixel <b>i</b>\nlies at -1.</p>"),
        ("a.js", "const x = 1; // Pixel i lies at -1."),
        ("a.css", "/* Pixel i lies at -1. */"),
        ("Makefile", "target: ## Pixel i lies at -1."),
        ("a.toml", "x = 1 # Pixel i lies at -1."),
    ],
)
def test_every_kind_of_prose_is_read(path, text):
    assert len(check.faults({path: text})) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "lies = stands(alone)"),
        (
            "a.py",
            'def function():\n    """`whatever`, ``alone`` or None.\n\n    >>> lies\n    """',
        ),
        ("a.md", "Use `lies`, see [a page](alone.md).\n\n```python\nstands = 1\n```\n"),
        ("a.html.j2", "<p class='alone stands here'>{% if lies %}{{ stands }}{% endif %}</p>"),
        ("a.py", '"""There is no such file, and it is no longer than a line."""'),
        ("a.bin", "Pixel i lies at -1."),
    ],
)
def test_code_and_exceptions_are_not_faults(path, text):
    assert not check.faults({path: text})


def test_lines_are_those_of_the_file():
    page = "# Title\n\n```text\nlies\n```\n\nOne line,\nand a pixel that lies there.\n"
    [passage] = [one for one in prose.passages("a.md", page) if "lies" in one.text]
    [hit] = patterns.hits(passage)
    assert hit.line == 8


def test_a_table_counts_both_versions():
    before = {"a.md": "It lies here, alone.", "b.md": "There is no b."}
    table = check.counts(before, {"b.md": "There is no b."})
    assert "| lies | 1 | 0 | 0 |" in table
    assert "| is no | 1 | 1 | 1 |" in table
    assert "| all | 3 | 1 | 1 |" in table


def test_a_commit_is_read_like_the_working_tree():
    files = snapshots.at_commit(ROOT, "HEAD")
    committed = subprocess.run(
        ["git", "show", "HEAD:README.md"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    assert files["README.md"] == committed
    assert files.keys() >= {"Makefile", "pyproject.toml", "src/coordconv/__init__.py"}
    assert not any(name.endswith("plotly-basic.min.js") for name in files)


def test_a_sample_shows_both_versions_of_a_docstring_and_a_message():
    text = 'def part(x):\n    """{}"""\n    raise ValueError(f"{} got {{x}}")\n'
    before = {"src/a.py": text.format("Of x.", "x is no number;"), "tests/a.py": text}
    after = {"src/b.py": text.format("Return x.", "x is not a number;")}
    assert list(sample.drawn(before, after, 0, 20)) == [
        ("docstring", "src/a.py: part", "Of x.", "Return x."),
        ("message", "src/a.py: part", "x is no number; got {x}", "x is not a number; got {x}"),
    ]
    [_, (*_, new)] = sample.drawn(before, {"src/a.py": "def part(): ..."}, 0, 20)
    assert new == sample.REMOVED
