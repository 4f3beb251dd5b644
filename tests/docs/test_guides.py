"""The code blocks and command lines of the pages run as shown."""

import ast
import re
import shlex
import tomllib
from pathlib import Path

import pytest
from cyclopts import MissingArgumentError

from benchmarks.matrix import CELLS
from coordconv_lab.cli import app
from coordconv_lab.cli.data import export
from coordconv_lab.cli.plugins import split_plugins
from coordconv_lab.cli.reproduce import reproduce
from coordconv_lab.cli.train import train
from coordconv_lab.errors import InputError
from coordconv_lab.registry import use_plugins
from tests.docs.programs import is_current
from tests.registry.test_plugins import own_registry

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# test_migration.py runs its blocks with weights to convert, test_tutorial.py in a notebook.
ELSEWHERE = {"migration.md", "tutorial.md"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
OF_THE_READER = {"cd", "ray", "srun", "torchrun"}  # Programs of the reader.


def blocks(page: Path, *languages: str) -> list[str]:
    found = FENCE.findall(page.read_text())
    return [text for language, text in found if language in languages]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


WITH_CODE = [page for page in PAGES if blocks(page, "python") and page.name not in ELSEWHERE]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("page", WITH_CODE, ids=name_of)
def test_the_blocks_of_a_page_run_in_order_and_print_the_shown_output(
    page, tmp_path, monkeypatch, capsys
):
    (tmp_path / "results").symlink_to(ROOT / "results")
    monkeypatch.chdir(tmp_path)
    names: dict = {"__name__": page.name}
    for block in blocks(page, "python"):
        exec(compile(block, name_of(page), "exec"), names)
        for said in re.findall(r"^print\(.*\)  # (.*)", block, flags=re.MULTILINE):
            expected = said if said.startswith("torch.") else ""
            assert expected in capsys.readouterr().out


def commands(page: Path) -> list[tuple[str, bool]]:
    """Return the command lines of a page, and whether each is complete (in a block)."""
    text = "\n".join(blocks(page, "", "bash")).replace("\\\n", " ")
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines()]
    prose = FENCE.sub("", page.read_text())
    mentioned = re.findall(r"`((?:coordconv|make) [^`]+)`", prose)
    return [(line, True) for line in lines if line] + [(line, False) for line in mentioned]


COMMANDS = sorted({command for page in PAGES for command in commands(page)})
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def complaint_about(line: str, in_full: bool = True) -> str:
    """Return the fault of a command line, or ""; one in prose may lack arguments."""
    words = ["2" if word == "N" else word for word in shlex.split(line)]
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words.pop(0)
    for ours in ("coordconv", "coordconv_lab"):
        if words and ours in words and words[0] in {"coordconv", "srun", "torchrun"}:
            return complaint_of_the_parser(words[words.index(ours) + 1 :], in_full)
    if words[0] == "make":
        return "" if words[1] in TARGETS else f"{line}: there is no such target"
    if words[0] == "python":
        here = (ROOT / words[1]).is_file() or words[1] == "train.py"  # A file of the reader.
        return "" if here else f"{line}: there is no such file"
    if words[0] == "nox":
        cells = {f"cell({cell.id})" for cell in CELLS}
        return "" if set(words[2:]) <= cells else f"{line}: there is no such cell"
    if words[:2] == ["pip", "install"]:
        named = {one for part in re.findall(r"\[(.*?)\]", line) for one in part.split(",")}
        return "" if named <= set(EXTRAS) else f"{line}: there is no such extra"
    return "" if words[0] in OF_THE_READER else f"{line}: what is {words[0]}?"


MADE = {("train",): train, ("reproduce",): reproduce, ("data", "export"): export}
"""Commands that are made for their arguments, by their name."""


def complaint_of_the_parser(words: list[str], in_full: bool) -> str:
    arguments, files = split_plugins(words)
    with own_registry():
        use_plugins([ROOT / file for file in files])
        return complaint_of(arguments, in_full)


def complaint_of(arguments: list[str], in_full: bool) -> str:
    try:
        command = app
        for name, make in MADE.items():
            if tuple(arguments[: len(name)]) == name:
                arguments = arguments[len(name) :]
                command = make(arguments)
                break
        command.parse_args(arguments, exit_on_error=False, print_error=False)
    except (MissingArgumentError, InputError) as error:
        return str(error) if in_full else ""
    except Exception as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("line", "in_full"), COMMANDS)
def test_every_command_line_is_valid(line, in_full):
    assert complaint_about(line, in_full) == ""


@pytest.mark.parametrize(
    "line",
    [
        "coordconv trane classification",
        "coordconv train classification --no-such-option 1",
        "make nothing",
        'nox -s "cell(2.7-library-lowest)"',
        "python examples/none.py",
        "pip install '.[none]'",
        "rm -r /",
    ],
)
def test_an_invalid_command_line_is_detected(line):
    assert complaint_about(line)


def test_blocks_and_command_lines_were_found():
    assert len(WITH_CODE) >= 6
    assert sum(len(blocks(page, "python")) for page in WITH_CODE) >= 25
    assert len(COMMANDS) >= 40
    for page in WITH_CODE:
        for block in blocks(page, "python"):
            ast.parse(block)


def test_the_table_of_networks_matches_the_committed_record():
    assert is_current("make_models.py"), "run `make speed`"
