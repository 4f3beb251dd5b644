"""Write the measured parts of docs/sweeps.md from benchmarks/results/.

Run it with `make speed`. A test fails if the page and the measurements differ.
"""

import sys
from pathlib import Path

from make_training_speed import made_on, middle, read
from measured_parts import with_part, write_or_check

PAGE = Path(__file__).parents[2] / "docs" / "sweeps.md"


def overhead() -> str:
    """Format the time per run on each engine, and the memory of the driver process."""
    content = read("sweep_overhead")
    lines = [
        "| engine | runs at once | time per run | time until the first run "
        "| memory after a tenth of the runs | memory at the end |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for engine in ("serial", "ray"):
        turns = [turn for turn in content["turns"] if turn["engine"] == engine]

        def of(name: str, form: str, turns: list[dict] = turns) -> str:
            return middle([turn[name] for turn in turns], lambda value: format(value, form))

        lines.append(
            f"| {engine} | {turns[0]['at_once']} | {of('milliseconds_a_run', '.0f')} ms | "
            f"{of('seconds_until_the_first', '.1f')} s | "
            f"{of('megabytes_after_a_tenth', '.0f')} MB | {of('megabytes_at_the_end', '.0f')} MB |"
        )
    runs, turns = content["turns"][0]["runs"], len(content["turns"]) // 2
    kept = [
        1000 * (turn["megabytes_at_the_end"] - turn["megabytes_after_a_tenth"]) / (0.9 * runs)
        for turn in content["turns"]
        if turn["engine"] == "ray"
    ]
    lines += [
        "",
        f"Measured with {runs} runs that do almost nothing, in {turns} repetitions, on "
        f"{made_on(content)}. Each number is the median, with the range in parentheses. Ray Tune "
        f"keeps {middle(kept, lambda value: format(value, '.0f'))} kB in memory per run until the "
        "sweep ends.",
    ]
    return "\n".join(lines)


def engines() -> str:
    """Describe whether both engines gave the same records."""
    found = read("sweep_engines")
    scaled = ", ".join(f"`{path}={value}`" for path, value in found["scaled_down"].items())
    records, given_up = found["records"], found["given_up"]
    return (
        f"Both engines ran the sweep `{found['sweep']}`, which has {found['runs']} runs and was "
        f"scaled down with {scaled}. The engine `serial` wrote {records['serial']} records, and "
        f"{given_up['serial']} runs failed. The engine `ray` wrote {records['ray']} records, and "
        f"{given_up['ray']} runs failed. {len(found['differing'])} of the records differ in a "
        f"score or in the hash of the weights. The sweeps were run on {made_on(found)}."
    )


def main() -> int | None:
    """Write the page; with --check, only report whether it is current."""
    page = with_part(PAGE.read_text(), overhead(), "overhead")
    return write_or_check(PAGE, with_part(page, engines(), "engines"))


if __name__ == "__main__":
    sys.exit(main())
