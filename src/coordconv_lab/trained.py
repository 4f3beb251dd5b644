"""Load the network of a finished run."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from coordconv_lab.errors import DamagedError, InputError
from coordconv_lab.parts import network_of
from coordconv_lab.results.record import MOST_FILE_BYTES, Record
from coordconv_lab.results.stored import packed_with, read_stored, read_stored_json


def trained_net(directory: Path) -> tuple[nn.Module, Record]:
    """Load the network of a finished run, in evaluation mode, with its record.

    Args:
        directory: Directory of the run, with ``record.json`` and ``weights.safetensors``. The run
            may also be packed, that is, stored in a few files together with other runs.

    Raises:
        InputError: A file is missing, is damaged, or does not match the record.
    """
    path = directory / "record.json"
    record = Record.parse(read_stored_json(path), str(path))
    weights = directory / "weights.safetensors"
    if not (weights.is_file() or packed_with(weights)):
        raise InputError(f"{directory} has no weights.safetensors; repeat the run to create it")
    try:
        record.check_file(weights)
    except DamagedError as error:
        raise DamagedError(f"{directory}: {error}") from error
    net = network_of(record.spec)
    try:
        net.load_state_dict(load(read_stored(weights, MOST_FILE_BYTES)))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"{weights} does not contain the weights of the network in the record"
        ) from error
    return net.eval(), record
