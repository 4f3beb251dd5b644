"""Create the parts of a run from its spec, through the registry."""

from itertools import chain

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from coordconv_lab.errors import FailingRunError, InputError
from coordconv_lab.examples import Data, check_data
from coordconv_lab.objective import Objective
from coordconv_lab.registry import registry, resolve
from coordconv_lab.specs import ExperimentSpec

MOST_PARAMETERS = 100_000_000
"""Maximum number of parameters. A larger network is considered a mistake: the networks of the
recipes have less than a hundredth of this number.
"""


def data_of(spec: ExperimentSpec, device: torch.device | str = "cpu") -> Data:
    """Load the data of a run.

    Raises:
        InputError: The settings of the data cannot be used.
    """
    try:
        data = resolve(registry().experiment_of(spec.task).load)(spec.data, device)
        check_data(data)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"the data of the task {spec.task} cannot be used: {error}") from error
    return data


def objective_of(spec: ExperimentSpec, data: Data) -> Objective:
    """Return the loss and the scores of a run."""
    return resolve(registry().task(spec.task).make)(spec, data)


def network_of(spec: ExperimentSpec) -> nn.Module:
    """Build the network of a run, with initial weights from torch's current random state.

    Raises:
        FailingRunError: The network cannot be built for these data, or is too large.
        InputError: A plug-in does not return a module.
    """
    kind = spec.model.kind
    try:
        net = resolve(registry().networks[kind].build)(spec.model, spec.data)
    except InputError:
        raise
    except (ValueError, RuntimeError) as error:
        raise FailingRunError(
            f"a model of kind {kind} cannot be built for {spec.data.in_words} ({error}); "
            f"{spec.data.remedy}"
        ) from error
    if not isinstance(net, nn.Module):
        raise InputError(
            f"the function that builds the network {kind} must return a torch.nn.Module; got "
            f"{type(net).__name__}"
        )
    _check_weights(kind, net)
    check_size(kind, net)
    return net


def _check_weights(kind: str, net: nn.Module) -> None:
    """Check that all weights have values.

    Raises:
        InputError: A weight is on the meta device, or a lazy layer has not been called.
    """
    for name, tensor in chain(net.named_parameters(), net.named_buffers()):
        if is_lazy(tensor) or tensor.is_meta:
            where = "of a lazy layer" if is_lazy(tensor) else "on the meta device"
            raise InputError(
                f"the function that builds the network {kind} must return initialized weights, but "
                f"{name} is {where}"
            )


def check_size(kind: str, net: nn.Module) -> None:
    """Check the number of parameters.

    Raises:
        FailingRunError: There are too many parameters.
    """
    count = count_parameters(net)
    if count > MOST_PARAMETERS:
        raise FailingRunError(
            f"a model of kind {kind} with these settings has {count:,} parameters; at most "
            f"{MOST_PARAMETERS:,} are allowed; use smaller widths"
        )


def count_parameters(net: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in net.parameters() if parameter.requires_grad)


def example_of(spec: ExperimentSpec) -> torch.Tensor:
    """Return the input of a run's network for one example."""
    example = registry().task(spec.task).example
    if example is not None:
        return resolve(example)(spec)
    data = data_of(spec)
    return objective_of(spec, data).inputs(data.examples[:1])
