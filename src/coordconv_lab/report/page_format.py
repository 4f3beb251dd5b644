"""Formats of numbers and names on the page."""

import re

from coordconv_lab.registry import registry

NAMES = {
    "train": "training",
    "test": "held out",
}


def named(word: str) -> str:
    """Return the name of a task, model or side, as printed on the page."""
    if word in NAMES:
        return NAMES[word]
    known = registry()
    if word in known.tasks:
        return known.tasks[word].title
    names = (experiment.names.get(word) for experiment in known.experiments.values())
    return next(filter(None, names), word)


def capitalize_first(text: str) -> str:
    """Capitalize the first letter and keep the rest.

    Example:
        >>> capitalize_first("ours, of IoU")
        'Ours, of IoU'
    """
    return text[:1].upper() + text[1:]


def unbroken(text: str) -> str:
    """Keep numbers such as 1e-4 on one line, with a word joiner after the minus sign.

    Example:
        >>> unbroken("learning rate 1e-4") == "learning rate 1e-\N{WORD JOINER}4"
        True
    """
    return re.sub(r"(?<=\de)-(?=\d)", "-\N{WORD JOINER}", text)


def style(task: str, family: str) -> str:
    """Return the style class of a network: one color for the main family, another for the rest."""
    return "coordconv" if family == registry().main_family(task) else "baseline"


def seconds(value: float) -> str:
    """Format a wall time in seconds, without the unit.

    Example:
        >>> seconds(9.24), seconds(1234.5)
        ('9.2', '1,234')
    """
    return f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def listed(values: list[int]) -> str:
    """Format integers; consecutive integers are shortened to ranges.

    Example:
        >>> listed([0, 1, 2, 7])
        '0 to 2, 7'
    """
    runs: list[list[int]] = []
    for value in sorted(set(values)):
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ", ".join(
        f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs
    )
