"""Small crisp pictures as data addresses, and the colours that scores are painted in."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Colour = tuple[int, int, int]

# From unlit to lit. Lightness rises evenly, so that the order survives every kind of colour
# blindness and a black-and-white print.
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
    """Write a colour as a style sheet does."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def css_gradient() -> str:
    """The whole scale, from unlit at the left to lit at the right, for a legend."""
    return f"linear-gradient(to right, {', '.join(map(css_colour, SCALE))})"


def paint(lit: NDArray[np.float64]) -> str:
    """Paint a grid of numbers in [0, 1] in the colours of the scale.

    Args:
        lit: (R, C), 0 for the darkest colour, 1 for the lightest.

    Returns:
        A data address of a PNG picture, one pixel a number.
    """
    stops = np.linspace(0, 1, len(SCALE))
    channels = [np.interp(lit, stops, [colour[i] for colour in SCALE]) for i in range(3)]
    return png_address(np.stack(channels, axis=-1).round().astype(np.uint8))


def paint_sides(is_train: NDArray[np.bool_]) -> str:
    """Paint which positions were trained on, as a data address of a PNG picture."""
    colours = np.array([HELD_OUT, TRAINED], dtype=np.uint8)
    return png_address(colours[is_train.astype(int)])


def png_address(pixels: NDArray[Any]) -> str:
    """Pack pixels, (H, W) in grey or (H, W, 3) in colour, into a data address."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
