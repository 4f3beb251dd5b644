"""Print docstrings and error messages drawn at random, before and after a change.

    python tools/language/sample.py BEFORE AFTER [--seed 0] [--number 20]

Public docstrings under src/ and messages of raised errors are drawn from the commit BEFORE. Each
text is printed with its counterpart at AFTER: the docstring of the same object, or the most similar
message, preferably from the same function. A text without a counterpart is printed as removed.
"""

import argparse
import ast
import difflib
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from snapshots import at_commit

ROOT = Path(__file__).parents[2]
REMOVED = "(removed)"
SIMILAR = 0.55
"""Minimum ratio, as computed by difflib, for two messages to be versions of the same message."""


class Place(NamedTuple):
    """A public object with its docstring, and the messages of the errors that it raises."""

    path: str
    name: str
    docstring: str | None
    messages: tuple[str, ...]


def places(files: Mapping[str, str]) -> list[Place]:
    """Return the classes and functions of all modules under src/, sorted by module."""
    return [
        place
        for path, text in sorted(files.items())
        if path.startswith("src/") and path.endswith(".py")
        for place in _of_module(path, ast.parse(text))
    ]


def _of_module(path: str, node: ast.AST, prefix: str = "") -> Iterator[Place]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            name = f"{prefix}{child.name}"
            messages = () if isinstance(child, ast.ClassDef) else tuple(_messages(child))
            yield Place(path, name, ast.get_docstring(child), messages)
            yield from _of_module(path, child, f"{name}.")


def _messages(function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            for argument in node.exc.args[:1]:
                if len((text := _formatted(argument)).split()) >= 3:
                    yield text


def drawn(
    before: Mapping[str, str], after: Mapping[str, str], seed: int, number: int
) -> Iterator[tuple[str, str, str, str]]:
    """Yield the kind, the place, the old text and the new text of each draw."""
    old, new = places(before), places(after)
    chance = random.Random(seed)
    documented = [
        one for one in old if one.docstring and not one.name.rpartition(".")[2].startswith("_")
    ]
    for place in _sample(chance, documented, number):
        found = [other.docstring for other in _same(place, new)]
        yield "docstring", _title(place), place.docstring or "", (found or [None])[0] or REMOVED
    raised = [(place, message) for place in old for message in place.messages]
    for place, message in _sample(chance, raised, number):
        yield "message", _title(place), message, _counterpart(place, message, new)


def _counterpart(place: Place, message: str, new: list[Place]) -> str:
    for others in (_same(place, new), new):
        found = [text for other in others for text in other.messages]
        if best := difflib.get_close_matches(message, found, n=1, cutoff=SIMILAR):
            return best[0]
    return REMOVED


def _formatted(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_formatted, node.values))
    if isinstance(node, ast.FormattedValue):
        return f"{{{ast.unparse(node.value)}}}"
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _sample(chance: random.Random, items: list, number: int) -> list:
    return chance.sample(items, min(number, len(items)))


def _same(place: Place, others: list[Place]) -> list[Place]:
    """Return the places with the same name, in the same module if there are any."""
    named = [other for other in others if other.name == place.name]
    return [other for other in named if other.path == place.path] or named


def _title(place: Place) -> str:
    return f"{place.path}: {place.name}"


def main() -> int:
    """Print the draws as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", help="a commit")
    parser.add_argument("after", help="a commit")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--number", type=int, default=20, help="of docstrings, and of messages")
    asked = parser.parse_args()
    before, after = at_commit(ROOT, asked.before), at_commit(ROOT, asked.after)
    print(f"Drawn with seed {asked.seed}: {asked.before} and {asked.after}.")
    for kind, title, old, new in drawn(before, after, asked.seed, asked.number):
        print(f"\n## {kind}: {title}\n\nBefore:\n\n```text\n{old}\n```\n")
        print("After: unchanged." if old == new else f"After:\n\n```text\n{new}\n```")
    return 0


if __name__ == "__main__":
    sys.exit(main())
