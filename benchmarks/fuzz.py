"""Feed at least ten thousand unusual inputs to every reader, and record the results.

    python benchmarks/fuzz.py                        # a quarter of an hour, or more
    python benchmarks/fuzz.py --cases 100 grids specs

CASES is the number of cases per test; every kind has several tests. Each file of tests/fuzz runs in
its own process with limited memory, so that a case that needs too much memory fails without
affecting the machine.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from coordconv_lab.results.files import read_json, write_json
from coordconv_lab.train.provenance import commit

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "fuzz"
OUT = ROOT / "benchmarks" / "results" / "fuzz.json"
MOST_BYTES = 8 * 2**30
"""Limit of the address space. Importing torch already maps several gigabytes that are not used."""


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))


def fuzz(path: Path, cases: int) -> dict[str, object]:
    """Run one file of tests, and return the counts by kind and the tests that failed."""
    with tempfile.TemporaryDirectory() as place:
        result = Path(place) / "counts.json"
        environment = os.environ | {
            "COORDCONV_FUZZ_CASES": str(cases),
            "COORDCONV_FUZZ_RESULT": str(result),
        }
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", path],
            cwd=ROOT,
            env=environment,
            preexec_fn=limit,
            capture_output=True,
            text=True,
            check=False,
        )
        lines = done.stdout.splitlines()
        failed = [line.split(" - ")[0] for line in lines if line.startswith(("FAILED", "ERROR"))]
        if done.returncode:
            print(
                "\n".join(line[:200] for line in lines[-60:]), done.stderr[-2000:], file=sys.stderr
            )
        counts = json.loads(result.read_text()) if result.exists() else {}
    return {
        "cases": sum(count["cases"] for count in counts.values()),
        "seconds": round(time.perf_counter() - started, 1),
        "failed": failed or ([] if done.returncode == 0 else ["the process ended"]),
        "kinds": {
            kind: count | {"seconds": round(count["seconds"], 1)} for kind, count in counts.items()
        },
    }


def main() -> None:
    kinds = [p.stem.removeprefix("test_") for p in sorted(FOLDER.glob("test_*.py"))]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=[*kinds, []], help="by default all")
    parser.add_argument("--cases", type=int, default=3500)
    given = parser.parse_args()
    for kind in given.kinds or kinds:
        found = {"commit": commit(), "cases of a test": given.cases}
        found |= fuzz(FOLDER / f"test_{kind}.py", given.cases)
        print(f"{kind}: {found['cases']} cases, {found['seconds']} s, failed: {found['failed']}")
        kept = read_json(OUT) if OUT.exists() else {}
        write_json(OUT, kept | {"memory": MOST_BYTES, kind: found})


if __name__ == "__main__":
    main()
