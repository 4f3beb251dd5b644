"""Do positions stay correct through augmentation? Errors in pixels, for chains of transforms.

A coordinate image goes through random chains of each library's transforms. The result is compared
with the placement from the adapter in coordconv.integrations, and with the library's own points or
matrix.
"""

import argparse
import importlib
import importlib.metadata
import json
import platform
import random
import sys
import warnings
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parent))
import own_records  # pyright: ignore[reportMissingImports]
from augmentation_tools import TOOLS, Tool, compared  # pyright: ignore[reportMissingImports]

RESULT = Path(__file__).parent / "results" / "augmentations.json"
CHAINS = 200


def measured(name: str) -> dict[str, Any]:
    """Return the errors for a library that is installed."""
    tool = TOOLS[name]()
    known = tool.moves | tool.resamples
    single = {one: max(_errors(tool, [[one]] * 5)) for one in known}
    rng = random.Random(0)
    chains = [rng.choices([*known], k=rng.randint(2, 5)) for _ in range(CHAINS)]
    return {
        "version": importlib.metadata.version(name),
        "record": tool.record,
        "transforms": [*known],
        "refused": [*tool.refused],
        "chains": CHAINS,
        "worst": max(*single.values(), *_errors(tool, chains)),
        "single": single,
        "own": own_records.OWN[name](),
    }


def _errors(tool: Tool, chains: list[list[str]]) -> list[float]:
    errors = []
    for seed, names in enumerate(chains):
        rng = random.Random(seed)
        made = [(tool.moves | tool.resamples)[one](rng) for one in names]
        errors.append(compared(tool, names, *tool.run(made, seed))[0])
    return errors


def main() -> None:
    """Measure the installed libraries, and keep the records of others."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[*TOOLS], help="names of libraries")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    found = json.loads(arguments.out.read_text())["tools"] if arguments.out.exists() else {}
    for name in arguments.only:
        if importlib.util.find_spec(name) is None:
            print(f"{name}: not installed")
            continue
        found[name] = measured(name)
        print(f"{name}: {found[name]['worst']:.1e} px, own {found[name]['own']}", flush=True)
    ordered = {name: found[name] for name in TOOLS if name in found}
    content = {"python": platform.python_version(), "torch": torch.__version__, "tools": ordered}
    arguments.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
