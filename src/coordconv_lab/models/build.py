"""Build a module from a spec."""

import warnings

import torch
from torch import nn

from coordconv_lab.errors import FailingRunError
from coordconv_lab.models.autoencoder import Autoencoder
from coordconv_lab.models.hand_built import HandBuiltPointNet, HandBuiltPooling, HandBuiltSquareNet
from coordconv_lab.models.initialisation import initialise
from coordconv_lab.models.mlp import MLP
from coordconv_lab.models.pictures import CoordConvPointNet, DeconvPointNet, PainterNet
from coordconv_lab.models.regressors import ConvFlattening, ConvPooling, CoordConvPooling
from coordconv_lab.models.transformer import PatchTransformer
from coordconv_lab.specs import (
    ConvFlatRegressor,
    ConvPooledRegressor,
    CoordConvClassifier,
    CoordConvRegressor,
    CoordConvRenderer,
    DeconvNet,
    DeconvRenderer,
    HandBuiltClassifier,
    HandBuiltRegressor,
    HandBuiltRenderer,
    MLPRegressor,
    ModelSpec,
    SquareAutoencoder,
    TransformerRegressor,
)

MOST_PARAMETERS = 100_000_000
"""Larger networks are considered mistakes; those of the recipes have less than a hundredth."""

HandBuilt = HandBuiltClassifier | HandBuiltRegressor | HandBuiltRenderer


def build(spec: ModelSpec, canvas: tuple[int, int] = (64, 64)) -> nn.Module:
    """Build a network and draw its initial weights from torch's current random state.

    Args:
        spec: Kind and options of the network.
        canvas: (height, width) in pixels.

    Raises:
        FailingRunError: The canvas is too small for the network, or the network is too large.

    Example:
        >>> count_parameters(build(CoordConvClassifier()))
        7553
    """
    # torch warns that the even kernels of the tutorial's renderers cost a copy.
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
    if not isinstance(spec, HandBuilt):
        initialise(net, spec.initialisation)
    return net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def _check_size(spec: ModelSpec, canvas: tuple[int, int]) -> None:
    """Check the number of parameters before allocating them.

    Raises:
        FailingRunError: There are too many.
    """
    if isinstance(spec, HandBuilt):
        return
    with torch.device("meta"):
        count = count_parameters(_module(spec, canvas))
    if count > MOST_PARAMETERS:
        raise FailingRunError(
            f"a model of kind {spec.kind} with these settings has {count:,} parameters; at most "
            f"{MOST_PARAMETERS:,} are allowed; use smaller widths"
        )


def _module(spec: ModelSpec, canvas: tuple[int, int]) -> nn.Module:
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


def count_parameters(net: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in net.parameters() if parameter.requires_grad)
