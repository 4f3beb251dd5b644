"""ONNX files of a model, and functions that run them."""

import contextlib
import io
import os

import torch

__all__ = ["file_of", "is_folded", "session_of"]


def is_folded(model):
    """Whether a model has maps of one size, which no export can make dynamic."""
    return any("coord_map" in name for name, _ in model.named_buffers())


def file_of(model, x, *, dynamo=True, opset=None):
    """Return the bytes of an ONNX file for every batch, and for every size where that can be."""
    axes = (0,) if is_folded(model) else (0, 2, 3)
    file = io.BytesIO()
    options = {"dynamic_shapes": (dict.fromkeys(axes, torch.export.Dim.DYNAMIC),)}
    if not dynamo:
        options = {"dynamic_axes": {"x": {axis: f"axis{axis}" for axis in axes}}}
    with quiet():
        torch.onnx.export(
            model, (x,), file, dynamo=dynamo, input_names=["x"], opset_version=opset, **options
        )
    return file.getvalue()


def session_of(content):
    """Return a function that runs a file with onnxruntime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    [argument, *_] = session.get_inputs()
    return lambda x: session.run(None, {argument.name: x.numpy()})


@contextlib.contextmanager
def quiet():
    """Discard what exporters print, from C++ as well."""
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(nowhere)
        os.close(kept)
