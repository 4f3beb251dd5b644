"""Turn the README into the description that a package index shows.

An index has only this text: relative links and images of the README lead nowhere there. If
`pyproject.toml` declares a repository, they become addresses at the tag of the version. Otherwise
links become plain text, and images are omitted with their captions.
"""

import re
import tomllib
from pathlib import Path

IMAGE = re.compile(r"!\[([^\]]*)\]\((?![a-z]+:)([^)\s]+)\)")
LINK = re.compile(r"(?<!!)\[([^\[\]]+)\]\((?![a-z]+:|#)([^)\s]+)\)")
FENCE = re.compile(r"^(```.*?^```)$", flags=re.DOTALL | re.MULTILINE)
IMAGE_AND_CAPTION = re.compile(
    rf"^{IMAGE.pattern}\n\n(?:\*[^*\n][^\n]*\*\n\n)?", flags=re.MULTILINE
)


def for_the_index(readme: str, repository: str | None, version: str) -> str:
    """Return the README without relative links and images.

    Args:
        readme: Text of the README.
        repository: Address of the repository; None if it has no public one.
        version: Version of the release, whose tag is v followed by it.

    Example:
        >>> for_the_index("See [speed](docs/speed.md).", None, "1.0")
        'See speed.'
        >>> for_the_index("See [speed](docs/speed.md).", "https://lab.example/a", "1.0")
        'See [speed](https://lab.example/a/blob/v1.0/docs/speed.md).'
    """
    parts = FENCE.split(readme)
    for index in range(0, len(parts), 2):  # Odd parts are code blocks.
        if repository is None:
            parts[index] = IMAGE_AND_CAPTION.sub("", parts[index])
            parts[index] = LINK.sub(r"\1", IMAGE.sub(r"\1", parts[index]))
        else:
            address = repository.rstrip("/")
            parts[index] = IMAGE.sub(rf"![\1]({address}/raw/v{version}/\2)", parts[index])
            parts[index] = LINK.sub(rf"[\1]({address}/blob/v{version}/\2)", parts[index])
    return "".join(parts)


def write_for_the_index(tree: Path) -> None:
    """Rewrite the README of an exported tree before it is built."""
    project = tomllib.loads((tree / "pyproject.toml").read_text())["project"]
    readme = tree / project["readme"]
    repository = project.get("urls", {}).get("Repository")
    readme.write_text(for_the_index(readme.read_text(), repository, project["version"]))
