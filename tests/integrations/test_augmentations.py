"""With every tool, a placement is what a coordinate image becomes in the same transforms."""

import importlib.util
import json
import os
import random
import re
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from coordconv import CoordConv2d, Placement, coordinate_grid, positions
from coordconv.integrations import albumentations, kornia, monai, torchio, torchvision
from coordconv.integrations.coordinate_images import coordinate_image
from coordconv.integrations.frames import Frame
from tests.docs.programs import is_current

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # It asks the network for a newer version.
ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
RECORD = json.loads((BENCHMARKS / "results" / "augmentations.json").read_text())["tools"]
sys.path.insert(0, str(BENCHMARKS))
import augmentation_tools  # noqa: E402  # pyright: ignore[reportMissingImports]

sys.path.pop(0)
ADAPTERS = {
    "albumentations": albumentations,
    "kornia": kornia,
    "monai": monai,
    "torchio": torchio,
    "torchvision": torchvision,
}
INSTALLED = [name for name in ADAPTERS if importlib.util.find_spec(name)]
RECIPES = re.findall(
    r"^```py\n(.*?)^```$", (ROOT / "docs" / "positions.md").read_text(), re.DOTALL | re.MULTILINE
)
TOLERANCE = 1e-3  # pixels; interpolation in float32 loses some 1e-5


@cache
def tool(name):
    return augmentation_tools.TOOLS[name]()


def error_of(name, chain, seed):
    """Apply transforms; return the largest error in pixels and how many pixels were compared."""
    known, rng = tool(name), random.Random(seed)
    made = [(known.moves | known.resamples)[one](rng) for one in chain]
    image, placement = known.run(made, seed)
    return augmentation_tools.compared(known, chain, image, placement)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", INSTALLED)
def test_each_transform_carries_a_coordinate_image(name):
    for one in tool(name).moves | tool(name).resamples:
        for seed in range(2):
            error, pixels = error_of(name, [one], seed)
            assert error < TOLERANCE, one
            assert pixels > 1000, one


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", INSTALLED)
@given(data=st.data(), seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_any_chain_of_transforms_carries_a_coordinate_image(name, data, seed):
    names = st.sampled_from([*tool(name).moves, *tool(name).resamples])
    error, _ = error_of(name, data.draw(st.lists(names, min_size=2, max_size=5)), seed)
    assert error < TOLERANCE


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", INSTALLED)
def test_what_is_not_affine_is_refused_with_the_way_that_remains(name):
    refused = tool(name).refused
    assert len(refused) > 3
    for one, factory in refused.items():
        with pytest.raises(ValueError, match=f"{one} is not known to be affine.*coordinate_image"):
            tool(name).run([factory(random.Random(0))], 0)


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_missing_package_is_named(name, monkeypatch):
    for module in [one for one in sys.modules if one.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=f"requires {name}: pip install {name}"):
        ADAPTERS[name].apply_with_placement(None, None) if name != "albumentations" else (
            albumentations.apply_with_placement(None)
        )


def test_the_committed_record_has_every_tool_and_no_error():
    assert set(RECORD) == set(ADAPTERS)
    assert all(row["worst"] < TOLERANCE and row["chains"] > 100 for row in RECORD.values())
    assert all(row["refused"] for row in RECORD.values())


@pytest.mark.parametrize("name", INSTALLED)
def test_the_committed_record_is_of_these_transforms(name):
    known = tool(name)
    assert RECORD[name]["transforms"] == [*known.moves, *known.resamples]
    assert RECORD[name]["refused"] == [*known.refused]
    assert RECORD[name]["record"] == known.record


def test_the_table_of_the_guide_is_that_of_the_record():
    assert is_current("make_augmentations.py"), "run `make speed`"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in INSTALLED if name != "monai"])
def test_the_recipe_of_the_guide_runs(name):
    tool(name)  # Imports it beside this torch.
    (recipe,) = (one for one in RECIPES if f"coordconv.integrations.{name} " in one)
    names = {
        "torch": torch,
        "positions": positions,
        "images": torch.rand(4, 3, 48, 64),
        "model": nn.Sequential(CoordConv2d(3, 8, 1), nn.MaxPool2d(2), CoordConv2d(8, 2, 1)),
    }
    exec(recipe, names)
    assert names["output"].shape[:2] in {(1, 2), (4, 2)}


