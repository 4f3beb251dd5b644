"""How numbers and names are written on the page."""

NAMES = {
    "coordconv": "CoordConv",
    "deconv": "Deconv",
    "conv": "Conv",
    "classification": "Classification",
    "regression": "Regression",
    "rendering": "Rendering",
    "train": "training",
    "test": "held out",
}


def named(word: str) -> str:
    """The name of a task, a model or a side as the page prints it."""
    return NAMES.get(word, word)


def capitalize_first(text: str) -> str:
    """Begin with a capital letter, and leave the rest as it is.

    Example:
        >>> capitalize_first("ours, of IoU")
        'Ours, of IoU'
    """
    return text[:1].upper() + text[1:]


def family(model: str) -> str:
    """The style class of a model: each of the two families has one colour everywhere."""
    return "coordconv" if model == "coordconv" else "baseline"


def seconds(value: float) -> str:
    """Write a wall time in seconds, without its unit.

    Example:
        >>> seconds(9.24), seconds(1234.5)
        ('9.2', '1,234')
    """
    return f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def listed(values: list[int]) -> str:
    """Write whole numbers, runs of neighbours shortened.

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
