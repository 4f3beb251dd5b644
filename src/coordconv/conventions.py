"""Coordinate conventions: order, span, alignment, radius and side, as one frozen object.

The default is the convention of Liu et al. 2018, arXiv:1807.03247, section
"The CoordConv layer": x then y, both from -1 to 1 at the centers of the outermost pixels. The
presets are the conventions of published code, for use with its pretrained weights.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
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
    """The values and the order of the coordinate channels. Frozen, hashable, validated.

    Attributes:
        order: ``"xy"`` orders the axes from the last to the first: x is the column, and y is the
            row, which increases downward. ``"ij"`` keeps the order of the sizes: row, then column.
        span: The lowest and the highest coordinate, or ``"pixels"`` for indices: 0 to n - 1 with
            corners, 0 to n with the other alignments.
        alignment: Which points of an axis with n pixels are at the ends of the span.
            ``"corners"``: the centers of the first and the last pixel (``align_corners=True`` in
            torch). ``"edges"``: the outer edges of these pixels, so their centers are half a pixel
            inside
            (``align_corners=False``). ``"half_open"``: the first pixel is at the low end, and the
            pixel after the last is at the high end.
        radius: How the radius is measured, for layers with ``radius=True``. ``"euclidean"``: the
            distance to the center of the span, as in the paper. ``"off_center"``: the distance to
            the point where every coordinate is 0.5, for some published weights. ``"normalized"``:
            the Euclidean distance divided by its maximum over the full image.
        side: Whether the coordinate channels are ``"after"`` or ``"before"`` the data channels in
            a concatenation. It does not change the outputs of the layers.

    Raises:
        ValueError: If a choice is unknown, or ``span`` is not two finite numbers, low before high.

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
        """Validate a convention that is copied or unpickled, as if it was constructed."""
        self.__dict__.update(state)
        self.__post_init__()

    @staticmethod
    def of(convention: "Convention | ConventionName") -> "Convention":
        """Return the convention, or the preset of that name.

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
                f"{_renamed('convention', convention)}; for another one, pass a Convention, "
                "such as Convention(order='ij', span=(0, 1))"
            )
        return CONVENTIONS[convention]


def checked_radius(radius: object) -> bool:
    """Return ``radius`` if it is a bool; the convention says how the radius is measured.

    Raises:
        TypeError: If ``radius`` is not True or False.
    """
    if not isinstance(radius, bool):
        raise TypeError(
            f"`radius` must be True or False, got {radius!r}; to choose how it is measured, set "
            "it in the convention, such as Convention(radius='normalized')"
        )
    return radius


def _renamed(name: str, value: object) -> str:
    """Return the part of an error message that says how a value was renamed, if it was."""
    new = _RENAMED.get((name, value)) if isinstance(value, str) else None
    return f", which was renamed to {new!r}: replace it where it is stored" if new else ""


def _checked_span(span: object) -> tuple[float, float]:
    if (
        isinstance(span, tuple | list)
        and len(span) == 2
        and all(isinstance(end, int | float) for end in span)
        and -math.inf < span[0] < span[1] < math.inf
    ):
        return (span[0], span[1])
    raise ValueError(
        f"`span` must be two finite numbers, low before high, or 'pixels', got {span!r}"
    )


# Values that were written into files before the names were settled.
_RENAMED = {
    ("convention", "tutorial"): "paper",
    ("alignment", "centres"): "edges",
    ("radius", "off_centre"): "off_center",
}

_PAPER = Convention()

CONVENTIONS: Mapping[ConventionName, Convention] = MappingProxyType(
    {
        # Liu et al. 2018, the tutorial, early PP-YOLO, SOLO, CRIS, ABCNet.
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
"""The named conventions: the default ``"paper"``, and the conventions of published code."""
