"""Write docs/where-explorer.html from the committed predictions of held-out places.

Run it with `make evidence`. A test fails if the page and the predictions differ.
"""

import json
import sys
from pathlib import Path

from measured_parts import write_or_check

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "where-explorer.html"
PREDICTIONS = ROOT / "benchmarks" / "results" / "held_out_predictions.json"
TEMPLATE = Path(__file__).with_name("where_explorer.html")

TEMPERATURES = {
    "true": "True",
    "conv": "Without coordinates",
    "latitude": "With latitude",
    "sphere": "With the point on the unit sphere",
}
BRAINS = {
    "true": "True",
    "conv": "Without coordinates",
    "coordconv": "With millimeters",
    "stale": "With unmirrored millimeters",
}


def page() -> str:
    """Put the predictions into the template."""
    found = json.loads(PREDICTIONS.read_text())
    names = {"temperatures": list(TEMPERATURES.items()), "brains": list(BRAINS.items())}
    words = json.dumps({**names, **found}, separators=(",", ":"), ensure_ascii=False)
    return TEMPLATE.read_text().replace("@DATA@", words.replace("<", "\\u003c"))


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page()))
