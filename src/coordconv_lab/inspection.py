"""The command ``inspect``, which shows where coordinates enter a model and what they cost."""

import sys
from collections.abc import Iterator
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import nn

from coordconv.conversion.report import as_table
from coordconv.costs import coordinate_costs
from coordconv.export import conventions_in_file
from coordconv_lab.errors import DamagedError, InputError
from coordconv_lab.parts import example_of
from coordconv_lab.results import Record
from coordconv_lab.results.files import read_json
from coordconv_lab.results.stored import packed_with
from coordconv_lab.trained import trained_net

PICKLES = (".bin", ".ckpt", ".pkl", ".pt", ".pth")


def inspect(target: str, size: tuple[int, ...] | None) -> str:
    """Describe the coordinates of a run, a file or a model.

    Args:
        target: The directory of a run; a safetensors, ``torch.export`` (.pt2) or ONNX file; or
            ``module:name`` of a model or of a function that returns one.
        size: Input shape, (N, C, *size), for ``module:name``.

    Raises:
        InputError: The target does not exist or is not supported.
    """
    path = Path(target)
    try:
        if target and (path.is_dir() or packed_with(path / "record.json")):
            return _of_run(path)
        if target and path.is_file():
            return "\n".join(_of_file(path))
    except OSError as error:
        raise InputError(f"cannot read {target}: {error.strerror or error}") from error
    if ":" in target:
        return _of_model(target, size)
    raise InputError(
        f"expected the directory of a run, a file, or module:name of a model, such as "
        f"mypackage.models:build; got {target}"
    )


def _of_run(directory: Path) -> str:
    net, record = trained_net(directory)
    try:
        # Only shapes are needed, so use the meta device: the canvas may not fit in memory.
        return str(coordinate_costs(net.to("meta"), example_of(record.spec).to("meta")))
    except (RuntimeError, ValueError) as error:
        raise InputError(f"the network of {directory} does not accept its data: {error}") from error


def _of_model(target: str, size: tuple[int, ...] | None) -> str:
    module, _, name = target.partition(":")
    # Add the current directory to the import path, as python -m does, but only to import a model.
    # When a file is inspected, modules in the current directory must not be imported.
    sys.path.insert(0, "")
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
        model = found if isinstance(found, nn.Module) else found()
    except (Exception, SystemExit) as error:
        raise InputError(
            f"cannot import or call {target}: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(model, nn.Module):
        raise InputError(f"{target}: expected a torch.nn.Module, got {type(model).__name__}")
    try:
        return str(coordinate_costs(model, None if size is None else _zeros(model, size)))
    except (Exception, SystemExit) as error:
        said = f"{type(error).__name__}: {error}"
        raise InputError(f"{target} fails for an input of shape {size}: {said}") from error


def _zeros(model: nn.Module, size: tuple[int, ...]) -> torch.Tensor:
    kinds = [one.dtype for one in model.parameters() if one.is_floating_point()]
    return torch.zeros(size, dtype=kinds[0] if kinds else None)


def _of_file(path: Path) -> Iterator[str]:
    if path.suffix == ".safetensors":
        yield from _of_weights(path)
    elif path.suffix in PICKLES:
        raise InputError(
            f"{path} is a pickle, which can contain code and is not loaded; save the state dict "
            "with safetensors.torch.save_file, or pass the model as module:name"
        )
    elif path.suffix in (".onnx", ".pt2"):
        yield from _of_exported(path)
    else:
        raise InputError(f"{path}: expected a .safetensors, .onnx or .pt2 file")


def _of_exported(path: Path) -> Iterator[str]:
    try:
        meaning = conventions_in_file(path)
    except (ModuleNotFoundError, ValueError) as error:
        raise InputError(str(error)) from error
    header = ("name", "order", "span", "alignment", "radius")
    rows = [(name, *(str(one.get(key)) for key in header[1:])) for name, one in meaning.items()]
    yield from as_table(header, rows)


def _of_weights(path: Path) -> Iterator[str]:
    from safetensors import SafetensorError, safe_open

    record = path.parent / "record.json"
    if record.is_file():  # the weights of a run
        try:
            Record.parse(read_json(record), str(record)).check_file(path)
        except DamagedError as error:
            raise DamagedError(f"{path}: {error}") from error
    try:
        with safe_open(path, framework="pt") as file:
            shapes = {key: list(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise InputError(f"{path} is not a valid safetensors file: {error}") from error
    rows, share = [], 0
    for key, shape in shapes.items():
        layer, _, last = key.rpartition(".")
        if last == "coord_weight":
            weight = shapes.get(f"{layer}.weight" if layer else "weight")
            rows.append(
                (layer or "(the model itself)", str(weight), str(shape), f"{prod(shape):,}")
            )
            share += prod(shape)
    yield from as_table(("name", "weight", "coord_weight", "parameters"), rows)
    total = sum(map(prod, shapes.values()))
    part = f"{share:,} ({share / total:.1%})" if total else "0"
    yield f"{part} of {total:,} values are for coordinates"
