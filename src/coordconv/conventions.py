"""Coordinate conventions: which values the coordinate channels have, and in which order.

The default is the convention of Liu et al. 2018, arXiv:1807.03247, section "The CoordConv layer".
Its channels are x and then y, and each goes from -1 at the center of the first pixel to 1 at the
center of the last pixel. The presets in `CONVENTIONS` match published code, so that its pretrained
weights can be used.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any, Literal, get_args

__all__ = [
    "CONVENTIONS",
    "Alignment",
    "Convention",
    "ConventionName",
    "Order",
    "RadiusForm",
    "Side",
]

Order = Literal["xy", "ij"]
Alignment = Literal["corners", "edges", "half_open"]
RadiusForm = Literal["euclidean", "off_center", "normalized"]
Side = Literal["after", "before"]
ConventionName = Literal[
    "paper", "mkocabas", "wizaron", "sparseinst", "stargan", "monai", "deepcell",
    "affine_grid", "pixels",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Convention:
    """The values and the order of the coordinate channels.

    A convention is immutable and hashable, and its attributes are validated.

    Attributes:
        order: ``"xy"`` orders the axes from the last to the first: x is the column, and y is the
            row, which increases downward. ``"ij"`` keeps the order of the axes: row, then column.
        span: The lowest and the highest coordinate. ``"pixels"`` means that coordinates are pixel
            indices: an axis with n pixels then has the span 0 to n - 1 if ``alignment`` is
            ``"corners"``, and 0 to n otherwise.
        alignment: Which points of an axis are at the two ends of the span. ``"corners"``: the
            centers of the first and the last pixel, as with ``align_corners=True`` in torch.
            ``"edges"``: the outer edges of the first and the last pixel, as with
            ``align_corners=False``; the centers of these pixels are half a pixel inside the span.
            ``"half_open"``: the center of the first pixel is at the low end, and the high end is
            one pixel after the center of the last pixel.
        radius: How the radius is measured in layers with ``radius=True``. ``"euclidean"``: the
            distance to the center of the span, as in the paper. ``"off_center"``: the distance to
            the point where every coordinate is 0.5, which some published weights need.
            ``"normalized"``: the Euclidean distance divided by its maximum over the full image.
        side: Whether the coordinate channels are ``"after"`` or ``"before"`` the data channels in
            a concatenation. The side does not change the outputs of coordinate convolutions such
            as `CoordConv2d`.

    Raises:
        ValueError: If an attribute has an unsupported value. A ``span`` of two numbers must be
            finite, with the lower number first.

    Example:
        >>> Convention(order="ij", span=(0, 1))
        Convention(order='ij', span=(0, 1), alignment='corners', radius='euclidean', side='after')
        >>> Convention.of("monai").span
        (-0.5, 0.5)
    """

    order: Order = "xy"
    span: tuple[float, float] | Literal["pixels"] = (-1.0, 1.0)
    alignment: Alignment = "corners"
    radius: RadiusForm = "euclidean"
    side: Side = "after"

    def __post_init__(self) -> None:
        choices = {"order": Order, "alignment": Alignment, "radius": RadiusForm, "side": Side}
        for name, kind in choices.items():
            if getattr(self, name) not in get_args(kind):
                expected = ", ".join(map(repr, get_args(kind)))
                value = getattr(self, name)
                raise ValueError(
                    f"`{name}` must be one of {expected}, got {value!r}{_renamed(name, value)}"
                )
        if self.span != "pixels":
            object.__setattr__(self, "span", _checked_span(self.span))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Validate a copied or unpickled convention, as the constructor does."""
        self.__dict__.update(state)
        self.__post_init__()

    @staticmethod
    def of(convention: "Convention | ConventionName") -> "Convention":
        """Return ``convention`` itself, or the preset with that name.

        Args:
            convention: A convention, or a key of `CONVENTIONS`.

        Raises:
            ValueError: If there is no preset with that name.
            TypeError: If ``convention`` is not a convention or a string.
        """
        if isinstance(convention, Convention):
            return convention
        if not isinstance(convention, str):
            raise TypeError(
                f"`convention` must be a Convention or a preset name, got {convention!r}"
            )
        if convention not in CONVENTIONS:
            names = ", ".join(map(repr, CONVENTIONS))
            raise ValueError(
                f"`convention` must be one of the presets {names}, got {convention!r}"
                f"{_renamed('convention', convention)}. For other conventions, pass a Convention "
                "such as Convention(order='ij', span=(0, 1))"
            )
        return CONVENTIONS[convention]


def checked_radius(radius: object) -> bool:
    """Return ``radius`` if it is a bool.

    The argument only says whether there is a radius. The convention says how it is measured.

    Raises:
        TypeError: If ``radius`` is not True or False.
    """
    if not isinstance(radius, bool):
        raise TypeError(
            f"`radius` must be True or False, got {radius!r}; to choose how the radius is "
            "measured, set it in the convention, such as Convention(radius='normalized')"
        )
    return radius


def _renamed(name: str, value: object) -> str:
    """Return the end of an error message that gives the new name of ``value``, if it has one."""
    new = _RENAMED.get((name, value)) if isinstance(value, str) else None
    return f", which was renamed to {new!r}; use the new name" if new else ""


def _checked_span(span: object) -> tuple[float, float]:
    if (
        isinstance(span, (tuple, list))
        and len(span) == 2
        and all(isinstance(end, Real) for end in span)
        and -math.inf < span[0] < span[1] < math.inf
    ):
        # Numbers of NumPy cannot be stored in JSON.
        low, high = (int(end) if isinstance(end, Integral) else float(end) for end in span)
        return (low, high)
    raise ValueError(
        f"`span` must be two finite numbers, low before high, or 'pixels', got {span!r}"
    )


# Old values that stored files may still contain, with their new names.
_RENAMED = {
    ("convention", "tutorial"): "paper",
    ("alignment", "centres"): "edges",
    ("radius", "off_centre"): "off_center",
}

_PAPER = Convention()

CONVENTIONS: Mapping[ConventionName, Convention] = MappingProxyType(
    {
        # The comment above a preset names the papers, repositories and libraries that use it.
        # Liu et al. 2018, Ashwin D'Cruz's "Coord Conv Tutorial", early PP-YOLO, SOLO, CRIS, ABCNet.
        "paper": _PAPER,
        # mkocabas, walsvid, keras-coordconv, pytorch-toolbelt, anomalib.
        "mkocabas": Convention(order="ij", radius="off_center"),
        # Wizaron/coord-conv-pytorch, nihalsid/coordconv-pytorch.
        "wizaron": Convention(order="ij", radius="normalized", side="before"),
        "sparseinst": Convention(side="before"),
        # The face aligner of StarGAN v2, AdaptiveWingLoss.
        "stargan": Convention(order="ij", radius="normalized"),
        "monai": Convention(order="ij", span=(-0.5, 0.5)),
        "deepcell": Convention(order="ij", span=(0.0, 1.0)),
        # torch.nn.functional.affine_grid and grid_sample with their default align_corners=False.
        "affine_grid": Convention(alignment="edges"),
        # torch.meshgrid of indices: row and column as integers.
        "pixels": Convention(order="ij", span="pixels"),
    }
)
"""The presets by name: the default ``"paper"``, and the conventions of other published code."""
