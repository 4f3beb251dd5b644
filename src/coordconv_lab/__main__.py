"""`python -m coordconv_lab` is the command `coordconv`."""

import sys


def main() -> int:
    """Run a command as `coordconv_lab.cli.main` does; where the laboratory lacks a package, say so.

    Returns:
        The exit code.
    """
    try:
        from coordconv_lab.cli import main as command
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("coordconv"):
            raise
        print(
            f"coordconv: there is no {error.name}, which the laboratory needs: "
            "pip install 'torch-coordconv[lab]'",
            file=sys.stderr,
        )
        return 2
    return command()


if __name__ == "__main__":
    sys.exit(main())
