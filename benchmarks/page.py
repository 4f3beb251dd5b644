"""How soon is the report drawn, and how long does the explorer take to follow the pointer?

The program opens docs/report.html several times in a headless Chromium, each time in a new window.
It writes JSON; see benchmarks/README.md.

    python benchmarks/page.py                        # a minute
"""

import argparse
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

from measure import FOLDER, machine, write_json
from playwright.sync_api import Browser, sync_playwright

PAGE = FOLDER.parent / "docs" / "report.html"

FIRST_DRAWING = """() => performance.getEntriesByName("first-contentful-paint")[0].startTime"""

# Do not wait for frames: the measure is the time until everything is drawn on the canvases.
MOVES = """(moves) => {
    const pad = document.querySelector(".pad");
    const wait = window.requestAnimationFrame;
    window.requestAnimationFrame = (draw) => draw();
    const box = pad.getBoundingClientRect();
    const times = [];
    for (let move = 0; move < moves; move += 1) {
        const [x, y] = [0.1 + 0.8 * ((move * 0.618) % 1), 0.1 + 0.8 * ((move * 0.414) % 1)];
        const begun = performance.now();
        pad.dispatchEvent(new PointerEvent("pointermove", {
            pointerType: "mouse",
            clientX: box.left + x * box.width,
            clientY: box.top + y * box.height,
        }));
        document.querySelector(".net canvas").getContext("2d").getImageData(0, 0, 1, 1);
        times.push(performance.now() - begun);
    }
    window.requestAnimationFrame = wait;
    return times;
}"""


def opened(browser: Browser, moves: int) -> dict[str, Any]:
    """Open the page once and move the point on every stage of the explorer."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page = context.new_page()
    page.goto(PAGE.as_uri(), wait_until="load")
    first = page.evaluate(FIRST_DRAWING)
    times: list[float] = []
    for task in ("classification", "regression", "rendering"):
        page.locator(f'.choices [name=task][value="{task}"]').check()
        page.wait_for_timeout(500)
        times += page.evaluate(MOVES, moves)
    context.close()
    return {"first_drawing": first, "moves": times}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER / "results" / "page.json")
    parser.add_argument("--times", type=int, default=7, help="how often the page is opened")
    parser.add_argument("--moves", type=int, default=100, help="moves of the pointer for each task")
    options = parser.parse_args()
    names = ("chromium", "google-chrome", "chromium-headless-shell")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        sys.exit("Chromium is not installed; install it, for example with apt")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        found = [opened(browser, options.moves) for _ in range(options.times)]
        version = browser.version
        browser.close()
    size = PAGE.stat().st_size
    moves = sorted(time for one in found for time in one["moves"])
    content = {
        "machine": machine() | {"chromium": version},
        "bytes": size,
        "first_drawing_ms": sorted(one["first_drawing"] for one in found),
        "move_ms": {
            "n": len(moves),
            "median": statistics.median(moves),
            "of_a_hundred_the_slowest": moves[int(0.99 * len(moves))],
            "slowest": moves[-1],
        },
    }
    write_json(options.out, content)
    drawn = content["first_drawing_ms"]
    move = content["move_ms"]
    print(
        f"{size / 1e6:.1f} MB; first paint {statistics.median(drawn):.0f} ms "
        f"({drawn[0]:.0f} to {drawn[-1]:.0f}); a move {move['median']:.2f} ms, "
        f"99th percentile {move['of_a_hundred_the_slowest']:.2f} ms"
    )


if __name__ == "__main__":
    main()
