"""Random chains of conversions. After every step, outputs are equal, or an error explains why not.

By default there are two thousand chains; tests/coordconv/conversion/test_chains.py runs some of
them.
"""

import argparse
import json
import platform
import sys
import time
from collections import Counter
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.coordconv.conversion import chains

RESULT = Path(__file__).parent / "results" / "chains.json"


def main() -> int:
    """Run the chains, write the results, and return 1 if a chain failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chains", type=int, default=2000)
    parser.add_argument("--length", type=int, default=6, help="steps after the first conversion")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    done, refused, failures = Counter[str](), Counter[str](), []
    for seed in range(options.first, options.first + options.chains):
        try:
            for step in chains.run(seed, options.length):
                name, _, reason = step.partition(" (refused")
                (refused if reason else done)[name] += 1
        except Exception as error:
            failures.append(f"{seed}: {type(error).__name__}: {error}")
            print(failures[-1])
        if (seed + 1 - options.first) % 100 == 0:
            print(f"{seed + 1 - options.first} chains, {len(failures)} failures", flush=True)
    record = {
        "date": time.strftime("%Y-%m-%d"),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "chains": options.chains,
        "steps in each": options.length + 1,
        "failures": failures,
        "done": dict(sorted(done.items())),
        "refused": dict(sorted(refused.items())),
    }
    RESULT.write_text(json.dumps(record, indent=1) + "\n")
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
