"""Imported checkpoints of published code give the same outputs."""

import re

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from coordconv import CONVENTIONS, CoordConv1d, CoordConv2d, CoordConvTranspose2d, convert
from coordconv.conversion import from_concatenated, from_plain, to_concatenated
from tests.coordconv.conversion.test_convert import model

SIZE = (5, 8)


def along(count: int, low: float, high: float) -> Tensor:
    return torch.tensor([low + (high - low) * at / (count - 1) for at in range(count)])


def published(name: str, batch: int, radius: bool) -> Tensor:
    """Return the coordinate channels of published code, implemented from its description.

    The shape is (batch, d, H, W), in the order in which that code appends them.
    """
    height, width = SIZE
    low, high = {"monai": (-0.5, 0.5), "deepcell": (0.0, 1.0)}.get(name, (-1.0, 1.0))
    rows = along(height, low, high)[:, None].expand(SIZE)
    columns = along(width, low, high)[None, :].expand(SIZE)
    first_x = name in ("paper", "sparseinst")
    channels = [columns, rows] if first_x else [rows, columns]
    if radius:
        middle = 0.5 if name == "mkocabas" else (low + high) / 2
        distance = torch.sqrt((rows - middle) ** 2 + (columns - middle) ** 2)
        if name in ("wizaron", "stargan"):
            distance = distance / distance.max()
        channels.append(distance)
    return torch.stack(channels).expand(batch, -1, -1, -1)


class Published(nn.Module):
    """The published layer: append the coordinates, then convolve."""

    def __init__(self, name: str, radius: bool) -> None:
        super().__init__()
        self.name, self.radius = name, radius
        self.conv = nn.Conv2d(3 + 2 + radius, 4, 3, padding=1)

    def forward(self, input: Tensor) -> Tensor:
        coordinates = published(self.name, len(input), self.radius)
        before = self.name in ("wizaron", "sparseinst")
        parts = (coordinates, input) if before else (input, coordinates)
        return self.conv(torch.cat(parts, dim=1))


NAMES = ["paper", "mkocabas", "wizaron", "sparseinst", "stargan", "monai", "deepcell"]


def test_every_preset_has_an_independent_implementation_here():
    assert set(NAMES) == set(CONVENTIONS) - {"affine_grid", "pixels"}  # Only for grids.


