"""The error for an unknown name suggests similar ones."""

import pytest
from torch import nn

from coordconv import convert


def model() -> nn.ModuleDict:
    def block() -> nn.ModuleDict:
        return nn.ModuleDict({"conv1": nn.Conv2d(3, 3, 1), "norm": nn.BatchNorm2d(3)})

    return nn.ModuleDict(
        {
            "backbone": nn.ModuleDict({"stem": block(), "layer1": block()}),
            "fc": nn.Linear(3, 3),
        }
    )


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("frist", "did you mean 'first'?"),
        ("detectr", "did you mean 'detector'?"),
        ("al", "did you mean 'all'?"),
        ("FIRST", "did you mean 'first'?"),
        ("backbone.stem.conv", "did you mean 'backbone.stem.conv1'"),
        ("backbone.stem", "to select the convolutions inside it, use 'backbone.stem.*'"),
        ("backbone", "to select the convolutions inside it, use 'backbone.*'"),
        ("backbone.sten", "did you mean 'backbone.stem.*'"),
        ("backbone.sten.*", "did you mean 'backbone.stem.*'"),
        ("backbon.*.conv1", "did you mean 'backbone.*.conv1'?"),
        ("backbone.layer1.norm", "it is a BatchNorm2d"),
        ("fc", "it is a Linear"),
        (
            "nothing.like.it",
            "the convolutions of the model are backbone.stem.conv1, backbone.layer1.conv1",
        ),
        (["backbone.stem.conv1", "al"], "did you mean 'all'?"),
        ("[", "of the model are backbone.stem.conv1"),
        ("", "it is a ModuleDict"),
    ],
)
def test_a_close_name_is_suggested(where, said):
    net = model()
    kinds = [type(one) for one in net.modules()]
    with pytest.raises(ValueError, match="no convolution of the model is named") as error:
        convert(net, where)
    assert said in str(error.value)
    assert [type(one) for one in net.modules()] == kinds


@pytest.mark.parametrize("where", ["frist", "backbone.sten", "backbone.sten.*", "backbon.*.conv1"])
def test_the_suggested_name_is_valid(where):
    with pytest.raises(ValueError, match="no convolution of the model is named") as error:
        convert(model(), where)
    suggested = str(error.value).split("did you mean '")[1].split("'")[0]
    convert(model(), suggested)
