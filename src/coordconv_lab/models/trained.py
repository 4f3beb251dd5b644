"""Load the network of a finished run."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from coordconv_lab.errors import DamagedError, InputError
from coordconv_lab.models.build import build
from coordconv_lab.results.files import read_json
from coordconv_lab.results.record import Record


def trained_net(directory: Path) -> tuple[nn.Module, Record]:
    """Load the network of a finished run, in evaluation mode, with its record.

    Args:
        directory: Directory of the run, with ``record.json`` and ``weights.safetensors``.

    Raises:
        InputError: A file is missing, is damaged, or does not match the record.
    """
    record = Record.parse(read_json(directory / "record.json"), str(directory / "record.json"))
    weights = directory / "weights.safetensors"
    if not weights.is_file():
        raise InputError(f"{directory} has no weights.safetensors; repeat the run to get one")
    try:
        record.check_file(weights)
    except DamagedError as error:
        raise DamagedError(f"{directory}: {error}") from error
    net = build(record.spec.model, record.spec.data.canvas)
    try:
        net.load_state_dict(load_file(weights))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"{weights} does not contain the weights of the network of its record"
        ) from error
    return net.eval(), record