def test_kornia_must_compute_its_matrix():
    augmentations = pytest.importorskip("kornia.augmentation")
    inner = augmentations.AugmentationSequential(
        augmentations.RandomHorizontalFlip(), transformation_matrix_mode="skip"
    )
    outer = augmentations.AugmentationSequential(inner)
    with pytest.raises(ValueError, match="transformation matrix is not computed"):
        kornia.apply_with_placement(outer, torch.rand(1, 1, 4, 5))
    hidden = augmentations.ImageSequential(augmentations.RandomHorizontalFlip())
    with pytest.raises(ValueError, match="ImageSequential is not known"):
        kornia.apply_with_placement(
            augmentations.AugmentationSequential(hidden), torch.rand(1, 1, 4, 5)
        )


@pytest.mark.parametrize("sides", [(3, 3), (3, 4), (2, 3)])
def test_a_box_blur_is_stationary_only_if_it_has_a_middle(sides):
    augmentations = pytest.importorskip("kornia.augmentation")
    image = torch.zeros(1, 1, 9, 9)
    image[..., 4, 4] = 1
    blur = augmentations.AugmentationSequential(augmentations.RandomBoxBlur(sides, p=1.0))
    blurred = blur(image)
    if torch.allclose(blurred, blurred.flip(-1, -2)):
        assert kornia.apply_with_placement(blur, image)[1] == Placement((9, 9))
    else:
        with pytest.raises(ValueError, match="RandomBoxBlur"):
            kornia.apply_with_placement(blur, image)


def test_a_part_of_the_channels_cannot_move_by_itself():
    library = pytest.importorskip("albumentations")
    some = library.SelectiveChannelTransform([library.HorizontalFlip()], channels=[0])
    with pytest.raises(ValueError, match="SelectiveChannelTransform is not known"):
        albumentations.apply_with_placement(
            library.Compose([some]), image=torch.rand(4, 5, 3).numpy()
        )


def test_torchio_says_what_its_history_does_not_hold():
    library = pytest.importorskip("torchio")
    subject = library.Subject(scan=library.ScalarImage(tensor=torch.rand(1, 4, 5, 6)))
    nested = library.OneOf([library.Compose([library.Crop(1), library.Flip(0)])])
    with pytest.raises(ValueError, match="Crop, Flip are not recorded"):
        torchio.apply_with_placement(nested, subject)
    turned = library.Affine(scales=(1, 1, 1), degrees=(9, 0, 0), translation=(0, 0, 0))
    with pytest.raises(ValueError, match="inverted Affine"):
        torchio.apply_with_placement(turned.inverse(), subject)
    with pytest.raises(ValueError, match="parse_input=False"):
        torchio.apply_with_placement(library.RandomFlip(parse_input=False), subject)
    with pytest.raises(ValueError, match="one of the images scan, got 'ct'"):
        torchio.apply_with_placement(library.Crop(1), subject, name="ct")
    others = library.Flip(0, exclude=["scan"])
    _, placement = torchio.apply_with_placement(others, subject)
    assert placement.is_full_image


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("one", ["Crop", "CropOrPad", "Resample", "RandomAffine"])
def test_torchio_may_change_the_subject_in_place(one):
    pytest.importorskip("torchio")
    known = tool("torchio")
    transform = (known.moves | known.resamples)[one](random.Random(0))
    transform.copy = False
    image, placement = known.run([transform, transform], 0)
    assert augmentation_tools.compared(known, [one] * 2, image, placement)[0] < TOLERANCE


@pytest.mark.parametrize("one", ["CopyAffine", "ToReferenceSpace"])
def test_torchio_may_not_change_the_affine_of_voxels_that_stay(one):
    library = pytest.importorskip("torchio")
    other = library.ScalarImage(tensor=torch.rand(1, 4, 5, 6), affine=augmentation_tools.WORLD)
    subject = library.Subject(scan=library.ScalarImage(tensor=torch.rand(1, 4, 5, 6)), other=other)
    transform = getattr(library, one)("other" if one == "CopyAffine" else other)
    with pytest.raises(ValueError, match=f"{one} is not known to be affine"):
        torchio.apply_with_placement(transform, subject)
    both = library.Compose([transform, library.Crop((1, 0, 0, 0, 0, 0))])
    _, placement = torchio.apply_with_placement(both, subject, stationary=[type(transform)])
    assert placement == Placement((4, 5, 6)).crop((1, 0, 0), (3, 5, 6))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("one", ["RandomRotation, expand", "RandomAffine, center", "CenterCrop"])
