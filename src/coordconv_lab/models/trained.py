"""The net of a finished run, from its directory."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from coordconv_lab.errors import DamagedError, InputError
from coordconv_lab.models.build import build
from coordconv_lab.results.files import read_json
from coordconv_lab.results.record import Record


def trained_net(directory: Path) -> tuple[nn.Module, Record]:
    """Load the net of a finished run, in evaluation mode, with its record.

    Args:
        directory: That of the run, with ``record.json`` and ``weights.safetensors``.

    Raises:
        InputError: A file is missing, damaged or not the one that the record is about.
    """
    record = Record.parse(read_json(directory / "record.json"), str(directory / "record.json"))
    weights = directory / "weights.safetensors"
    if not weights.is_file():
        raise InputError(f"{directory} has no weights.safetensors: run it again to get them")
    try:
        record.check_file(weights)
    except DamagedError as error:
        raise DamagedError(f"{directory}: {error}") from error
    net = build(record.spec.model, record.spec.data.canvas)
    try:
        net.load_state_dict(load_file(weights))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise InputError(f"{weights} does not hold the weights of the net of the record") from error
    return net.eval(), record
