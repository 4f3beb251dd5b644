"""A matplotlib figure for notebooks, with a description in words."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coordconv_lab.errors import InputError
from coordconv_lab.plotting import default_style, import_matplotlib
from coordconv_lab.results.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

DOTS_PER_INCH = 200


class Drawing:
    """A figure that notebooks show without a matplotlib backend.

    Attributes:
        figure: The matplotlib figure.
        alt: Description of the figure, which is also its ``repr``.

    Example:
        >>> from matplotlib.figure import Figure
        >>> Drawing(Figure(figsize=(1, 1)), "an empty figure")
        <figure: an empty figure>
    """

    def __init__(self, figure: "Figure", alt: str) -> None:
        self.figure, self.alt = figure, alt

    def __repr__(self) -> str:
        return f"<figure: {self.alt}>"

    def save(self, path: str | Path) -> Path:
        """Write the figure to a file, in the format of its suffix, such as .png or .pdf."""
        path = Path(path)
        write_atomically(path, self._as_bytes(path.suffix.removeprefix(".") or "png"))
        return path

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        width, height = (round(side * 100) for side in self.figure.get_size_inches())
        # Show the figure at half of its size in the file, so that it is sharp on any screen.
        size = {"image/png": {"width": width, "height": height}}
        return {"image/png": self.png(), "text/plain": repr(self)}, size

    def png(self) -> bytes:
        """Return the figure as a PNG file."""
        return self._as_bytes("png")

    def _as_bytes(self, form: str) -> bytes:
        file = io.BytesIO()
        # Omit the version of matplotlib from the file, so that the same run gives the same bytes.
        made = {"Software": None} if form == "png" else None
        with default_style():
            self.figure.savefig(file, format=form, dpi=DOTS_PER_INCH, metadata=made)
        return file.getvalue()


def show_images(images: "Mapping[str, Any]", columns: int = 4) -> Drawing:
    """Draw images side by side, each scaled from its darkest to its lightest value.

    Args:
        images: The images by title, as tensors or arrays of shape (H, W).
        columns: Number of images per row.

    Returns:
        The figure. Its axes show the rows and columns of pixels.

    Raises:
        InputError: There are no images, or an image does not have two axes.

    Example:
        >>> show_images({"a checkerboard": [[0, 1], [1, 0]]})
        <figure: a checkerboard: 2 x 2 pixels, from 0 to 1>
    """
    import numpy as np

    arrays = {title: np.asarray(image) for title, image in images.items()}
    if not arrays or any(array.ndim != 2 for array in arrays.values()):
        shapes = {title: array.shape for title, array in arrays.items()}
        raise InputError(f"expected images of shape (H, W) by title, got {shapes}")
    import_matplotlib()
    from coordconv_lab.report.run_panels import figure_of_panels, image_panel

    panels = [image_panel(title, array) for title, array in arrays.items()]
    with default_style():
        figure = figure_of_panels(panels, columns)
    return Drawing(figure, "; ".join(panel.alt for panel in panels))