def test_images_of_pil_are_placed_like_tensors(one):
    image_of = pytest.importorskip("PIL.Image")
    if "torchvision" not in INSTALLED:
        pytest.skip("torchvision is not installed")
    known = tool("torchvision")
    transform, channels = (known.moves | known.resamples)[one](random.Random(0)), []
    for channel in augmentation_tools.pixels_of(known.size):
        torch.manual_seed(0)
        picture = image_of.fromarray(channel.numpy())
        moved, placement = torchvision.apply_with_placement(transform, picture)
        channels.append(torch.frombuffer(moved.tobytes(), dtype=torch.float32))
    image = torch.stack(channels).reshape(3, *placement.size)
    error, pixels = augmentation_tools.compared(known, [one], image, placement)
    assert error < TOLERANCE
    assert pixels > 1000


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("mode", "fill"),
    [("constant", [0.0, 0.0, 0.0]), ("edge", 0), ("reflect", 0), ("symmetric", 0)],
)
def test_torchvision_may_fill_margins_in_every_way(mode, fill):
    if "torchvision" not in INSTALLED:
        pytest.skip("torchvision is not installed")
    known = tool("torchvision")
    v2 = importlib.import_module("torchvision.transforms.v2")
    chain = [v2.RandomCrop((70, 90), (3, 1, 2, 5), True, fill, mode), v2.RandomAffine(9, fill=fill)]
    _, placement = known.run(chain, 0)
    assert placement.size == (70, 90)
    image, placement = known.run(chain[:1], 0)
    error, pixels = augmentation_tools.compared(known, [], image, placement)
    assert error == 0
    assert pixels > 1000


@pytest.mark.filterwarnings("ignore")
def test_torchvision_must_transform_the_image_whenever_the_placement_moves():
    if "torchvision" not in INSTALLED:
        pytest.skip("torchvision is not installed")
    tool("torchvision")
    v2 = importlib.import_module("torchvision.transforms.v2")
    array = torch.arange(24, dtype=torch.uint8).reshape(2, 4, 3).numpy()
    flip = v2.RandomHorizontalFlip(1)
    for transform in (flip, v2.Compose([flip, v2.ToImage()]), v2.RandomOrder([v2.ToImage(), flip])):
        with pytest.raises(ValueError, match=r"does not transform NumPy images: begin .* ToImage"):
            torchvision.apply_with_placement(transform, array)
    image, placement = torchvision.apply_with_placement(v2.Compose([v2.ToImage(), flip]), array)
    assert placement == Placement((2, 4)).flip(-1)
    assert torch.equal(image, torch.from_numpy(array).permute(2, 0, 1).flip(-1))
    with pytest.raises(ValueError, match="ToPureTensor must be the last"):
        torchvision.apply_with_placement(v2.RandomOrder([flip, v2.ToPureTensor()]), image)


class Doubled(nn.Module):
    def forward(self, image):
        return image * 2


def torchvision_v2():
    if "torchvision" not in INSTALLED:
        pytest.skip("torchvision is not installed")
    tool("torchvision")
    return importlib.import_module("torchvision.transforms.v2")


@pytest.mark.filterwarnings("ignore")
def test_transforms_of_the_user_get_only_what_is_theirs():
    v2 = torchvision_v2()
    image = torch.rand(3, 4, 5)
    for one in (v2.Lambda(lambda tensor: tensor * 2), Doubled()):
        chain = v2.Compose([one, v2.RandomHorizontalFlip(1), v2.RandomApply([one], 1)])
        for _ in range(2):  # The hooks of the first call are removed.
            moved, placement = torchvision.apply_with_placement(
                chain, image, stationary=[type(one)]
            )
            assert placement == Placement((4, 5)).flip(-1)
            assert torch.equal(moved, 4 * image.flip(-1))


