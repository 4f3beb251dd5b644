"""Averages of weights: after one update, every weight is the average, the coordinates' included."""

import copy

import torch

from works_with_rows.registry import Pair, row

DECAY = 0.75


def _pair(model):
    """Return a moved copy of a model, and the average of both by hand."""
    moved, average = copy.deepcopy(model), copy.deepcopy(model)
    with torch.no_grad():
        for one, mean in zip(moved.parameters(), average.parameters(), strict=True):
            one.add_(0.3 * torch.randn_like(one))
            mean.lerp_(one, 1 - DECAY)
    return moved, average


def average(name, *packages, **options):
    """Register a row for models that are trained."""
    forms = ("layer", "module", "expanded layer")
    return row(name, "averages of weights", *packages, forms=forms, **options)


@average("torch.optim.swa_utils.AveragedModel", "torch")
def averaged_model(model, x):
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    moved, by_hand = _pair(model)
    made = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(DECAY))
    made.update_parameters(model)
    made.update_parameters(moved)
    return [Pair(made.eval(), by_hand)]


@average("torch.optim.swa_utils.update_bn", "torch")
def update_bn(model, x):
    """Statistics are those of a forward pass in training mode, with a momentum of 1."""
    by_hand = copy.deepcopy(model).train()
    for one in by_hand.modules():
        if isinstance(one, torch.nn.BatchNorm2d):
            one.momentum = 1.0
    with torch.no_grad():
        by_hand(x)
    torch.optim.swa_utils.update_bn([x], model)
    return [Pair(model.eval(), by_hand.eval())]


@average("ema-pytorch", "ema_pytorch")
def ema_pytorch(model, x):
    from ema_pytorch import EMA

    moved, by_hand = _pair(model)
    made = EMA(model, beta=DECAY, update_after_step=0, update_every=1, inv_gamma=1e-9)
    made.update()
    made.update()
    model.load_state_dict(moved.state_dict())
    made.update()
    return [Pair(made.ema_model.eval(), by_hand)]


@average("timm ModelEmaV3", "timm", quick=False)
def timm_ema(model, x):
    from timm.utils import ModelEmaV3

    moved, by_hand = _pair(model)
    made = ModelEmaV3(model, decay=DECAY)
    made.update(moved)
    return [Pair(made.module.eval(), by_hand)]


@average("torch-ema", "torch-ema")
def torch_ema(model, x):
    from torch_ema import ExponentialMovingAverage

    moved, by_hand = _pair(model)
    made = ExponentialMovingAverage(model.parameters(), decay=DECAY, use_num_updates=False)
    model.load_state_dict(moved.state_dict())
    made.update()
    made.copy_to()
    return [Pair(model, by_hand)]
