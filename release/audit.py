"""Ask whether a pinned version has a known vulnerability.

Exit codes: 0 if every version was looked up and none has one, 1 if one has, 3 if not all could be
looked up. The last must not pass: left to itself, pip-audit skips a version that its service does
not know, and ends well even if it skipped them all.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Audit the constraints file; return the exit code."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", ROOT / "constraints.txt"]
    # The file pins everything, so that nothing has to be resolved or installed.
    command += ["--no-deps", "--disable-pip", "--strict"]
    command += ["--progress-spinner", "off", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    code, words = verdict(done.stdout, done.stderr)
    print(f"audit: {words}", file=sys.stderr if code else sys.stdout)
    return code


def verdict(output: str, errors: str) -> tuple[int, str]:
    """Turn what pip-audit said into an exit code and words."""
    try:
        found = json.loads(output)["dependencies"]
    except ValueError:
        reason = (errors.strip().splitlines() or ["pip-audit said nothing"])[-1]
        return 3, (
            "NOT DONE, the vulnerability service did not answer for every version; "
            f"run it where it can be reached. The last word of pip-audit: {reason}"
        )
    holes = [
        f"{one['name']} {one['version']}: {hole['id']}" for one in found for hole in one["vulns"]
    ]
    if holes:
        return 1, "\n".join(["known vulnerabilities:", *holes])
    return 0, f"{len(found)} versions, no known vulnerability"


if __name__ == "__main__":
    sys.exit(main())
