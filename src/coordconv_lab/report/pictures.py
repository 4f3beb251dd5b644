"""Small images as data URLs, and the color scale of scores."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Colour = tuple[int, int, int]

# From dark to light. Lightness increases evenly, so the order is visible in grayscale and with
# every type of color blindness.
SCALE: Sequence[Colour] = (
    (18, 22, 58),
    (33, 64, 122),
    (47, 112, 160),
    (86, 163, 181),
    (160, 209, 199),
    (240, 247, 218),
)

TRAINED: Colour = (208, 212, 219)
HELD_OUT: Colour = (190, 92, 150)


def css_colour(colour: Colour) -> str:
    """Format a color for a style sheet."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def css_gradient() -> str:
    """Return the full color scale for a legend, from dark at the left to light at the right."""
    return f"linear-gradient(to right, {', '.join(map(css_colour, SCALE))})"


def paint(lit: NDArray[np.float64]) -> str:
    """Draw a grid of numbers in [0, 1] with the color scale.

    Args:
        lit: (R, C), 0 for the darkest color, 1 for the lightest.

    Returns:
        Data URL of a PNG image with one pixel per number.
    """
    stops = np.linspace(0, 1, len(SCALE))
    channels = [np.interp(lit, stops, [colour[i] for colour in SCALE]) for i in range(3)]
    return png_address(np.stack(channels, axis=-1).round().astype(np.uint8))


def paint_sides(is_train: NDArray[np.bool_]) -> str:
    """Draw which positions were trained on; return the data URL of a PNG image."""
    colours = np.array([HELD_OUT, TRAINED], dtype=np.uint8)
    return png_address(colours[is_train.astype(int)])


def png_address(pixels: NDArray[Any]) -> str:
    """Encode pixels, (H, W) in gray or (H, W, 3) in color, as a data URL."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
