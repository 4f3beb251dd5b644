"""Patterns of prose that is hard to read, and the phrases that may contain them."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from prose import Passage


class Pattern(NamedTuple):
    """Words to avoid, as a regular expression, and what to write instead."""

    name: str
    words: str
    instead: str
    starts_a_docstring: bool = False


class Allowed(NamedTuple):
    """A phrase that may contain a pattern, as a regular expression, and the reason."""

    pattern: str
    phrase: str
    reason: str


class Hit(NamedTuple):
    """A place where a pattern was found, and the phrase that allows it, if any."""

    path: str
    line: int
    pattern: Pattern
    context: str
    allowed: Allowed | None


PATTERNS = (
    Pattern("is no", r"\bis no ", 'negate the verb: "is not a"'),
    Pattern("is none", r"\bis (?-i:none)\b", "negate the verb, or write `None`"),
    Pattern("no number", r"\bno number\b", '"not a number", or NaN'),
    Pattern("stands", r"\bstands\b", '"is", "follows" or "is listed"'),
    Pattern("lies", r"\blies\b", '"is"'),
    Pattern("alone", r"\balone\b", '"only"'),
    Pattern("goes on", r"\bgoes on\b", '"continues"'),
    Pattern("whoever", r"\bwhoever\b", "name the person or the program"),
    Pattern("whatever", r"\bwhatever\b", '"any", or "for every"'),
    Pattern("somebody", r"\bsomebody\b", "name the person or the program"),
    Pattern("nobody", r"\bnobody\b", '"no other process", "no run"'),
    Pattern("one's own", r"\bone's own\b", '"your own"'),
    Pattern("hands over", r"\bhands over\b", '"passes" or "returns"'),
    Pattern("let go", r"\blet go\b", '"release"'),
    Pattern("is to be had", r"\bis (?:not )?to be had\b", '"is (not) available"'),
    Pattern("the whole", r"\bthe whole\b", '"the full image", "all of", or "the entire"'),
    Pattern("share of the coordinates", r"\bshare of the coordinates\b", '"coordinate term"'),
    Pattern("sitting", r"\bsitting\b", '"session" or "call"'),
    Pattern("Of ...", r"\AOf\b", "start with a verb or a noun phrase", True),
    Pattern("What ...", r"\AWhat\b", "start with a verb or a noun phrase", True),
    Pattern("Who ...", r"\AWho\b", "start with a verb or a noun phrase", True),
)

ALLOWED = (
    Allowed("is no", r"\bthere is no ", "it says that something does not exist"),
    Allowed("is no", r"\bis no (?:longer|larger|faster|better) ", "it compares"),
    Allowed("is none", r"\bthere is none\b", "it says that something does not exist"),
)


def hits(passage: Passage) -> Iterator[Hit]:
    """Yield the patterns in a passage, in the order of `PATTERNS`."""
    for pattern in PATTERNS:
        if pattern.starts_a_docstring and passage.kind != "docstring":
            continue
        for found in _spaced(pattern.words).finditer(passage.text):
            line = passage.line + passage.text.count("\n", 0, found.start())
            context = passage.text[max(0, found.start() - 40) : found.end() + 40]
            yield Hit(
                passage.path,
                line,
                pattern,
                " ".join(context.split()),
                _allowed(pattern, passage.text, found),
            )


def _allowed(pattern: Pattern, text: str, found: re.Match[str]) -> Allowed | None:
    for allowed in ALLOWED:
        if allowed.pattern == pattern.name:
            for phrase in _spaced(allowed.phrase).finditer(text):
                if phrase.start() <= found.start() and found.end() <= phrase.end():
                    return allowed
    return None


def _spaced(words: str) -> re.Pattern[str]:
    """Let a space of a pattern also match the end of a line."""
    return re.compile(words.replace(" ", r"\s+"), flags=re.IGNORECASE)
