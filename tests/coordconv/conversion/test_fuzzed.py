"""Random arguments for conversions and importers give the correct result or a clear error.

After an error the model is unchanged.
"""

from typing import Any

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import parametrizations, weight_norm

from coordconv import CoordConv2d, convert, revert
from coordconv.conversion import from_concatenated, from_plain
from coordconv.functional import append_coordinates

SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
CLEAR = (TypeError, ValueError)


class CustomForward(nn.Conv2d):
    """A convolution whose forward uses the weights in another way."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) * 2


class Twice(nn.Module):
    """A module that holds and calls one module under two names."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.first, self.second = inner, inner

    def forward(self, input: Tensor) -> Tensor:
        return self.first(input) + self.second(input)


def _forward_replaced(layer: nn.Conv2d) -> nn.Conv2d:
    layer.forward = lambda input: input  # pyright: ignore[reportAttributeAccessIssue]
    return layer


# Each keeps four channels and the size, so that they can be combined in any order.
LAYERS = {
    "plain": lambda: nn.Conv2d(4, 4, 3, padding=1),
    "pointwise": lambda: nn.Conv2d(4, 4, 1),
    "grouped": lambda: nn.Conv2d(4, 4, 3, padding="same", groups=2, padding_mode="circular"),
    "depthwise": lambda: nn.Conv2d(4, 4, 5, padding=2, groups=4, bias=False),
    "transposed": lambda: nn.ConvTranspose2d(4, 4, 3, padding=1),
    "weight norm": lambda: parametrizations.weight_norm(nn.Conv2d(4, 4, 1)),
    "weight norm by hook": lambda: weight_norm(nn.Conv2d(4, 4, 1)),
    "spectral norm": lambda: parametrizations.spectral_norm(nn.Conv2d(4, 4, 1)),
    "frozen": lambda: nn.Conv2d(4, 4, 1).requires_grad_(False),
    "channels last": lambda: nn.Conv2d(4, 4, 3, padding=1).to(memory_format=torch.channels_last),
    "lazy": lambda: nn.LazyConv2d(4, 1),
    "coordinate layer": lambda: CoordConv2d(4, 4, 1, radius=True),
    "custom forward": lambda: CustomForward(4, 4, 1),
    "forward replaced": lambda: _forward_replaced(nn.Conv2d(4, 4, 1)),
    "norm": lambda: nn.BatchNorm2d(4),
    "relu": nn.ReLU,
    "shared": lambda: Twice(nn.Conv2d(4, 4, 1)),
    "shared custom forward": lambda: Twice(CustomForward(4, 4, 1)),
    "nested": lambda: nn.Sequential(nn.Conv2d(4, 4, 1), nn.Identity(), nn.Conv2d(4, 4, 1)),
}

models = st.lists(st.sampled_from(sorted(LAYERS)), max_size=5)
names = st.sampled_from(
    ["0", "1", "4", "*", "0.*", "*.first", "2.second", "", "[", "[!0]", "?", "first", "all"]
)
places = st.one_of(
    st.sampled_from(
        ["first", "all", "detector", "nothing", "", None, 3, b"0", {}, nn.Conv2d(1, 1, 1)]
    ),
    names,
    st.lists(st.one_of(names, st.integers()), max_size=3),
    st.sampled_from(
        [lambda name, _: "0" in name, lambda *_: True, lambda *_: None, lambda _: True]
    ),
)
options = st.fixed_dictionaries(
    {},
    optional={
        "radius": st.sampled_from([True, False, 1, "normalized", None]),
        "convention": st.sampled_from(["paper", "wizaron", "unknown", 3, None]),
        "coord_kernel_size": st.sampled_from([None, 1, 3, 0, -1, (1, 1), (1, 2, 3), "1", 1.5]),
    },
)


def outcome(call: Any) -> tuple[Any, str | None]:
    """Return the result of a call, or the message of a clear error; raise any other error."""
    try:
        return call(), None
    except CLEAR as error:
        assert len(str(error)) > 15, error  # noqa: PT017
        return None, str(error)


def build(parts: list[str]) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(*(LAYERS[part]() for part in parts)).eval()


def known(model: nn.Module) -> dict[str, Any]:
    """Return the state that must be the same after an error."""
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {
        "tensors": {
            name: one if nn.parameter.is_lazy(one) else one.detach().clone()
            for name, one in tensors.items()
        },
        "same": {name: id(one) for name, one in tensors.items()},
        "classes": {name: type(one) for name, one in model.named_modules()},
        "attributes": {name: sorted(vars(one)) for name, one in model.named_modules()},
        "training": {name: one.training for name, one in model.named_modules()},
    }


def assert_as_it_was(model: nn.Module, before: dict[str, Any]) -> None:
    after = known(model)
    for part in ("same", "classes", "attributes", "training"):
        assert after[part] == before[part], part
    for name, one in before["tensors"].items():
        if not nn.parameter.is_lazy(one):
            assert torch.equal(after["tensors"][name], one), name


