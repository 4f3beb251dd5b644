"""Text of a record is escaped on pages, in tables and in terminals."""

import json
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from coordconv_lab.cli import main
from coordconv_lab.console.run_scores import print_record
from coordconv_lab.console.sweep_tables import print_outcome
from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.hub import SharedNet
from coordconv_lab.report import write_report
from coordconv_lab.report.page import render_waiting
from coordconv_lab.report.watch import serve
from coordconv_lab.report.write import Format
from coordconv_lab.results import Record, RunStore
from coordconv_lab.results.files import read_json, write_json
from coordconv_lab.sweep.outcome import RowOutcome
from tests.report.conftest import add_run, record, store

__all__ = ["add_run", "store"]

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "</style><svg/onload=alert(1)>",
    "<!--",
    "--><b>",
    "<![CDATA[",
    '" onmouseover="alert(1)',
    "' autofocus onfocus='alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;script&gt;",
    "\u2028\u2029</script>",
    "[a](javascript:alert(1)) ![a](x) <javascript:alert(1)> `a` **a** ~~a~~ | a |",
    "# a\n\n---\n\n1. a\n- a\n> a\n    a",
    "[/red][bold]",
    "$\\frac{",
    "\x1b]0;title\x07\x1b[31m\x00\x85",
)


class Tags(HTMLParser):
    """Collect the tags, attributes and texts of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []
        self.others: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, [name for name, _ in attrs]))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}", []))

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)

    def handle_data(self, data: str) -> None:
        self.text += data


def replaced(fields: Any, text: str, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield copies of fields, each with one string replaced, and the path of the string."""
    if isinstance(fields, dict):
        for name, value in fields.items():
            for where, changed in replaced(value, text, f"{path}.{name}"):
                yield where, {**fields, name: changed}
    elif isinstance(fields, str):
        yield path, text


def all_replaced(fields: dict[str, Any], text: str) -> dict[str, Any]:
    """Return a record with all free strings replaced."""
    for where, _ in replaced(fields, text):
        *parents, last = where[1:].split(".")
        changed = json.loads(json.dumps(fields))
        inner = changed
        for name in parents:
            inner = inner[name]
        inner[last] = text
        try:
            Record.parse(changed, "record.json")
        except InputError:
            continue  # Only certain words are allowed here.
        fields = changed
    fields["provenance"]["versions"][text] = text
    return fields


def with_text(directory: Path, text: str) -> Path:
    """Put a text into all strings of the record of a run, and into the name of its directory."""
    path = directory / "record.json"
    fields = all_replaced(read_json(path), text)
    assert json.dumps(fields).count(json.dumps(text)) > 8
    write_json(path, fields)
    (directory / "metrics.csv").unlink()
    name = text.replace("/", "\u2215").replace("\0", "")[:60]
    return directory.rename(directory.with_name(f"{name}{directory.name}"))


def reports(text: str, store: RunStore, add_run: Any, out: Path, form: Format) -> list[str]:
    """Return reports of runs with a harmless word, and of the same runs with the text."""
    found = []
    for words in ("harmless", text):
        with_text(add_run("regression", "uniform"), words)
        damaged = add_run("regression", "quadrant")
        write_json(damaged / "record.json", {"version": words, "spec": {words: words}})
        found.append(write_report(store, out, form=form).read_text())
        shutil.rmtree(store.root)
    return found


@pytest.mark.parametrize("text", ["\n".join(HOSTILE[:8]), " ".join(reversed(HOSTILE[8:]))])
def test_the_page_escapes_text(text, store, add_run, tmp_path):
    plain, ours = map(Tags, reports(text, store, add_run, tmp_path / "page.html", "html"))
    assert ours.found == plain.found
    assert ours.others == plain.others
    assert " ".join(text.split()) in " ".join(ours.text.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_the_waiting_page_escapes_text(text):
    plain = Tags(render_waiting("1", ["a"], "b"))
    assert Tags(render_waiting("1", [text], text)).found == plain.found


def kinds(text: str) -> list[str]:
    """Return the blocks and marks of parsed Markdown, without its texts."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = [inner for token in reader.parse(text) for inner in (token, *(token.children or ()))]
    return [token.type for token in tokens if token.type not in ("text", "text_special")]


@pytest.mark.parametrize("text", HOSTILE)
def test_the_markdown_report_escapes_text(text, store, add_run, tmp_path):
    plain, ours = reports(text, store, add_run, tmp_path / "report.md", "markdown")
    assert kinds(ours) == kinds(plain)
    assert "\x1b" not in ours


@pytest.mark.parametrize("text", HOSTILE)
def test_names_of_scores_with_markup_are_refused(text, store, add_run, capsys):
    path = add_run() / "record.json"
    fields = read_json(path)
    for side in ("train", "test"):
        fields["scores"][side][text] = 1.0
    with pytest.raises(InputError, match="scores"):
        Record.parse(fields, "record.json")
    spec = fields["spec"]
    with pytest.raises(InputError, match="scores: expected numbers"):
        SharedNet(spec, {"train": {text: 1.0}, "test": {text: 1.0}})


@pytest.mark.parametrize("text", HOSTILE)
def test_control_characters_are_not_printed_to_the_terminal(text, tmp_path, capsys):
    text = text.replace("\0", "")
    spec = tuned("regression", "uniform", "coordconv")
    print_record(record(spec, 1, 1, 1), tmp_path / text.replace("/", ""))
    row = RowOutcome("row", [spec], {}, {spec.id: text}, set(), 1)
    print_outcome("sweep", [row], 3)
    said = capsys.readouterr().out
    assert "1 failed" in said
    assert "\x1b" not in said


@pytest.mark.slow("every record")
def test_control_characters_in_a_name_option_are_not_printed(tmp_path, capsys):
    text = "".join(HOSTILE).replace("\0", "")
    for line in (["report", "--runs", str(tmp_path / text)], ["sweep", text], ["study", text]):
        assert main(line) == 2
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "Traceback" not in err


def test_control_characters_in_a_directory_option_are_not_printed(tmp_path, capsys):
    place = tmp_path / "\x1b]0;title\x07"
    line = ["data", "export", "--canvas", "12", "12", "--square", "3", "--out", str(place)]
    assert main(line) == 0
    assert (place / "notsoclevr.npz").is_file()
    said = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("http.server.ThreadingHTTPServer.serve_forever", lambda _: None)
        serve(RunStore(place), [], None, 0, said.append)
    assert "\x1b" not in capsys.readouterr().out + "".join(said)


def test_a_record_whose_scores_differ_in_name_is_refused(add_run):
    """A table of both sets would lack a value."""
    path = add_run() / "record.json"
    fields = read_json(path)
    fields["scores"]["train"]["another"] = 1.0
    with pytest.raises(InputError, match="different scores for training and for test"):
        Record.parse(fields, "record.json")