@pytest.mark.parametrize("radius", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_of_each_convention_gives_the_same_output(name, radius):
    theirs = nn.Sequential(Published(name, radius), nn.ReLU(), nn.Conv2d(4, 2, 1))
    first = CoordConv2d(3, 4, 3, padding=1, radius=radius, convention=name)
    ours = nn.Sequential(first, nn.ReLU(), nn.Conv2d(4, 2, 1))
    ours.load_state_dict(from_concatenated(ours, theirs.state_dict()), strict=True)
    input = torch.randn(2, 3, *SIZE)
    torch.testing.assert_close(ours(input), theirs(input), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["paper", "sparseinst"])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("kind", [CoordConv1d, CoordConv2d, CoordConvTranspose2d])
def test_a_round_trip_gives_the_same_weights(kind, groups, name):
    layer = kind(4, 6, 3, groups=groups, radius=True, convention=name)
    back = from_concatenated(layer, to_concatenated(layer))
    assert set(back) == set(layer.state_dict())
    for key, value in layer.state_dict().items():
        torch.testing.assert_close(back[key], value, rtol=0, atol=0)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("kind", [CoordConv2d, CoordConvTranspose2d])
def test_the_exported_weight_is_that_of_a_plain_layer_over_data_and_coordinates(kind, groups):
    layer = kind(4, 6, 3, groups=groups)
    plain = (nn.Conv2d if kind is CoordConv2d else nn.ConvTranspose2d)(
        4 + 2 * groups, 6, 3, groups=groups
    )
    plain.load_state_dict(to_concatenated(layer), strict=True)
    input = torch.randn(2, 4, *SIZE)
    coordinates = published("paper", 2, False)
    parts = [one for data in input.chunk(groups, 1) for one in (data, coordinates)]
    torch.testing.assert_close(plain(torch.cat(parts, 1)), layer(input), rtol=1e-5, atol=1e-5)


def test_a_plain_checkpoint_loads_strictly():
    plain, net = model(), convert(model(), where="all", radius=True)
    with torch.no_grad():
        net[0].coord_weight.normal_()
    net.load_state_dict(from_plain(net, plain.state_dict()), strict=True)
    input = torch.randn(2, 3, 9, 9)
    torch.testing.assert_close(net.eval()(input), plain.eval()(input), rtol=0, atol=0)


def test_neither_the_model_nor_the_checkpoint_is_changed():
    layer = CoordConv2d(3, 4, 1)
    joint = {"weight": torch.randn(4, 5, 1, 1), "bias": torch.randn(4)}
    before = {name: one.clone() for name, one in layer.state_dict().items()}
    kept = dict(joint)
    from_concatenated(layer, joint)
    assert joint == kept
    assert all(torch.equal(one, before[name]) for name, one in layer.state_dict().items())


@pytest.mark.parametrize(
    ("layer", "joint", "said"),
    [
        (CoordConv2d(3, 4, 1), {"weight": torch.zeros(4, 6, 1, 1)}, "expected [4, 5, 1, 1]"),
        (CoordConv2d(3, 4, 1, radius=True), {"weight": torch.zeros(4, 5, 1, 1)}, "with a radius"),
        (CoordConv2d(4, 4, 1, groups=2), {"weight": torch.zeros(4, 3, 1, 1)}, "2 group(s)"),
        (CoordConv2d(3, 4, 1), {"bias": torch.zeros(4)}, "found nothing"),
        (CoordConv2d(3, 4, 1), {"weight": None}, "got NoneType"),
        (CoordConv2d(3, 4, 1), {"weight": torch.zeros(4, 5, 1, 1).int()}, "got torch.int32"),
        (
            CoordConv2d(3, 4, 1),
            {"a.weight": torch.zeros(4, 5, 1, 1), "b.weight": torch.zeros(4, 5, 1, 1)},
            "found 'a.weight' and 'b.weight'",
        ),
        (
            CoordConv2d(3, 4, 3, coord_kernel_size=1),
            {"weight": torch.zeros(4, 5, 3, 3)},
            "has coord_kernel_size=(1, 1) and kernel_size=(3, 3)",
        ),
        (
            CoordConv2d(3, 4, 1),
            {"weight": torch.zeros(4, 5, 1, 1).to_sparse()},
            "must be a dense floating-point tensor, got torch.float32, torch.sparse_coo",
        ),
    ],
)
def test_weights_that_do_not_fit_raise_errors(layer, joint, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        from_concatenated(layer, joint)


@pytest.mark.parametrize("importer", [from_plain, from_concatenated])
def test_arguments_that_are_not_state_dicts_raise_errors(importer):
    layer = CoordConv2d(3, 4, 1)
    with pytest.raises(TypeError, match="mapping from names to tensors"):
        importer(layer, "model.safetensors")
    with pytest.raises(TypeError, match="mapping from names to tensors"):
        importer(layer, {0: torch.zeros(4, 5, 1, 1)})
    with pytest.raises(TypeError, match=r"must be a torch\.nn\.Module"):
        importer(None, {})
    with pytest.raises(ValueError, match="nested mappings under 'state_dict'"):
        importer(layer, {"epoch": 3, "state_dict": {"weight": torch.zeros(4, 5, 1, 1)}})


def test_a_state_dict_that_is_not_plain_raises_an_error():
    net = convert(model())
    with pytest.raises(ValueError, match="must be from a plain model"):
        from_plain(net, net.state_dict())
    with pytest.raises(ValueError, match="no weights for '0'"):
        from_plain(net, {"3.weight": torch.zeros(1)})
    with pytest.raises(ValueError, match="no weights for '0'"):
        from_plain(net, {"0.bias": torch.zeros(8)})


@pytest.mark.parametrize("kind", [CoordConv2d, CoordConvTranspose2d])
def test_imported_weights_can_be_saved_and_assigned(kind, tmp_path):
    layer = kind(4, 6, 3)
    found = from_concatenated(layer, to_concatenated(layer))
    save_file(found, tmp_path / "layer.safetensors")
    layer.load_state_dict(found, assign=True)
    save_file(layer.state_dict(), tmp_path / "layer.safetensors")


def test_parametrized_weights_raise_an_error_with_their_name():
    net = nn.Sequential(parametrizations.weight_norm(CoordConv2d(3, 4, 1)))
    with pytest.raises(ValueError, match=r"the weight of '0' must not be parametrized"):
        to_concatenated(net)
    with pytest.raises(ValueError, match=r"the weight of '0' must not be parametrized"):
        from_concatenated(net, {"0.weight": torch.zeros(4, 5, 1, 1), "0.bias": torch.zeros(4)})
    net = nn.Sequential(parametrizations.weight_norm(CoordConv2d(3, 4, 1), "coord_weight"))
    with pytest.raises(ValueError, match=r"the coord_weight of '0' must not be parametrized"):
        from_plain(net, {"0.weight": torch.zeros(4, 3, 1, 1), "0.bias": torch.zeros(4)})


class Halved(nn.Module):
    """A module whose first version stored half of the weight."""

    _version = 2

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3))

    def forward(self, x):
        return x

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
        if local_metadata.get("version", 1) < 2:
            state_dict[f"{prefix}weight"] = 2 * state_dict[f"{prefix}weight"]
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


@pytest.mark.parametrize("form", ["plain", "concatenated"])
def test_the_versions_of_modules_are_kept(form):
    saved = nn.Sequential(nn.Conv2d(3, 4, 1), Halved())
    loaded = convert(nn.Sequential(nn.Conv2d(3, 4, 1), Halved()))
    if form == "plain":
        found = from_plain(loaded, saved.state_dict())
    else:
        found = from_concatenated(loaded, to_concatenated(convert(saved)))
    loaded.load_state_dict(found)
    assert torch.equal(loaded[1].weight, saved[1].weight)