@SETTINGS
@given(parts=models, where=places, chosen=options)
def test_a_conversion_preserves_the_outputs_or_raises_a_clear_error(parts, where, chosen):
    model, x = build(parts), torch.randn(2, 4, 5, 6)
    lazy = "lazy" in parts
    plain = None if lazy else model(x)
    before = known(model)
    told: list[Any] = []
    converted, refused = outcome(lambda: convert(model, where, report=told.append, **chosen))
    if refused:
        assert_as_it_was(model, before)
        return
    assert converted is model
    (report,) = told
    changed = {name for change in report.converted for name in change.names}
    layers = dict(model.named_modules(remove_duplicate=False))
    assert changed or "coordinate layer" in parts
    assert all(hasattr(layers[name], "coord_weight") for name in changed)
    if not lazy:
        torch.testing.assert_close(model(x), plain, rtol=0, atol=0)
        assert all(bool((layers[name].coord_weight == 0).all()) for name in changed)
    again: list[Any] = []
    outcome(lambda: convert(model, where, report=again.append, **chosen))
    assert not [change for report in again for change in report.converted]
    if not lazy and "coordinate layer" not in parts:
        revert(model)
        assert list(model.state_dict()) == list(build(parts).state_dict())
        torch.testing.assert_close(model(x), plain, rtol=0, atol=0)


shapes = st.lists(st.integers(0, 8), min_size=0, max_size=5)
values = st.one_of(
    shapes.map(lambda shape: torch.ones(shape)),
    st.sampled_from([None, 3, "weight", [1.0], torch.ones(4, 6, 1, 1, dtype=torch.int64)]),
)
keys = st.sampled_from(
    [*(f"0.{name}" for name in ("weight", "bias", "coord_weight", "conv.weight", "conv.bias")),
     "0.other.weight", "1.weight", "1.bias", 5]
)  # fmt: skip


@SETTINGS
@given(
    changes=st.dictionaries(keys, values, max_size=3),
    dropped=st.sets(keys, max_size=2),
    radius=st.booleans(),
    convention=st.sampled_from(["paper", "mkocabas", "wizaron", "sparseinst", "monai"]),
    inside=st.booleans(),
)
def test_an_import_equals_concatenation_or_fails(changes, dropped, radius, convention, inside):
    first = CoordConv2d(4, 4, 1, radius=radius, convention=convention)
    model = nn.Sequential(first, nn.Conv2d(4, 2, 1)).eval()
    theirs = nn.Sequential(nn.Conv2d(6 + radius, 4, 1), nn.Conv2d(4, 2, 1)).state_dict()
    if inside:
        theirs = {key.replace("0.", "0.conv."): one for key, one in theirs.items()}
    given_dict: dict[Any, Any] = {k: v for k, v in theirs.items() if k not in dropped} | changes
    before, untouched = known(model), dict(given_dict)
    found, refused = outcome(lambda: from_concatenated(model, given_dict))
    assert_as_it_was(model, before)
    if refused:
        return
    assert given_dict.keys() == untouched.keys()
    try:
        model.load_state_dict(found, strict=True)
    except (RuntimeError, TypeError, AttributeError):
        return  # torch itself reports missing keys.
    x = torch.randn(2, 4, 5, 6)
    prefix = "0." if "0.weight" in given_dict else next(
        key for key in given_dict if str(key).startswith("0.") and str(key).endswith(".weight")
    ).removesuffix("weight")  # fmt: skip
    joined = append_coordinates(x, radius=radius, convention=convention)
    hidden = torch.nn.functional.conv2d(
        joined, given_dict[f"{prefix}weight"].float(), given_dict[f"{prefix}bias"].float()
    )
    expected = torch.nn.functional.conv2d(hidden, given_dict["1.weight"], given_dict["1.bias"])
    torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-4)


@SETTINGS
@given(changes=st.dictionaries(keys, values, max_size=3), dropped=st.sets(keys, max_size=2))
def test_a_plain_checkpoint_gives_the_plain_outputs_or_raises_a_clear_error(changes, dropped):
    model = convert(nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 2, 1)), where="all").eval()
    plain = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 2, 1))
    state = {k: v for k, v in plain.state_dict().items() if k not in dropped} | changes
    before = known(model)
    found, refused = outcome(lambda: from_plain(model, state))
    assert_as_it_was(model, before)
    if refused:
        return
    try:
        model.load_state_dict(found, strict=True)
        plain.load_state_dict(state, strict=True)
    except (RuntimeError, TypeError, AttributeError):
        return
    x = torch.randn(2, 4, 5, 6)
    torch.testing.assert_close(model(x), plain(x), rtol=0, atol=0)


@SETTINGS
@given(parts=models, chosen=options)
def test_trained_coordinate_weights_are_not_silently_reverted(parts, chosen):
    model = build(parts)
    _, refused = outcome(lambda: convert(model, "all", **chosen))
    if refused:
        return
    for module in model.modules():
        weight = getattr(module, "coord_weight", None)
        if weight is not None and not nn.parameter.is_lazy(weight):
            nn.init.normal_(weight.data)
    before = known(model)
    _, refused = outcome(lambda: revert(model))
    assert refused
    assert "coordinate weights" in refused
    assert_as_it_was(model, before)


def test_the_strategies_produce_successes_and_errors():
    """Without both, the tests above would check nothing."""
    convert(build(["plain", "weight norm"]), "all")
    for wrong in ({"where": None}, {"where": "all", "radius": 1}, {"where": "9"}):
        _, refused = outcome(lambda wrong=wrong: convert(build(["plain"]), **wrong))
        assert refused
