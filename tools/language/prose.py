"""The prose of a file: docstrings, comments, messages, documents and the names of tests."""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

Kind = Literal["docstring", "comment", "message", "test name", "document"]

FENCE = re.compile(r"^ *```.*?^ *```[^\n]*$", flags=re.DOTALL | re.MULTILINE)
# Parts of a sentence that are not English: code, targets of links, tags.
CODE = re.compile(r"``.+?``|`[^`\n]+`|\]\([^)\s]+\)|<[^>\n]+>")
TEMPLATE_CODE = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|</?[a-z][^>]*>", flags=re.DOTALL)
SCRIPT_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", flags=re.DOTALL)
SCRIPT_STRING = re.compile(r"\"[^\"\n]+\"|`[^`]+`")
EXAMPLE = re.compile(r"^\s*(>>>|\.\.\.) .*", flags=re.MULTILINE)


class Passage(NamedTuple):
    """A piece of prose in a file. It starts at line `line`."""

    path: str
    line: int
    kind: Kind
    text: str


def passages(path: str, text: str) -> Iterator[Passage]:
    """Yield the prose of a file, or nothing for an unknown type of file."""
    for ending, read in READERS.items():
        if path.endswith(ending):
            for passage in read(path, text):
                yield passage._replace(text=CODE.sub("``", passage.text))


def python(path: str, text: str) -> Iterator[Passage]:
    """Yield docstrings, names of tests, messages and comments."""
    tree = ast.parse(text)
    seen: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            docstring = ast.get_docstring(node)
            first = node.body[0] if node.body else None
            if docstring is not None and isinstance(first, ast.Expr):
                seen.add(first.value)
                yield Passage(path, first.lineno, "docstring", EXAMPLE.sub("", docstring))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield Passage(path, node.lineno, "test name", node.name.replace("_", " "))
    for node in ast.walk(tree):  # Visits outer nodes first, so f-strings come before their parts.
        if node not in seen and (words := _string(node)):
            seen.update(ast.walk(node))
            yield from _sentence(path, getattr(node, "lineno", 1), words)
    yield from _comments(path, text)


def _string(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "``" for part in node.values]
        return "".join(str(part) for part in parts)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _sentence(path: str, line: int, text: str) -> Iterator[Passage]:
    """Yield a string of at least three words. Shorter strings are mostly names and formats."""
    if len(re.findall(r"[A-Za-z]{2,}", text)) >= 3 and " " in text.strip():
        yield Passage(path, line, "message", text)


def _comments(path: str, text: str) -> Iterator[Passage]:
    first, lines = 0, []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            if lines and token.start[0] != first + len(lines):
                yield Passage(path, first, "comment", "\n".join(lines))
                lines = []
            first = first if lines else token.start[0]
            lines.append(token.string.lstrip("#: "))
    if lines:
        yield Passage(path, first, "comment", "\n".join(lines))


def markdown(path: str, text: str) -> Iterator[Passage]:
    """Yield the paragraphs of a document, without blocks of code."""
    yield from _paragraphs(path, FENCE.sub(_empty_lines, text))


def template(path: str, text: str) -> Iterator[Passage]:
    """Yield the text of a template and its comments."""
    yield from _paragraphs(path, TEMPLATE_CODE.sub(_empty_lines, text))


def _empty_lines(found: re.Match[str]) -> str:
    """Return as many line breaks as the text has, so that line numbers do not change."""
    return "\n" * found.group().count("\n")


def _paragraphs(path: str, text: str) -> Iterator[Passage]:
    line = 1
    for part in re.split(r"(\n\s*\n)", text):
        if part.strip():
            yield Passage(path, line, "document", part)
        line += part.count("\n")


def script(path: str, text: str) -> Iterator[Passage]:
    """Yield the comments and messages of a script or a style sheet."""
    for found in SCRIPT_COMMENT.finditer(text):
        yield Passage(path, text.count("\n", 0, found.start()) + 1, "comment", found.group())
    code = SCRIPT_COMMENT.sub(_empty_lines, text)
    for found in SCRIPT_STRING.finditer(code):
        line = code.count("\n", 0, found.start()) + 1
        yield from _sentence(path, line, found.group().strip('"`'))


def settings(path: str, text: str) -> Iterator[Passage]:
    """Yield the comments of a file in which # starts a comment."""
    for number, line in enumerate(text.splitlines(), start=1):
        if found := re.search(r"(?:^|\s)#+ (.+)", line):
            yield Passage(path, number, "comment", found.group(1))


READERS: dict[str, Callable[[str, str], Iterator[Passage]]] = {
    ".py": python,
    ".md": markdown,
    ".html.j2": template,
    ".js": script,
    ".css": script,
    ".toml": settings,
    ".yml": settings,
    ".yaml": settings,
    "Makefile": settings,
    ".ci/run": settings,
}
