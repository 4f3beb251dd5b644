"""Describe the coordinates of a model in the metadata of an exported file, and read them back.

A convention is the meaning of coordinates, for example that x is -1 at the left and 1 at the right.
"""

import json
import zipfile
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import nn

from coordconv.conventions import Convention
from coordconv.conversion.kinds import checked_model
from coordconv.layers.add_coords import AddCoords
from coordconv.layers.coordinates import CoordinateLayer
from coordconv.layers.decomposed import DecomposedLayer

__all__ = ["as_text", "conventions_in_file", "conventions_of", "from_the_extra"]


# A small archive can unpack to a very large coordconv.json.
_MAX_BYTES = 10_000_000


def conventions_of(model: nn.Module) -> dict[str, dict[str, Any]]:
    """Return the conventions of all coordinates in a model, as a dictionary to save as JSON.

    Args:
        model: Any module.

    Returns:
        A dictionary from the name of every coordinate layer, decomposed or not, and of every
        `AddCoords` to the fields of its `Convention`. ``radius`` says how the distance to the
        center is measured, or is None if the layer has no radius.

    Raises:
        TypeError: If ``model`` is not an ``nn.Module``.

    Example:
        >>> from coordconv import CoordConv2d
        >>> meaning = conventions_of(nn.Sequential(CoordConv2d(3, 8, 3, convention="monai")))
        >>> meaning["0"]["order"], meaning["0"]["span"], meaning["0"]["radius"]
        ('ij', [-0.5, 0.5], None)
    """
    return {
        name: asdict(module.convention)
        | {"radius": module.convention.radius if module.radius else None}
        | {"span": span if (span := module.convention.span) == "pixels" else list(span)}
        for name, module in checked_model(model).named_modules()
        if isinstance(module, (CoordinateLayer, DecomposedLayer, AddCoords))
    }


def as_text(model: nn.Module) -> str:
    """Return the result of `conventions_of` as JSON text."""
    return json.dumps(conventions_of(model))


def conventions_in_file(path: str | Path) -> dict[str, dict[str, Any]]:
    """Read the conventions of the coordinates from an exported file.

    The file is not unpickled and no code from it is run.

    Args:
        path: A file written by `to_onnx` or `to_exported_program`, with suffix ``.onnx`` or
            ``.pt2``.

    Returns:
        The result of `conventions_of` for the exported model.

    Raises:
        ValueError: If the file has another suffix, cannot be read, or has no conventions.
        ModuleNotFoundError: If the file is an ONNX file and the extra ``onnx`` is not installed.

    Example:
        >>> conventions_in_file("model.h5")
        Traceback (most recent call last):
        ...
        ValueError: `path` must end in .onnx or .pt2, got model.h5
    """
    path = Path(path)
    readers = {".onnx": _text_in_onnx, ".pt2": _text_in_program}
    if path.suffix not in readers:
        raise ValueError(f"`path` must end in {' or '.join(readers)}, got {path}")
    try:
        text = readers[path.suffix](path)
    except ModuleNotFoundError:
        raise
    except Exception as error:  # Readers raise many types of errors for damaged files.
        raise ValueError(f"{path} cannot be read: {type(error).__name__}: {error}") from error
    if text is None:
        raise ValueError(
            f"{path} has no coordinate conventions; it was not written by coordconv.export"
        )
    try:
        found = {str(name): dict(meaning) for name, meaning in json.loads(text).items()}
        for meaning in found.values():
            _check_convention(meaning)
    except (AttributeError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(
            f"the coordinate conventions in {path} are damaged or from another version: {error}; "
            "export the model again"
        ) from error
    return found


def _check_convention(meaning: dict[str, Any]) -> None:
    form = meaning["radius"] if meaning.get("radius") is not None else "euclidean"
    fields: dict[str, Any] = {**meaning, "radius": form}
    Convention(**fields)


def _text_in_onnx(path: Path) -> str | None:
    onnx = from_the_extra("onnx")
    properties = onnx.load(path, load_external_data=False).metadata_props
    return {one.key: one.value for one in properties}.get("coordconv")


def _text_in_program(path: Path) -> str | None:
    with zipfile.ZipFile(path) as file:
        found = [one for one in file.infolist() if one.filename.endswith("/coordconv.json")]
        if not found:
            return None
        if found[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError("its coordconv.json has a compression method that torch does not use")
        # Limit the read, because the size in the archive header may be wrong.
        with file.open(found[0]) as member:
            text = member.read(_MAX_BYTES + 1)
        if len(text) > _MAX_BYTES:
            raise ValueError(f"its coordconv.json has more than {_MAX_BYTES:,} bytes")
        return text.decode()


def from_the_extra(name: str) -> Any:
    """Import a module of the extra ``onnx``.

    Raises:
        ModuleNotFoundError: If the module is not installed. The message says how to install it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"ONNX files require {name}; pip install 'torch-coordconv[onnx]'", name=error.name
        ) from error
