"""Write examples/tutorial.ipynb and docs/tutorial.md from examples/tutorial.py.

Run it with `make tutorial`. The notebook is executed in a new kernel, and its outputs are written
to the page and its images. The notebook itself is stored without outputs, which would change with
every execution; the page shows them. With --check, nothing is executed: the program only checks
that the notebook and the text of the page match the script.
"""

import base64
import io
import re
import sys
import tempfile
from collections.abc import Iterator
from html import escape, unescape
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from PIL import Image

ROOT = next(path for path in Path(__file__).parents if (path / "pyproject.toml").is_file())
SCRIPT = ROOT / "examples" / "tutorial.py"
NOTEBOOK = SCRIPT.with_suffix(".ipynb")
PAGE = ROOT / "docs" / "tutorial.md"
IMAGES = ROOT / "docs" / "images"

BEGIN, END = "<!-- output -->", "<!-- end of output -->"
IMAGE = re.compile(r'<img alt="([^"]*)" width="(\d+)" src="data:image/png;base64,([^"]*)">')
CELL_SECONDS = 900
COLORS = 255


def notebook() -> Any:
    """Return the notebook of the script, without outputs."""
    cells = jupytext.read(SCRIPT, fmt="py:percent").cells
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(cells):
        cell.id, cell.metadata = f"cell-{number:02}", {}
    return nbformat.v4.new_notebook(cells=cells, metadata=metadata)


def notebook_text() -> str:
    """Return the content of the notebook's file."""
    return nbformat.writes(notebook(), indent=1) + "\n"


def executed(directory: Path) -> Any:
    """Execute the notebook in a directory, in a new kernel, and return it with its outputs."""
    book = notebook()
    resources = {"metadata": {"path": str(directory)}}
    NotebookClient(book, timeout=CELL_SECONDS, kernel_name="python3", resources=resources).execute()
    return book


def page(book: Any) -> tuple[str, dict[str, bytes]]:
    """Return the text of the page and its images by name."""
    images: dict[str, bytes] = {}
    parts = [part for cell in book.cells for part in _parts(cell, images)]
    return "\n\n".join(parts) + "\n", images


def _parts(cell: Any, images: dict[str, bytes]) -> Iterator[str]:
    if cell.cell_type == "markdown":
        yield cell.source.strip()
        return
    yield f"```python\n{cell.source.strip()}\n```"
    shown = [text for output in cell.get("outputs", []) if (text := _shown(output, images))]
    if shown:
        yield "\n\n".join((BEGIN, *shown, END))


def _shown(output: Any, images: dict[str, bytes]) -> str:
    if output.output_type == "stream":
        return f"```text\n{output.text.strip()}\n```"
    data = output.get("data", {})
    if "image/png" in data:
        alt = data["text/plain"].removeprefix("<figure: ").removesuffix(">")
        width = output.metadata["image/png"]["width"]
        return _image(alt, width, base64.b64decode(data["image/png"]), images)
    if "text/html" in data:
        # Omit progress bars, which contain the time that this machine took.
        html = "" if 'progress"' in data["text/html"] else data["text/html"]
        return IMAGE.sub(lambda found: _inside_html(found, images), html)
    text = data.get("text/plain", "")
    return f"```text\n{text.strip()}\n```"


def _inside_html(found: re.Match, images: dict[str, bytes]) -> str:
    alt, width, content = found.groups()
    image = _image(unescape(alt), int(width), base64.b64decode(content), images)
    return f"</div>\n\n{image}\n\n<div>"


def _image(alt: str, width: int, content: bytes, images: dict[str, bytes]) -> str:
    """Add an image to the images of the page; `width` is the width on the screen."""
    name = f"tutorial-{len(images) + 1:02}.png"
    file = io.BytesIO()
    Image.open(io.BytesIO(content)).convert("RGB").quantize(COLORS).save(file, "png", optimize=True)
    images[name] = file.getvalue()
    return f'<img alt="{escape(alt)}" src="images/{name}" width="{width}">'


def text_of(page: str) -> str:
    """Return a page without outputs."""
    return re.sub(rf"{BEGIN}.*?{END}\n\n?", "", page, flags=re.DOTALL)


def check() -> int:
    """Return 0 if the notebook and the page match the script, else 1."""
    wanted = [notebook_text(), text_of(page(notebook())[0])]
    return int([NOTEBOOK.read_text(), text_of(PAGE.read_text())] != wanted)


def main() -> int:
    """Write the notebook and the page, or check them with --check."""
    if "--check" in sys.argv:
        return check()
    NOTEBOOK.write_text(notebook_text())
    with tempfile.TemporaryDirectory() as directory:
        text, images = page(executed(Path(directory)))
    for path in IMAGES.glob("tutorial-*.png"):
        path.unlink()
    for name, content in images.items():
        (IMAGES / name).write_bytes(content)
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
