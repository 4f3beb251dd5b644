"""Run the same checks on this package and on other packages with coordinates for convolutions.

This needs monai, pytorch-toolbelt and neuraloperator. Only one file of each of the last two is
imported, so their dependencies are not needed: pip install --no-deps --target DIR pytorch-toolbelt
neuraloperator, and set PYTHONPATH=DIR. Each check runs on every package; any error means that it
failed. If a package does not have the function that a check is about, this is recorded instead.
"""

import argparse
import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.export import Dim, export
from torch.testing import assert_close

from coordconv import AddCoords, CoordConv2d, convert

Append = Callable[[Tensor], Tensor]
OUT = Path(__file__).parent / "results" / "compare_with_others.json"


class NotOfferedError(Exception):
    """The package does not have the function that a check is about."""


class Package(NamedTuple):
    """A package and its functions; None if the package has no such function.

    Attributes:
        append: Appends coordinates to a batch.
        radius: Appends coordinates with the radius.
        crop: Appends coordinates to a crop, given its start and the size of the full image.
        layer: Creates a convolution with coordinates from the arguments of nn.Conv2d.
        convert: Adds coordinates to a trained model in place.
        takes_batches: Whether `append` works on batches; otherwise it transforms single images.
    """

    append: Append
    radius: Append | None = None
    crop: Callable[[Tensor, tuple[int, int], tuple[int, int]], Tensor] | None = None
    layer: Callable[..., nn.Module] | None = None
    convert: Callable[[nn.Module], nn.Module] | None = None
    takes_batches: bool = True


def file_of(package: str, path: str) -> Any:
    """Import one file of a package without its other files."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{package} is not installed; see the docstring of this file")
    spec = spec_from_file_location(f"{package}_file", Path(found.origin).parent / path)
    module = module_from_spec(spec)  # pyright: ignore[reportArgumentType]
    spec.loader.exec_module(module)  # pyright: ignore[reportOptionalMemberAccess]
    return module


def ours() -> Package:
    return Package(
        AddCoords(),
        AddCoords(radius=True),
        lambda x, start, full: AddCoords()(x, window=(start, full)),
        CoordConv2d,
        convert,
    )


def toolbelt() -> Package:
    module = file_of("pytorch_toolbelt", "modules/coord_conv.py")
    return Package(module.AddCoords(), module.AddCoords(with_r=True), layer=module.CoordConv)


def monai() -> Package:
    from monai.transforms import AddCoordinateChannels

    def append(x: Tensor) -> Tensor:  # The transform takes one image.
        add = AddCoordinateChannels(tuple(range(x.dim() - 2)))
        return torch.stack([torch.as_tensor(add(one)) for one in x])

    return Package(append, takes_batches=False)


def neuraloperator() -> Package:
    module = file_of("neuralop", "layers/embeddings.py")

    def append(x: Tensor) -> Tensor:
        rank = x.dim() - 2
        return module.GridEmbeddingND(x.shape[1], rank, [[0, 1]] * rank)(x)

    def crop(x: Tensor, start: tuple[int, int], full: tuple[int, int]) -> Tensor:
        ends = zip(start, x.shape[2:], full, strict=True)
        limits = [[first / whole, (first + n) / whole] for first, n, whole in ends]
        return module.GridEmbedding2D(x.shape[1], limits)(x)

    return Package(append, crop=crop)


PACKAGES = {
    "torch-coordconv": ours,
    "pytorch-toolbelt": toolbelt,
    "monai": monai,
    "neuraloperator": neuraloperator,
}


def grid(append: Append, *size: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return the appended channels of one image."""
    return append(torch.zeros(1, 1, *size, dtype=dtype))[0, 1:]


def each_axis_has_its_own_scale(package: Package) -> None:
    """Compare the coordinates along an axis of 3 pixels, in images of two widths."""
    narrow, wide = grid(package.append, 3, 3), grid(package.append, 3, 7)
    assert {tuple(one[:, 0].tolist()) for one in narrow if one[:, 0].unique().numel() == 3} == {
        tuple(one[:, 0].tolist()) for one in wide if one[:, 0].unique().numel() == 3
    }


def one_pixel_is_finite(package: Package) -> None:
    assert grid(package.append, 1, 5).isfinite().all()


def radius_is_zero_at_the_center(package: Package) -> None:
    if package.radius is None:
        raise NotOfferedError
    assert grid(package.radius, 3, 5)[2, 1, 2] == 0


def bfloat16_is_rounded_once(package: Package) -> None:
    exact = grid(package.append, 4, 1024).bfloat16()
    assert_close(grid(package.append, 4, 1024, dtype=torch.bfloat16), exact, rtol=0, atol=0)


