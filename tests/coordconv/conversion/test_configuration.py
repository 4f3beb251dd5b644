"""A configuration and a state dict rebuild the converted model."""

import copy
import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from coordconv import CONVENTIONS, AddCoords, Convention, CoordConv2d, convert, precompute, revert
from coordconv.conversion import conversion_config, convert_from_config
from coordconv.layers.coordinates import CoordinateLayer


def plain() -> nn.Module:
    shared = nn.Conv2d(4, 4, 3, padding=1)
    return nn.Sequential(
        nn.Conv2d(3, 4, 5, padding=2), nn.Sequential(shared, nn.ReLU(), shared), nn.Conv2d(4, 2, 1)
    )


def trained(model: nn.Module) -> nn.Module:
    for module in model.modules():
        if isinstance(module, CoordinateLayer):
            nn.init.normal_(module.coord_weight)
    return model


ANY_CONVENTION = st.one_of(
    st.sampled_from(list(CONVENTIONS)),
    st.builds(
        Convention,
        order=st.sampled_from(["xy", "ij"]),
        span=st.sampled_from([(-1.0, 1.0), (0.25, 3.0), (0, 1), "pixels"]),
        alignment=st.sampled_from(["corners", "edges", "half_open"]),
        radius=st.sampled_from(["euclidean", "off_center", "normalized"]),
        side=st.sampled_from(["after", "before"]),
    ),
)


@given(
    where=st.sampled_from(["first", "all", ["1.*"], ["2"]]),
    radius=st.booleans(),
    convention=ANY_CONVENTION,
    kernel=st.sampled_from([None, 1]),
    method=st.sampled_from(["auto", "separate", "concatenate"]),
)
@settings(max_examples=60, deadline=None)
def test_a_plain_model_becomes_the_saved_one_bit_for_bit(where, radius, convention, kernel, method):
    model = convert(plain(), where, radius=radius, convention=convention, coord_kernel_size=kernel)
    for module in trained(model).modules():
        if isinstance(module, CoordinateLayer):
            module.method = method
    config = json.loads(json.dumps(conversion_config(model)))
    again = convert_from_config(plain(), config)
    again.load_state_dict(model.state_dict(), strict=True)
    x = torch.randn(2, 3, 6, 9)
    assert torch.equal(again(x), model(x))
    assert conversion_config(again) == config


@pytest.mark.parametrize("name", ["a[1]", "a*", "a?", "first", "all"])
def test_a_name_with_the_characters_of_a_pattern_only_selects_its_layer(name):
    def named() -> nn.Module:
        model = nn.Module()
        for one in ("a1", name, "ab"):
            model.add_module(one, nn.Conv2d(3, 4, 3))
        return model

    config = conversion_config(convert(named(), [name]))
    assert list(config["layers"]) == [name]
    assert conversion_config(convert_from_config(named(), config)) == config


def test_the_configuration_of_a_plain_or_reverted_model_has_no_layers():
    assert conversion_config(plain())["layers"] == {}
    assert conversion_config(revert(convert(plain())))["layers"] == {}


def test_layers_that_are_already_converted_are_skipped():
    model = trained(convert(plain(), "all", radius=True))
    before = copy.deepcopy(model.state_dict())
    convert_from_config(model, conversion_config(model))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def damaged(change) -> dict:
    config = conversion_config(convert(plain(), "all"))
    change(config)
    return config


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(format=2, version="9.8.7"), r"9\.8\.7 in format 2.*--upgrade"),
        (lambda c: c.update(format="1"), "in format '1'"),
        (lambda c: c.pop("format"), "conversion_config"),
        (lambda c: c.update(layers=[]), "must be a mapping"),
        (lambda c: c["layers"].update(other=c["layers"]["2"]), "'other', which does not exist"),
        (lambda c: c["layers"]["2"].pop("radius"), "must have"),
        (lambda c: c["layers"]["2"].update(more=1), "must have"),
        (lambda c: c["layers"].update({"2": 3}), "must have"),
        (lambda c: c["layers"]["2"].update(radius=1), "True or False"),
        (lambda c: c["layers"]["2"].update(convention="mine"), "is invalid"),
        (lambda c: c["layers"]["2"]["convention"].update(order="yx"), "`order` must be"),
        (lambda c: c["layers"]["2"]["convention"].update(new=1), "new"),
        (lambda c: c["layers"]["2"]["convention"].update(alignment="centres"), "to 'edges'"),
        (lambda c: c["layers"]["2"]["convention"].update(radius="off_centre"), "to 'off_center'"),
        (lambda c: c["layers"]["2"].update(coord_kernel_size=[3, 3]), "between 1 and"),
        (lambda c: c["layers"]["2"].update(coord_kernel_size=None), "is invalid"),
        (lambda c: c["layers"]["2"].update(method="fast"), "method"),
        (lambda c: c["layers"]["2"].update({"class": "CoordConv3d"}), "which becomes CoordConv2d"),
        (lambda c: c["layers"]["1.2"].update(radius=True), "another name refer to the same layer"),
    ],
)
def test_an_invalid_configuration_raises_an_error_and_the_model_is_unchanged(change, said):
    model = plain()
    with pytest.raises(ValueError, match=said):
        convert_from_config(model, damaged(change))
    assert not any(isinstance(module, CoordinateLayer) for module in model.modules())
    assert list(model.state_dict()) == list(plain().state_dict())


@pytest.mark.parametrize(
    "options", [{"radius": True}, {"convention": "monai"}, {"coord_kernel_size": 1}]
)
def test_a_model_converted_with_other_options_raises_an_error(options):
    config = conversion_config(convert(plain()))
    with pytest.raises(ValueError, match=r"'0' with .*, but the configuration has"):
        convert_from_config(convert(plain(), **options), config)


def test_a_folded_model_raises_an_error_because_its_maps_are_not_options():
    model = precompute(trained(convert(plain())), torch.randn(1, 3, 6, 9))
    with pytest.raises(ValueError, match="PrecomputedConv2d"):
        conversion_config(model)


def test_add_coords_modules_are_not_part_of_the_configuration():
    assert conversion_config(nn.Sequential(AddCoords(), nn.Conv2d(5, 2, 1)))["layers"] == {}


def test_a_custom_subclass_is_not_rebuilt_as_another_class():
    class Own(CoordConv2d):
        def forward(self, input):
            return -super().forward(input)

    config = conversion_config(nn.Sequential(Own(3, 4, 5)))
    convert_from_config(nn.Sequential(Own(3, 4, 5)), config)
    with pytest.raises(ValueError, match="as Own"):
        convert_from_config(nn.Sequential(nn.Conv2d(3, 4, 5)), config)
    with pytest.raises(ValueError, match="Own"):
        convert_from_config(nn.Sequential(CoordConv2d(3, 4, 5)), config)
