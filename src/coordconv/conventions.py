"""What a coordinate means: order, span, alignment, radius and side, as one frozen object.

The default is the convention of the tutorial and of Liu et al. 2018, arXiv:1807.03247, section
"The CoordConv layer": x then y, both from -1 to 1 at the centres of the outermost pixels. The
presets name the conventions of published code, whose weights were trained with them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

__all__ = ["PRESETS", "Alignment", "Convention", "Order", "RadiusForm", "Side"]

Order = Literal["xy", "ij"]
Alignment = Literal["corners", "centres", "half_open"]
RadiusForm = Literal["euclidean", "off_centre", "normalized"]
Side = Literal["after", "before"]


@dataclass(frozen=True, kw_only=True)
class Convention:
    """What the coordinate channels hold and where they stand. Frozen, hashable, validated.

    Attributes:
        order: ``"xy"`` counts the axes from the last to the first: x is the column, y the row,
            which grows downwards. ``"ij"`` keeps the order of the sizes: row, then column.
        span: The lowest and the highest coordinate, or ``"pixels"`` for indices: 0 to n - 1 with
            corners, 0 to n with the other alignments.
        alignment: Which points of an axis with n pixels lie at the ends of the span.
            ``"corners"``: the centres of the first and of the last pixel (``align_corners=True``
            of torch). ``"centres"``: the outer edges of both, so that pixel centres lie half a
            pixel inside (``align_corners=False``). ``"half_open"``: the first pixel lies at the
            low end and the pixel after the last at the high end.
        radius: How a radius is measured where one is asked for. ``"euclidean"``: the distance to
            the centre of the span, the paper's. ``"off_centre"``: the distance to the point where
            every coordinate is 0.5, as some published weights need. ``"normalized"``: the
            Euclidean one divided by its largest value over the whole picture.
        side: Where the coordinates stand in a concatenation, ``"after"`` the data channels or
            ``"before"`` them. The layers compute the same with both.

    Raises:
        ValueError: If a choice is unknown or the span is not two finite numbers, low before high.

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
                raise ValueError(f"{name} must be one of {expected}, got {getattr(self, name)!r}")
        if self.span != "pixels":
            object.__setattr__(self, "span", _checked_span(self.span))

    @staticmethod
    def of(convention: "Convention | str") -> "Convention":
        """Return the convention itself, or the preset of that name.

        Args:
            convention: A convention, or a key of `PRESETS`.

        Raises:
            ValueError: If no preset has that name.
            TypeError: If it is neither a convention nor a name.
        """
        if isinstance(convention, Convention):
            return convention
        if not isinstance(convention, str):
            raise TypeError(f"convention must be a Convention or a preset name, got {convention!r}")
        if convention not in PRESETS:
            names = ", ".join(map(repr, PRESETS))
            raise ValueError(
                f"convention must be one of the presets {names}, got {convention!r}; "
                "any other is written out, for example Convention(order='ij', span=(0, 1))"
            )
        return PRESETS[convention]


def checked_radius(radius: object) -> bool:
    """Return whether there is a radius; its form is the convention's.

    Raises:
        TypeError: If it is not True or False.
    """
    if not isinstance(radius, bool):
        raise TypeError(
            f"radius must be True or False, got {radius!r}; how it is measured belongs to the "
            "convention, for example Convention(radius='normalized')"
        )
    return radius


def _checked_span(span: object) -> tuple[float, float]:
    if (
        isinstance(span, tuple | list)
        and len(span) == 2
        and all(isinstance(end, int | float) for end in span)
        and -math.inf < span[0] < span[1] < math.inf
    ):
        return (span[0], span[1])
    raise ValueError(f"span must be two finite numbers, low before high, or 'pixels', got {span!r}")


_TUTORIAL = Convention()

PRESETS: Mapping[str, Convention] = MappingProxyType(
    {
        "tutorial": _TUTORIAL,
        # Liu et al. 2018, the older PP-YOLO, SOLO, CRIS, ABCNet.
        "paper": _TUTORIAL,
        # mkocabas, walsvid, keras-coordconv, pytorch-toolbelt, anomalib.
        "mkocabas": Convention(order="ij", radius="off_centre"),
        # Wizaron/coord-conv-pytorch, nihalsid/coordconv-pytorch.
        "wizaron": Convention(order="ij", radius="normalized", side="before"),
        "sparseinst": Convention(side="before"),
        # The face aligner of StarGAN v2, AdaptiveWingLoss.
        "stargan": Convention(order="ij", radius="normalized"),
        "monai": Convention(order="ij", span=(-0.5, 0.5)),
        "deepcell": Convention(order="ij", span=(0.0, 1.0)),
        # torch.nn.functional.affine_grid and grid_sample with their default align_corners=False.
        "affine_grid": Convention(alignment="centres"),
        # torch.meshgrid of indices: row and column as whole numbers.
        "pixels": Convention(order="ij", span="pixels"),
    }
)
"""The named conventions: the tutorial's, which is the default, and those of published code."""