def integers_are_refused_or_right(package: Package) -> None:
    exact = grid(package.append, 3, 5)
    try:
        given = grid(package.append, 3, 5, dtype=torch.uint8)
    except TypeError:
        return
    assert_close(given.float(), exact)


def channels_last_is_kept(package: Package) -> None:
    if not package.takes_batches:
        raise NotOfferedError
    x = torch.zeros(2, 3, 5, 6).contiguous(memory_format=torch.channels_last)
    assert package.append(x).is_contiguous(memory_format=torch.channels_last)


class Appending(nn.Module):
    """A model that appends coordinates."""

    def __init__(self, append: Append) -> None:
        super().__init__()
        self.append = append

    def forward(self, x: Tensor) -> Tensor:
        return self.append(x)


def export_has_dynamic_sizes(package: Package) -> None:
    if not package.takes_batches:
        raise NotOfferedError
    dynamic = {"x": {2: Dim("height", min=2, max=64), 3: Dim("width", min=2, max=64)}}
    program = export(Appending(package.append), (torch.zeros(1, 3, 8, 12),), dynamic_shapes=dynamic)
    x = torch.zeros(1, 3, 20, 9)
    assert_close(program.module()(x), package.append(x))


def signals_and_volumes(package: Package) -> None:
    assert grid(package.append, 9).shape == (1, 9)
    assert grid(package.append, 3, 4, 5).shape == (3, 3, 4, 5)


def crops_have_true_positions(package: Package) -> None:
    if package.crop is None:
        raise NotOfferedError
    full = package.append(torch.zeros(1, 1, 12, 16))
    crop = package.crop(torch.zeros(1, 1, 4, 8), (2, 5), (12, 16))
    assert_close(crop, full[..., 2:6, 5:13])


def layer_loads_a_plain_checkpoint(package: Package) -> None:
    if package.layer is None:
        raise NotOfferedError
    plain = nn.Conv2d(3, 8, kernel_size=3)
    layer = package.layer(3, 8, kernel_size=3)
    assert not layer.load_state_dict(plain.state_dict(), strict=False).unexpected_keys


def models_are_converted(package: Package) -> None:
    if package.convert is None:
        raise NotOfferedError
    model, x = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), torch.randn(2, 3, 8, 9)
    before = model(x)
    assert torch.equal(package.convert(model)(x), before)
    assert sum(one.numel() for one in model.parameters()) > 8 * 3 * 9 + 8


def layer_does_not_concatenate(package: Package) -> None:
    """Compare the size of the tensors that a layer saves for the backward pass with its input."""
    if package.layer is None:
        raise NotOfferedError
    layer, x = package.layer(3, 1, kernel_size=1), torch.randn(8, 3, 64, 64)
    sizes: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, keep):
        layer(x)
    assert max(sizes) <= x.numel()


CHECKS: dict[str, Callable[[Package], None]] = {
    "each axis is scaled by its own length": each_axis_has_its_own_scale,
    "coordinates on an axis of one pixel are finite": one_pixel_is_finite,
    "a radius that is 0 at the center": radius_is_zero_at_the_center,
    "bfloat16 coordinates are computed in float32, then rounded": bfloat16_is_rounded_once,
    "integer images are refused, or get the right coordinates": integers_are_refused_or_right,
    "channels-last inputs stay channels-last": channels_last_is_kept,
    "`torch.export` with dynamic sizes": export_has_dynamic_sizes,
    "signals and volumes": signals_and_volumes,
    "a crop at its true position": crops_have_true_positions,
    "a layer that loads an `nn.Conv2d` checkpoint": layer_loads_a_plain_checkpoint,
    "a layer that does not store the concatenation": layer_does_not_concatenate,
    "conversion of a trained model, with the same outputs": models_are_converted,
}


def outcome(check: Callable[[Package], None], package: Package) -> str | None:
    """Return "" if a check passes, None if it does not apply, else the first line of the error."""
    try:
        check(package)
    except NotOfferedError:
        return None
    except Exception as error:
        return f"{type(error).__name__}: {error}".partition("\n")[0][:200]
    return ""


def main() -> None:
    """Run all checks on all packages and write the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out
    torch.manual_seed(0)
    made = {name: make() for name, make in PACKAGES.items()}
    record = {
        "versions": {name: version(name) for name in ("torch", *made)},
        "errors": {
            title: {name: outcome(check, package) for name, package in made.items()}
            for title, check in CHECKS.items()
        },
    }
    out.write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record, indent=2), file=sys.stderr)


if __name__ == "__main__":
    main()
