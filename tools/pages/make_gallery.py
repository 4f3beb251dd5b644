"""Rewrite docs/gallery.md and its images: run every example, store its output and draw its image.

Run it with `make gallery`; pass names of examples to run only these. With --check, only check that
the page has the text and some output of every example.
"""

import contextlib
import importlib.util
import io
import re
import sys
from pathlib import Path
from types import ModuleType

from gallery_pictures import PICTURES
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from measured_parts import write_or_check

from coordconv_lab.plotting import default_style

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "gallery.md"
IMAGES = ROOT / "docs" / "images"
ORDER = (
    "segmentation_on_crops",
    "tiled_inference",
    "converting_a_trained_net",
    "signal_localization",
    "volume_localization",
    "exporting_to_onnx",
    "trial_of_a_unet",
    "plugin_experiment",
)
INTRODUCTION = (
    "# Gallery\n\nEach example is a script that ends with an assertion. Most examples run in "
    "seconds, and compare a method of this library with the usual method over several seeds. The "
    "tests run all examples with one seed. The command `make gallery` runs the examples and writes "
    "this page with their output.\n"
)


def examples() -> list[Path]:
    """Return the scripts in the order of the page, and check that the page contains all scripts."""
    found = {path.stem: path for path in (ROOT / "examples").glob("*.py")}
    found.pop("tutorial", None)  # A notebook, which has its own page.
    if set(found) != set(ORDER):
        raise SystemExit(
            f"examples/ and the order of the gallery differ: {set(found) ^ set(ORDER)}"
        )
    return [found[name] for name in ORDER]


def loaded(path: Path) -> ModuleType:
    """Import a script from its path."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def section(path: Path, printed: str) -> str:
    """Return the section of an example: its docstring, image, output and file."""
    text = path.read_text().split('"""')[1]
    title, _, rest = text.partition("\n")
    paragraphs = [part for part in rest.split("\n\n") if not part.startswith("    ")]
    words = "\n\n".join(" ".join(part.split()) for part in paragraphs if part.strip())
    parts = [f"## {title.rstrip('.').split(':')[0]}", title.split(": ")[1].capitalize(), words]
    if path.stem in PICTURES:
        parts.append(f"![{PICTURES[path.stem][0]}](images/gallery-{path.stem}.png)")
    parts += [
        f"`python examples/{path.name}` prints",
        f"```text\n{printed.strip()}\n```",
        f"The code: [examples/{path.name}](../examples/{path.name}).",
    ]
    return "\n\n".join(parts) + "\n"


def printed_before() -> dict[str, str]:
    """Return the output of each example on the page."""
    blocks = re.findall(r"`python examples/(\w+)\.py`.*?```text\n(.*?)```", PAGE.read_text(), re.S)
    return dict(blocks)


@default_style()
def run(path: Path) -> str:
    """Run an example, draw its image, and return its output."""
    example, printed = loaded(path), io.StringIO()
    with contextlib.redirect_stdout(printed):
        example.main()
    if path.stem in PICTURES:
        _, size, draw = PICTURES[path.stem]
        figure = Figure(figsize=size, layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        draw(example, figure)
        figure.savefig(IMAGES / f"gallery-{path.stem}.png", dpi=110, metadata={"Software": None})
    return printed.getvalue()


def page(printed: dict[str, str]) -> str:
    """Return the page with the output of each example.

    Raises:
        ValueError: If there is no output of an example.
    """
    if missing := [name for name in ORDER if not printed.get(name, "").strip()]:
        raise ValueError(f"there is no output of {', '.join(missing)}; run `make gallery`")
    return "\n".join([INTRODUCTION, *(section(path, printed[path.stem]) for path in examples())])


def main() -> int:
    """Write the page; with --check, only report whether the page is current."""
    printed = printed_before()
    if "--check" not in sys.argv:
        wanted = sys.argv[1:] or ORDER
        printed |= {path.stem: run(path) for path in examples() if path.stem in wanted}
    return write_or_check(PAGE, page(printed)) or 0


if __name__ == "__main__":
    sys.exit(main())
