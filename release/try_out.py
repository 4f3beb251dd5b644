"""Install the built wheel in an empty environment and use it: first the library, then all of it."""

import re
import sys

from environment import Environment, bare_environment, released

LAYER = (
    "import sys, torch, coordconv, coordconv.export, coordconv.testing;"
    "print(coordconv.__version__, coordconv.CoordConv2d(3, 4, 3)(torch.ones(1, 3, 5, 6)).shape);"
    "sys.exit('site-packages' not in coordconv.__file__)"
)
SMALL = ["--canvas", "14", "18", "--square", "5", "--epochs", "1", "--device", "cpu"]
EXTRA = "pip install 'torch-coordconv[lab]'"


def main() -> int:
    """Try the wheel bare, with the extra, and the sdist; return the exit code."""
    wheel, sdist = released(".whl"), released(".tar.gz")
    with bare_environment() as environment:
        environment.install(str(wheel))
        try_library(environment, version=wheel.name.split("-")[1])
        environment.install(f"{wheel}[lab]")
        try_laboratory(environment)
        environment.install(str(sdist), "--force-reinstall", "--no-deps")
        try_laboratory(environment)
    print("release: the wheel and the sdist install and run")
    return 0


def try_library(environment: Environment, version: str) -> None:
    """Check that with only torch, a layer computes and the commands say what they need."""
    layer = environment.run("python", "-c", LAYER)
    expect(layer, code=0, output=rf"{re.escape(version)} torch.Size\(\[1, 4, 3, 4\]\)\n")
    for command in (["python", "-m", "coordconv_lab"], ["coordconv"]):
        done = environment.run(*command, "--help")
        expect(done, code=2, error=rf"coordconv: [^\n]*{re.escape(EXTRA)}\n")


def try_laboratory(environment: Environment) -> None:
    """Check that with the extra, help is printed, a network trained and its report written."""
    for command in (["python", "-m", "coordconv_lab"], ["coordconv"]):
        expect(environment.run(*command, "--help"), code=0, output=r"Usage: coordconv.*")
    expect(environment.run("coordconv", "train", "regression", *SMALL, "--runs", "runs"), code=0)
    expect(environment.run("coordconv", "report", "--runs", "runs", "--out", "page.html"), code=0)
    page = (environment.directory / "page.html").read_text()
    if "Plotly" not in page or "<style" not in page:
        raise SystemExit("release: the report lacks its script or its style")


def expect(done, code: int, output: str = ".*", error: str = ".*") -> None:
    """Refuse another exit code, or text that does not match."""
    matches = (re.fullmatch(output, done.stdout, re.S), re.fullmatch(error, done.stderr, re.S))
    if done.returncode != code or not all(matches):
        command = " ".join(str(part) for part in done.args)
        raise SystemExit(
            f"release: {command}\nexpected exit code {code}, {output!r} and {error!r};\n"
            f"got {done.returncode}, {done.stdout!r} and {done.stderr!r}"
        )


if __name__ == "__main__":
    sys.exit(main())
