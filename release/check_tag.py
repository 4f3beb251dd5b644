"""Compare a tag, such as v0.1.0, with the version of the project; exit code 2 if they differ.

python release/check_tag.py TAG
"""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(arguments: list[str]) -> int:
    """Check the only argument; return the exit code."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    if arguments != [f"v{version}"]:
        given = " ".join(arguments) or "nothing"
        print(
            f"release: expected the tag v{version}, as in pyproject.toml, got {given}; "
            "set the version, or delete the tag",
            file=sys.stderr,
        )
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
