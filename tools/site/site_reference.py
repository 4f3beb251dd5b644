"""The pages of the reference: every public name of the library, with its docstring."""

import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import griffe

SOURCES = Path(__file__).parents[2] / "src"


class Page(NamedTuple):
    """A page of the reference with the exported names of one module."""

    title: str
    module: str  # Defines the names.
    start: str  # Import them from here.
    text: str


PAGES = {
    "layers": Page("Layers", "layers", "coordconv", "Modules like those of `torch.nn`."),
    "functions": Page(
        "Functions and conventions",
        "",
        "coordconv",
        "The arithmetic of the layers, the conventions of coordinates, and the windows of crops.",
    ),
    "conversion": Page(
        "Conversion",
        "conversion",
        "coordconv.conversion",
        "Coordinates for existing models, and checkpoints of other code. `convert`, `precompute` "
        "and `revert` can also be imported from `coordconv`.",
    ),
    "export": Page(
        "Export",
        "export",
        "coordconv.export",
        "Files for other runtimes, verified against the model.",
    ),
    "costs": Page(
        "Costs",
        "costs",
        "coordconv.costs",
        "The layers of a model that see coordinates, and their cost.",
    ),
    "usage": Page(
        "Usage",
        "usage",
        "coordconv.usage",
        "Whether a trained model uses its coordinates.",
    ),
    "testing": Page(
        "Testing",
        "testing",
        "coordconv.testing",
        "Assertions about the layers, for your own tests.",
    ),
    "keras": Page("Keras", "keras", "coordconv.keras", "The layers for Keras 3."),
    "laboratory": Page(
        "The laboratory",
        "interactive",
        "coordconv_lab.interactive",
        "Runs of the laboratory from Python and notebooks. `train`, `load`, `runs` and `claim` can "
        "also be imported from `coordconv_lab`. The [tutorial](../tutorial.md) uses all of them.",
    ),
}
PAGES["pixel-placements"] = Page(
    "Pixel placements",
    "pixel_placements",
    "coordconv.pixel_placements",
    "Positions pixel by pixel, after mosaics and elastic transforms.",
)
INTEGRATIONS = {
    "coordinate_images": ("Coordinate images", "Coordinates that any transform carries along."),
    "frames": ("Frames", "Placements of medical images in voxels or millimeters."),
    "albumentations": ("albumentations", "Placements through its transforms."),
    "kornia": ("kornia", "Placements through its augmentations."),
    "monai": ("MONAI", "Placements through its transforms, and in its sliding windows."),
    "torchio": ("torchio", "Placements through its transforms."),
    "torchvision": ("torchvision", "Placements through its transforms v2."),
}
PAGES |= {
    name.replace("_", "-"): Page(
        title, f"integrations.{name}", f"coordconv.integrations.{name}", text
    )
    for name, (title, text) in INTEGRATIONS.items()
}


def write_reference(out: Path) -> None:
    """Write one page for each group of public names."""
    out.mkdir(parents=True, exist_ok=True)
    for stem, page in PAGES.items():
        blocks = "\n".join(f"::: {name}\n" for name in names_of(page))
        example = f"```python\nfrom {page.start} import ...\n```"
        (out / f"{stem}.md").write_text(f"# {page.title}\n\n{page.text}\n\n{example}\n\n{blocks}")
    (out / "commands.md").write_text(commands())


def commands() -> str:
    """Return the page of the command line, from its help texts."""
    from coordconv_lab.cli import app

    text = app.generate_docs(output_format="markdown")
    text = re.sub(r"## Table of Contents\n.*?(?=\*\*Commands)", "", text, flags=re.DOTALL)
    return text.replace("# coordconv\n", "# The command line\n", 1)


def names_of(page: Page) -> list[str]:
    """Return the import paths of the names on a page, ordered by kind and rank."""
    library = _library(page.start.partition(".")[0])
    if page.module:
        names = library[page.module].exports
    else:
        elsewhere = {*library["layers"].exports, *library["conversion"].exports}
        names = [name for name in library.exports if name not in elsewhere]
    return [f"{page.start}.{name}" for name in names]


def public_names() -> dict[str, str]:
    """Return the import path of each documented name, by its last part."""
    # In reverse order, so that CoordConv2d refers to the torch layer.
    return {
        name.rpartition(".")[2]: name
        for page in reversed(PAGES.values())
        for name in names_of(page)
    }


@cache
def _library(package: str) -> Any:
    return griffe.load(package, search_paths=[SOURCES])


class HouseForm(griffe.Extension):
    """Convert docstrings of this project to the format of the builder."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Link names in backticks, and turn references to other arguments into sentences."""
        if obj.docstring is not None and obj.path.startswith(
            ("coordconv.", "coordconv_lab.interactive")
        ):
            obj.docstring.value = in_the_builders_form(obj.docstring.value, obj.name)


def in_the_builders_form(text: str, own: str = "") -> str:
    """Return a docstring in the format of the builder.

    "Those of `CoordConv2d`" instead of a list of arguments becomes a sentence, "Example:" becomes
    "Examples:", a double colon before a code block becomes a single one, and public names in
    backticks become links.
    """
    text = re.sub(
        r"^Args:\n {4}(Those of .*?)(?=\n\n|\Z)",
        lambda found: "Arguments: t" + re.sub(r"\s+", " ", found.group(1))[1:],
        text,
        flags=re.DOTALL | re.MULTILINE,
    )
    text = re.sub(r"^Example:$", "Examples:", text, flags=re.MULTILINE)
    text = re.sub(r"::$", ":", text, flags=re.MULTILINE)
    names = public_names()

    def linked(found: re.Match) -> str:
        name = found.group(1).rpartition(".")[2]
        return f"[`{found.group(1)}`][{names[name]}]" if name in names and name != own else found[0]

    return re.sub(r"(?<!`)`([A-Za-z_.0-9]+)`(?!`)", linked, text)
