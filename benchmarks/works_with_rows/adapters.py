"""Low-rank and other adapters: a fresh one changes nothing, and merging keeps what it does."""

import copy

import torch

import coordconv
from works_with_rows.comparison import difference, outputs
from works_with_rows.registry import Pair, row


def trained(model):
    """Move what the adapter trains, in the place of training."""
    with torch.no_grad():
        for one in model.parameters():
            if one.requires_grad:
                one.add_(0.1 * torch.randn_like(one))
    return model.eval()


def pairs(model, adapt, x):
    """Return a fresh adapter beside the model, and a merged one beside itself unmerged."""
    used = trained(adapt(copy.deepcopy(model)))
    merged = copy.deepcopy(used).merge_and_unload()
    fresh = adapt(copy.deepcopy(model)).eval()
    assert difference(outputs(used, x), outputs(fresh, x)) > 1e-3, "the adapter does nothing"
    return [Pair(fresh), Pair(merged, used)]


def _target(model):
    return ["0.conv"] if hasattr(model[0], "conv") else ["0"]


def lora_on_the_convolution(model, x):
    from peft import LoraConfig, get_peft_model

    model = coordconv.decompose(model, form="module")
    model = get_peft_model(model, LoraConfig(r=2, target_modules=["0.conv"]))
    model = trained(model)
    merged = coordconv.recompose(copy.deepcopy(model).merge_and_unload())  # a CoordConv2d again
    return [Pair(merged, model)]


@row("PEFT LoRA", "adapters", "peft", recipe=lora_on_the_convolution)
def lora(model, x):
    from peft import LoraConfig

    return _peft(model, x, LoraConfig, r=2)


def _peft(model, x, config, **options):
    from peft import get_peft_model

    target = options.pop("target", _target(model))
    make = lambda one: get_peft_model(one, config(target_modules=target, **options))  # noqa: E731
    return pairs(model, make, x)


@row("PEFT DoRA", "adapters", "peft")
def dora(model, x):
    from peft import LoraConfig

    return _peft(model, x, LoraConfig, r=2, use_dora=True)


@row("PEFT LoHa", "adapters", "peft")
def loha(model, x):
    from peft import LoHaConfig

    return _peft(model, x, LoHaConfig, r=2)


@row("PEFT LoKr", "adapters", "peft")
def lokr(model, x):
    from peft import LoKrConfig

    return _peft(model, x, LoKrConfig, r=2)


@row("PEFT IA3", "adapters", "peft")
def ia3(model, x):
    from peft import IA3Config

    return _peft(model, x, IA3Config, feedforward_modules=[])


@row("PEFT OFT", "adapters", "peft")
def oft(model, x):
    from peft import OFTConfig

    return _peft(model, x, OFTConfig, oft_block_size=0, r=1, use_cayley_neumann=False)


@row("PEFT BOFT", "adapters", "peft")
def boft(model, x):
    from peft import BOFTConfig

    return _peft(model, x, BOFTConfig, boft_block_size=3, boft_block_num=0)


@row("PEFT HRA", "adapters", "peft")
def hra(model, x):
    from peft import HRAConfig

    return _peft(model, x, HRAConfig, r=2)


@row("PEFT modules_to_save", "adapters", "peft")
def modules_to_save(model, x):
    """The first layer is trained as a copy beside the frozen one, and merging keeps the copy."""
    from peft import LoraConfig, get_peft_model

    last = "3.conv" if hasattr(model[3], "conv") else "3"
    if last == "3" and type(model[3]) is not torch.nn.Conv2d:
        model[3] = torch.nn.Sequential(model[3], torch.nn.Conv2d(4, 4, 1))
        last = "3.1"
    adapted = trained(
        get_peft_model(model, LoraConfig(r=2, target_modules=[last], modules_to_save=["0"]))
    )
    merged = copy.deepcopy(adapted).merge_and_unload()
    return [Pair(merged, adapted)]


def lycoris_on_the_convolution(model, x):
    from lycoris import LycorisNetwork, create_lycoris

    model, unmerged = (
        coordconv.decompose(one, form="module") for one in (model, copy.deepcopy(model))
    )
    LycorisNetwork.apply_preset({"target_module": [], "target_name": ["0.conv"]})
    network = create_lycoris(model, 1.0, linear_dim=2, linear_alpha=1, algo="lora")
    network.apply_to()
    trained(network)
    other = create_lycoris(unmerged, 1.0, linear_dim=2, linear_alpha=1, algo="lora")
    other.apply_to()
    other.load_state_dict(network.state_dict())
    network.restore()
    network.merge_to(1.0)
    merged = coordconv.recompose(model)  # a CoordConv2d again
    return [Pair(merged, unmerged)]


@row("LyCORIS LoCon", "adapters", "lycoris-lora", recipe=lycoris_on_the_convolution)
def lycoris(model, x):
    from lycoris import LycorisNetwork, create_lycoris

    torch.manual_seed(1)
    LycorisNetwork.apply_preset({"target_module": [], "target_name": _target(model)})
    fresh, used, merged = (copy.deepcopy(model) for _ in range(3))
    networks = [
        create_lycoris(one, 1.0, linear_dim=2, linear_alpha=1, algo="lora")
        for one in (fresh, used, merged)
    ]
    assert networks[0].loras, "no layer was found"
    for network in networks:
        network.apply_to()
    trained(networks[1])
    networks[2].load_state_dict(networks[1].state_dict())
    networks[2].restore()
    networks[2].merge_to(1.0)
    assert difference(outputs(used, x), outputs(fresh, x)) > 1e-3, "the adapter does nothing"
    return [Pair(fresh), Pair(merged, used)]


@row("a difference added to weight.data (merged LoRA)", "adapters", "torch", forms=("layer",))
def weight_data(model, x):
    """Add a difference to a weight, as scripts do that merge adapters into checkpoints."""
    delta = 0.1 * torch.randn_like(model[0].weight)
    before = copy.deepcopy(model)
    before.load_state_dict(before.state_dict() | {"0.weight": before[0].weight + delta})
    model(x)
    model[0].weight.data += delta
    return [Pair(model, before)]


@row("torch parametrizations.weight_norm", "adapters", "torch", forms=("layer", "expanded layer"))
def weight_norm(model, x):
    torch.nn.utils.parametrizations.weight_norm(model[0])
    return model


@row("torch.nn.utils.weight_norm (the older)", "adapters", "torch",
     forms=("layer", "expanded layer"))  # fmt: skip
def old_weight_norm(model, x):
    torch.nn.utils.weight_norm(model[0])
    model(x)
    return model


@row("torch parametrizations.spectral_norm", "adapters", "torch", forms=("layer",),
     note="It normalizes only `weight`, which is applied to the image channels, and leaves the "
     "coordinate weights unchanged.")  # fmt: skip
def spectral_norm(model, x):
    return _parametrized(model, torch.nn.utils.parametrizations.spectral_norm)


@row("torch parametrizations.orthogonal", "adapters", "torch", forms=("layer",),
     note="Only `weight`, which is applied to the image channels, becomes orthogonal. The "
     "coordinate weights are unchanged.")  # fmt: skip
def orthogonal(model, x):
    return _parametrized(model, torch.nn.utils.parametrizations.orthogonal)


def _parametrized(model, parametrize):
    before = copy.deepcopy(model)
    parametrize(model[0]).eval()
    with torch.no_grad():
        before.load_state_dict(before.state_dict() | {"0.weight": model[0].weight})
    return [Pair(model, before)]
