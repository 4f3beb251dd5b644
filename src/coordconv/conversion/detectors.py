"""Find the neck and the heads of a detector by the names, classes and order of its modules.

PP-YOLO (Long et al. 2020, arXiv:2007.12099, section 3.2) uses CoordConv for the 1x1 convolutions of
its feature pyramid and the first convolution of its detection head. SOLO (Wang et al. 2020,
arXiv:1912.04488) uses CoordConv for the first convolution of its instance branch.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from torch import nn

from coordconv.conversion.kinds import is_convolution

__all__ = ["NO_DETECTOR", "in_detector"]

NO_DETECTOR = (
    "where='detector' matches no convolution: no module with convolutions has neck, fpn, pan, "
    "lateral, input_proj or head in its name or class name; pass the names of layers as `where`"
)

_NECK_NAME = re.compile(r"(?<!bottle)(?<!bottle_)neck|fpn|lateral|input_proj|(^|_)pan(_|$)")
_NECK_CLASS = re.compile(r"(?<!Bottle)Neck|FPN|FeaturePyramid|PathAggregation")
_BACKBONE_NAME = re.compile(r"^(backbone|body|bottom_up|encoder|trunk|stem)$")
_HEAD_NAME = re.compile(r"(?<!multi)(?<!multi_)head(?!ing)")
# The last convolution of EfficientNet and its variants has one of these names.
_NOT_HEADS = ("conv_head", "_conv_head")
_HEAD_CLASS = re.compile(r"(Head|Detect)(26)?$|^(YOLOE)?(Segment|Pose|OBB)(26)?$|^RTDETRDecoder$")


def in_detector(model: nn.Module, names: Mapping[nn.Module, tuple[str, ...]]) -> set[nn.Module]:
    """Return the pointwise convolutions of the neck and the first convolution of each head branch.

    A neck is a module with neck, fpn, pan, lateral or input_proj in its name or class name. In an
    ``nn.Sequential`` that ends in a head, the layers between the first upsampling and the head are
    also a neck. A head is a module with head in its name or class name, or with a class such as
    ``Detect`` of Ultralytics. If heads are nested, only the innermost heads count.

    Each ``ModuleList`` in a head is one branch, whose entries are assumed to be a chain: each gets
    the output of the previous one. If the channel counts rule this out, each entry is a branch.

    Args:
        model: The model.
        names: The convolutions of the model, each with all its names.
    """
    modules = dict(model.named_modules())
    heads = [name for name, module in modules.items() if _is_head(name, module)]
    heads = [one for one in heads if not any(other.startswith(f"{one}.") for other in heads)]
    found = {first for name in heads for first in _first_of_branches(modules[name])}
    necks = {name for name, module in modules.items() if _is_neck(name, module)}
    necks |= set(_between_upsampling_and_head(modules))
    for module, known in names.items():
        in_neck = len(_place(known[0], necks)) > len(_place(known[0], heads))
        if in_neck and _is_pointwise(module):
            found.add(module)
    return found & set(names)


def _is_head(name: str, module: nn.Module) -> bool:
    last = name.rpartition(".")[2].lower()
    if last in _NOT_HEADS or not name or not any(map(is_convolution, module.modules())):
        return False
    return bool(_HEAD_NAME.search(last) or _HEAD_CLASS.search(type(module).__name__))


def _is_neck(name: str, module: nn.Module) -> bool:
    last = name.rpartition(".")[2].lower()
    if not name or any(_BACKBONE_NAME.search(part) for part, _ in module.named_children()):
        return False
    return bool(_NECK_NAME.search(last) or _NECK_CLASS.search(type(module).__name__))


def _between_upsampling_and_head(modules: Mapping[str, nn.Module]) -> Iterator[str]:
    """Yield the layers between the first upsampling and the final head of a sequence."""
    for name, module in modules.items():
        children = list(module.named_children())
        if not isinstance(module, nn.Sequential) or not children:
            continue
        if not _HEAD_CLASS.search(type(children[-1][1]).__name__):
            continue
        ups = [at for at, (_, one) in enumerate(children) if isinstance(one, nn.Upsample)]
        for child, _ in children[ups[0] : -1] if ups else []:
            yield f"{name}.{child}" if name else child


def _first_of_branches(module: nn.Module) -> list[nn.Module]:
    """Return the first convolution of each branch of a module."""
    if is_convolution(module):
        return [module]
    branches = [one for one in module.children() if any(map(is_convolution, one.modules()))]
    lists = [one for one in branches if isinstance(one, nn.ModuleList)]
    if isinstance(module, nn.ModuleList):
        branches = branches if _are_parallel(branches) else branches[:1]
    elif lists and not isinstance(module, nn.Sequential):
        branches = lists
    else:
        branches = branches[:1]
    return [first for one in branches for first in _first_of_branches(one)]


def _are_parallel(branches: list[nn.Module]) -> bool:
    """Whether the channel counts show that modules do not form a chain.

    In a chain, each module gets the output of the previous module.
    """
    ends = []
    for branch in branches:
        inside = [one for one in branch.modules() if is_convolution(one)]
        ends.append((inside[0].in_channels, inside[-1].out_channels))
    return any(one[1] != other[0] for one, other in pairwise(ends))


def _place(name: str, places: list[str] | set[str]) -> str:
    """Return the innermost module of ``places`` that contains a layer, or ""."""
    parts = name.split(".")
    inside = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((one for one in inside if one in places), "")


def _is_pointwise(module: nn.Module) -> bool:
    return all(taps == 1 for taps in getattr(module, "kernel_size", (0,)))
