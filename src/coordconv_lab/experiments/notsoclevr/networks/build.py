"""Build a module from a spec."""

import warnings

import torch
from torch import nn

from coordconv_lab.errors import FailingRunError
from coordconv_lab.experiments.notsoclevr.networks.autoencoder import Autoencoder
from coordconv_lab.experiments.notsoclevr.networks.hand_built import (
    HandBuiltPointNet,
    HandBuiltPooling,
    HandBuiltSquareNet,
)
from coordconv_lab.experiments.notsoclevr.networks.initialisation import initialise
from coordconv_lab.experiments.notsoclevr.networks.mlp import MLP
from coordconv_lab.experiments.notsoclevr.networks.pictures import (
    CoordConvPointNet,
    DeconvPointNet,
    PainterNet,
)
from coordconv_lab.experiments.notsoclevr.networks.regressors import (
    ConvFlattening,
    ConvPooling,
    CoordConvPooling,
)
from coordconv_lab.experiments.notsoclevr.networks.transformer import PatchTransformer
from coordconv_lab.experiments.notsoclevr.specs import (
    ConvFlatRegressor,
    ConvPooledRegressor,
    CoordConvClassifier,
    CoordConvRegressor,
    CoordConvRenderer,
    DataSpec,
    DeconvNet,
    DeconvRenderer,
    HandBuiltClassifier,
    HandBuiltRegressor,
    HandBuiltRenderer,
    MLPRegressor,
    SquareAutoencoder,
    TransformerRegressor,
)
from coordconv_lab.parts import check_size
from coordconv_lab.specs import NetworkSpec


def build_for(spec: NetworkSpec, data: DataSpec) -> nn.Module:
    """Build a network for the canvas of some data, as `build` does."""
    return build(spec, data.canvas)


def build(spec: NetworkSpec, canvas: tuple[int, int] = (64, 64)) -> nn.Module:
    """Build a network and draw its initial weights from torch's current random state.

    Args:
        spec: Kind and options of the network.
        canvas: (height, width) in pixels.

    Raises:
        FailingRunError: The canvas is too small for the network, or the network is too large.

    Example:
        >>> sum(weight.numel() for weight in build(CoordConvClassifier()).parameters())
        7553
    """
    # The warning says that even kernels, which the tutorial's renderers have, need an extra copy.
    warnings.filterwarnings("ignore", message="Using padding='same' with even kernel lengths")
    try:
        _check_size(spec, canvas)
        net = _module(spec, canvas)
    except FailingRunError:
        raise
    except (ValueError, RuntimeError) as error:
        raise FailingRunError(
            f"a model of kind {spec.kind} cannot be built for a canvas of height {canvas[0]} and "
            f"width {canvas[1]} ({error}); use a larger canvas"
        ) from error
    if spec.is_trained:
        initialise(net, spec.initialisation)  # pyright: ignore[reportAttributeAccessIssue]
    return net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def _check_size(spec: NetworkSpec, canvas: tuple[int, int]) -> None:
    """Check the number of parameters before allocating them.

    Raises:
        FailingRunError: There are too many parameters.
    """
    if not spec.is_trained:
        return
    with torch.device("meta"):
        check_size(spec.kind, _module(spec, canvas))


def _module(spec: NetworkSpec, canvas: tuple[int, int]) -> nn.Module:
    match spec:
        case CoordConvClassifier():
            return CoordConvPointNet(spec, canvas)
        case CoordConvRenderer():
            return PainterNet(CoordConvPointNet(spec, canvas), spec)
        case DeconvNet():
            return DeconvPointNet(spec, canvas)
        case DeconvRenderer():
            return PainterNet(DeconvPointNet(spec, canvas), spec)
        case CoordConvRegressor():
            return CoordConvPooling(spec)
        case ConvFlatRegressor():
            return ConvFlattening(spec, canvas)
        case ConvPooledRegressor():
            return ConvPooling(spec)
        case SquareAutoencoder():
            return Autoencoder(spec, canvas)
        case MLPRegressor():
            return MLP(spec, canvas)
        case TransformerRegressor():
            return PatchTransformer(spec, canvas)
        case HandBuiltClassifier():
            return HandBuiltPointNet(canvas)
        case HandBuiltRegressor():
            return HandBuiltPooling(canvas)
        case HandBuiltRenderer():
            return HandBuiltSquareNet(canvas, spec.square)
        case _:
            raise ValueError(f"there is no network of kind {spec.kind}")
