"""What an exported file says about the coordinates in it."""

import json
import zipfile
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from torch import nn

from coordconv.conversion.kinds import checked_model
from coordconv.layers.add_coords import AddCoords
from coordconv.layers.coordinates import CoordinateLayer

__all__ = ["as_text", "coordinates_in_file", "coordinates_of", "from_the_extra"]


# Of the text about the coordinates: a small archive can unpack to a large one.
_MOST_BYTES = 10_000_000


def coordinates_of(model: nn.Module) -> dict[str, dict[str, Any]]:
    """Return what the coordinates mean wherever they enter a model, ready for JSON.

    Args:
        model: Any module.

    Returns:
        For the name of every coordinate layer and `AddCoords`, the fields of its `Convention`;
        ``radius`` is the form of the radius, or None where there is none.

    Raises:
        TypeError: If the model is none.

    Example:
        >>> from coordconv import CoordConv2d
        >>> meaning = coordinates_of(nn.Sequential(CoordConv2d(3, 8, 3, convention="monai")))
        >>> meaning["0"]["order"], meaning["0"]["span"], meaning["0"]["radius"]
        ('ij', [-0.5, 0.5], None)
    """
    return {
        name: asdict(module.convention)
        | {"radius": module.convention.radius if module.radius else None}
        | {"span": span if (span := module.convention.span) == "pixels" else list(span)}
        for name, module in checked_model(model).named_modules()
        if isinstance(module, CoordinateLayer | AddCoords)
    }


def as_text(model: nn.Module) -> str:
    """Return `coordinates_of` a model as JSON."""
    return json.dumps(coordinates_of(model))


def coordinates_in_file(path: str | Path) -> dict[str, dict[str, Any]]:
    """Return what an exported file says its coordinates mean; nothing in it is unpickled or run.

    Args:
        path: Of `to_onnx` or `to_exported_program`; its suffix is ``.onnx`` or ``.pt2``.

    Returns:
        What `coordinates_of` gave for the model.

    Raises:
        ValueError: If the file is none of these, cannot be read, or says nothing about coordinates.
        ModuleNotFoundError: If it is an ONNX file and the extra is not installed.

    Example:
        >>> coordinates_in_file("model.h5")
        Traceback (most recent call last):
        ...
        ValueError: model.h5 is no exported file: expected .onnx or .pt2
    """
    path = Path(path)
    readers = {".onnx": _text_in_onnx, ".pt2": _text_in_program}
    if path.suffix not in readers:
        raise ValueError(f"{path} is no exported file: expected {' or '.join(readers)}")
    try:
        text = readers[path.suffix](path)
    except ModuleNotFoundError:
        raise
    except Exception as error:  # Whatever a reader makes of other bytes.
        raise ValueError(f"{path} cannot be read: {type(error).__name__}: {error}") from error
    if text is None:
        raise ValueError(
            f"{path} says nothing about coordinates: coordconv.export did not write it"
        )
    try:
        found = json.loads(text)
        return {str(name): dict(meaning) for name, meaning in found.items()}
    except (AttributeError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: what it says about coordinates is damaged: {error}") from error


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
            raise ValueError("its coordconv.json is compressed in a way that torch does not write")
        with file.open(found[0]) as member:  # what the archive says of its size may be wrong
            text = member.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise ValueError(f"its coordconv.json has more than {_MOST_BYTES:,} bytes")
        return text.decode()


def from_the_extra(name: str) -> Any:
    """Import a module of the extra ``onnx``.

    Raises:
        ModuleNotFoundError: If it is not installed; it says how to.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"an ONNX file needs {name}: pip install 'torch-coordconv[onnx]'", name=error.name
        ) from error