@pytest.mark.filterwarnings("ignore")
def test_a_sample_of_torchvision_keeps_its_structure():
    v2, tensors = torchvision_v2(), importlib.import_module("torchvision.tv_tensors")
    image = tensors.Image(torch.rand(3, 4, 5))
    boxes = tensors.BoundingBoxes(
        torch.tensor([[0, 0, 2, 3], [1, 1, 1, 1]]), format="XYXY", canvas_size=(4, 5)
    )
    target = {"boxes": boxes, "labels": torch.tensor([7, 8])}
    chain = v2.Compose([v2.RandomHorizontalFlip(1), v2.SanitizeBoundingBoxes()])
    samples = [({"image": image, **target},), ([image, target],), ((image, target),)]
    for sample in [*samples, (image, target)]:
        result, placement = torchvision.apply_with_placement(chain, *sample)
        assert placement == Placement((4, 5)).flip(-1)
        expected = chain(*sample)
        assert type(result) is type(expected)
        leaves, others = map(torch.utils._pytree.tree_leaves, (result, expected))
        assert all(map(torch.equal, leaves, others))
        assert len(leaves) == len(others) == 3


@pytest.mark.filterwarnings("ignore")
def test_what_torchvision_would_not_transform_with_the_image_is_refused():
    v2, tensors = torchvision_v2(), importlib.import_module("torchvision.tv_tensors")
    image, flip = torch.rand(3, 4, 5), v2.RandomHorizontalFlip(1)
    for sample in ((torch.tensor([1, 2]), image), ({"label": torch.tensor(1), "image": image},)):
        with pytest.raises(ValueError, match="put the image first"):
            torchvision.apply_with_placement(flip, *sample)
    with pytest.raises(ValueError, match='add "others": None'):
        torchvision.apply_with_placement(v2.ToDtype({tensors.Image: torch.float64}), image)
    former = importlib.import_module("torchvision.transforms")
    for one in (former.RandomHorizontalFlip(), former.Compose([flip])):
        with pytest.raises(ValueError, match=r"use the transforms of torchvision\.transforms\.v2"):
            torchvision.apply_with_placement(one, image)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in INSTALLED if name in ("kornia", "torchvision")])
def test_a_part_of_an_image_stays_one(name):
    module, known = ADAPTERS[name], tool(name)
    crop = Placement((100, 120)).crop((30, 20), known.size)
    pixels = coordinate_image(known.size, convention="pixels", window=crop)
    flip = known.moves["RandomHorizontalFlip"](random.Random(0))
    if name == "kornia":
        flip = importlib.import_module("kornia.augmentation").AugmentationSequential(flip)
        pixels = pixels[None]
    for seed in range(4):
        torch.manual_seed(seed)
        moved, placement = module.apply_with_placement(flip, pixels, placement=crop)
        grid = coordinate_grid(known.size, convention="pixels", window=placement)
        assert torch.equal(
            moved.reshape(pixels.shape)[..., 1:, :, :], grid.reshape_as(pixels[..., 1:, :, :])
        )


def test_torchio_places_voxels_in_millimeters():
    library = pytest.importorskip("torchio")
    world = augmentation_tools.WORLD
    scan = library.ScalarImage(tensor=torch.rand(1, 8, 9, 10), affine=world.numpy())
    augment = library.Compose([library.RandomFlip(axes=(0, 1, 2)), library.RandomAffine()])
    places = []
    for frame in (None, Frame.world((-40, -10, 0), (80, 60, 40))):
        torch.manual_seed(0)
        _, placement = torchio.apply_with_placement(
            augment, library.Subject(scan=scan), frame=frame
        )
        places.append(coordinate_grid((8, 9, 10), convention="pixels", window=placement))
    voxels, millimeters = (one.double().flatten(1) for one in places)
    expected = world[:3, :3] @ voxels + world[:3, 3:] - torch.tensor([[-40.0], [-10], [0]])
    torch.testing.assert_close(millimeters, expected, rtol=0, atol=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_what_is_said_to_be_stationary_is_believed():
    library = pytest.importorskip("albumentations")
    tensors = pytest.importorskip("albumentations.pytorch")
    chain = library.Compose(
        [library.MotionBlur(p=1), library.HorizontalFlip(p=1), tensors.ToTensorV2()]
    )
    sample, placement = albumentations.apply_with_placement(
        chain, image=torch.rand(40, 50, 3).numpy(), stationary=[library.MotionBlur]
    )
    assert placement == Placement((40, 50)).flip(-1)
    assert sample["image"].shape == (3, 40, 50)
    assert "applied_transforms" not in sample
