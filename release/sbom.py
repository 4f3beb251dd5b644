"""List what an installation consists of (CycloneDX): the library, and the laboratory.

The lists are of real environments, made from the wheel under dist/, and hold no times and no
serial numbers: the same versions give the same bytes.
"""

import json
import subprocess
import sys
from pathlib import Path

from environment import DIST, ROOT, Environment, bare_environment, released


def main() -> int:
    """Write both lists; return the exit code."""
    wheel = released(".whl")
    with bare_environment() as environment:
        for name, requirement in (("library", wheel), ("lab", f"{wheel}[lab]")):
            environment.install(str(requirement))
            path = DIST / f"sbom-{name}.cdx.json"
            components = write(environment, path)
            print(f"{path.relative_to(ROOT)}: {components} components")
    return 0


def write(environment: Environment, path: Path) -> int:
    """Write the list of an environment; return how many components it has."""
    command = [Path(sys.executable).with_name("cyclonedx-py"), "environment"]
    command += ["--output-reproducible", "--pyproject", ROOT / "pyproject.toml"]
    command += ["--mc-type", "library", "--output-file", path, environment.bin / "python"]
    subprocess.run(command, check=True)
    return len(json.loads(path.read_text())["components"])


if __name__ == "__main__":
    sys.exit(main())
