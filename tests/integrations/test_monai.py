"""MONAI: files, dictionaries, batches and sliding windows know where their voxels are."""

import copy

import pytest
import torch
from torch.testing import assert_close

pytest.importorskip("monai")
import numpy as np
from monai import transforms as T
from monai.data import MetaTensor, list_data_collate
from monai.inferers import SlidingWindowInferer, sliding_window_inference
from monai.networks.nets import UNet
from torch.utils.data import default_collate

from coordconv import Convention, CoordConv2d, Placement, convert, coordinate_grid
from coordconv.integrations.frames import Frame
from coordconv.integrations.monai import (
    apply_with_placement,
    check_transform,
    placement_of,
    positioned_predictor,
)
from coordconv.layers.coordinates import CoordinateLayer

pytestmark = pytest.mark.filterwarnings("ignore")
AFFINE = torch.diag(torch.tensor([2.0, 3, 1.5, 1], dtype=torch.float64))
AFFINE[:3, 3] = torch.tensor([-20.0, 11, 7])


def indices(placement):
    """The voxel of the full image at every voxel."""
    options = {"convention": "pixels", "dtype": torch.float64}
    return coordinate_grid(placement.size, window=placement, **options)


def images_of(n=1):
    """Images of which each voxel holds its own index."""
    return [MetaTensor(indices(Placement((8, 9, 10))), affine=AFFINE.clone()) for _ in range(n)]


def test_samples_of_a_file_are_placed_in_it(tmp_path):
    np.save(tmp_path / "image.npy", images_of()[0].numpy())
    transform = T.Compose(
        [
            T.LoadImaged("image"),
            T.EnsureChannelFirstd("image", channel_dim=0),
            T.RandCropByPosNegLabeld("image", "image", (4, 4, 4), num_samples=3),
            T.RandFlipd("image", prob=0.5, spatial_axis=2),
            T.NormalizeIntensityd("image", subtrahend=0, divisor=1),
        ]
    )
    transform.set_random_state(0)
    file = {"image": str(tmp_path / "image.npy")}
    frame = Frame(torch.eye(4), (8, 9, 10))
    results, placements = apply_with_placement(transform, file, key="image", frame=frame)
    assert len(results) == 3
    for result, placement in zip(results, placements, strict=True):
        assert_close(result["image"].as_tensor().double(), indices(placement))
    np.save(tmp_path / "image.npy", images_of()[0].numpy()[0])  # without channels
    transform = T.Compose(
        [T.LoadImage(), T.EnsureChannelFirst(channel_dim="no_channel"), T.Flip(1)]
    )
    result, placement = apply_with_placement(transform, str(tmp_path / "image.npy"))
    assert placement == Placement((8, 9, 10)).flip(-2)


def test_a_batch_is_placed_in_millimeters():
    frame = Frame.world((-30, 0, 0), (60, 60, 60))
    transform = T.Compose([T.RandFlip(0.5, 0), T.RandSpatialCrop((4, 5, 6), random_size=False)])
    transform.set_random_state(3)
    images = [transform(one) for one in images_of(4)]
    for collate in (list_data_collate, default_collate):
        batch = collate(images)
        millimeters = indices(placement_of(batch, frame))
        assert millimeters.shape == (4, 3, 4, 5, 6)
        for image, found in zip(images, millimeters, strict=True):
            voxels = image.as_tensor().flatten(1)
            expected = AFFINE[:3, :3] @ voxels + AFFINE[:3, 3:]
            assert_close(found.flatten(1), expected - torch.tensor([[-30.0], [0], [0]]).double())
            alone = indices(placement_of(image, frame))
            assert_close(alone, found)


def test_images_of_two_axes_are_placed():
    image = MetaTensor(indices(Placement((8, 9))), affine=AFFINE.clone())
    result, placement = apply_with_placement(T.Rotate90(), image)
    assert_close(result.as_tensor(), indices(placement))


def test_a_flip_and_a_crop_keep_the_axes_apart():
    transform = T.Compose([T.Flip(0), T.CenterSpatialCrop((4, 4, 4)), T.Rotate90()])
    _, placement = apply_with_placement(transform, images_of()[0])
    assert placement.axes == (1, 0, 2)
    assert all(isinstance(one, int) for one in placement.start)


def test_what_is_not_known_is_refused():
    image = images_of()[0]
    with pytest.raises(ValueError, match="delayed transforms"):
        apply_with_placement(T.Flip(0, lazy=True), image)
    with pytest.raises(TypeError, match="must be a MetaTensor"):
        apply_with_placement(T.ToTensor(track_meta=False), image)
    with pytest.raises(ValueError, match="the position of the image before"):
        apply_with_placement(T.Identity(), [1.0])
    with pytest.raises(ValueError, match="the frame has 2 axes"):
        placement_of(image, Frame(torch.eye(3), (8, 9)))
    nested = T.Compose([T.OneOf([T.Flip(0), T.Rand3DElastic((1, 2), (1, 2))])])
    with pytest.raises(ValueError, match="Rand3DElastic is not known to be affine"):
        check_transform(nested)
    with pytest.raises(ValueError, match="Lambda is not known"):
        check_transform(T.Lambda(lambda x: 2 * x))
    check_transform(T.Lambda(lambda x: 2 * x), stationary=[T.Lambda])


@pytest.mark.parametrize(
    ("transform", "option"),
    [
        (T.Affine(align_corners=True), "align_corners"),
        (T.Affined("image", align_corners=True), "align_corners"),
        (T.Affine(affine=torch.eye(3), normalized=True), "normalized"),
        (T.Spacing((0.7, 1.3), recompute_affine=True), "recompute_affine"),
        (T.Spacingd("image", (0.7, 1.3), recompute_affine=True), "recompute_affine"),
    ],
)
def test_options_with_a_wrong_affine_are_refused(transform, option):
    with pytest.raises(ValueError, match=f"{type(transform).__name__} computes .* {option}"):
        check_transform(T.Compose([transform]))


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize(
    "transform",
    [
        lambda corners: T.Rotate(0.2, keep_size=False, align_corners=corners),
        lambda corners: T.Zoom(1.3, mode="bilinear", keep_size=False, align_corners=corners),
        lambda corners: T.Resize((10, 31), mode="bilinear", align_corners=corners),
        lambda corners: T.Spacing((0.7, 1.3), mode="bilinear", align_corners=corners),
        lambda corners: T.RandRotate(0.3, prob=1, align_corners=corners),
        lambda corners: T.RandAffine(1, 0.3, spatial_size=(11, 11)),
        lambda corners: T.Affine(rotate_params=0.2, spatial_size=(11, 11), image_only=True),
    ],
)
def test_resampled_pixels_show_their_positions(transform, align_corners):
    pixels = {"convention": Convention(order="ij", span="pixels")}
    original = coordinate_grid((14, 21), **pixels)
    image, placement = apply_with_placement(transform(align_corners), original)
    grid = coordinate_grid(placement.size, window=placement, **pixels)
    low, high = torch.tensor([1.5, 1.5]), torch.tensor([11.5, 18.5])
    inside = ((grid.movedim(0, -1) > low) & (grid.movedim(0, -1) < high)).all(-1)
    assert inside.sum() > 20
    assert_close(image.as_tensor()[:, inside], grid[:, inside], rtol=0, atol=1e-3)


@pytest.mark.parametrize("shape", [(12, 20, 3), (5, 6, 7, 1)])
def test_a_transform_that_moves_the_channel_axis_is_refused(shape):
    image = torch.rand(shape)
    for name, key in (("EnsureChannelFirst", None), ("EnsureChannelFirstd", "image")):
        keys = () if key is None else (key,)
        data = image if key is None else {key: image}
        last, first = (getattr(T, name)(*keys, channel_dim=dim) for dim in (-1, 0))
        with pytest.raises(ValueError, match=f"{name} moves the channel axis"):
            apply_with_placement(T.Compose([last]), data, key=key)
        frame = Frame(torch.eye(len(shape)), shape[:-1])
        placement = apply_with_placement(last, data, key=key, frame=frame)[1]
        assert placement == Placement(shape[:-1])
        assert apply_with_placement(first, data, key=key)[1] == Placement(shape[1:])


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    model = convert(UNet(2, 1, 2, (4, 8), (2,), norm=None), where="all").double().eval()
    for module in model.modules():
        if isinstance(module, CoordinateLayer):
            torch.nn.init.normal_(module.coord_weight)
    return model


def test_sliding_windows_equal_the_full_image_inside(network):
    images = torch.randn(2, 1, 64, 80).double()
    predictor = positioned_predictor(network, Placement((64, 80)))
    inferer = SlidingWindowInferer((48, 48), 3, 0.75, mode="gaussian", with_coord=True)
    with torch.no_grad():
        full = network(images)
        found = inferer(images, predictor)
        lost = sliding_window_inference(images, (48, 48), 3, network, 0.75, mode="gaussian")
    # In the middle, windows whose border is near have next to no weight.
    errors = [(one - full)[..., 28:36, 36:44].abs().max() for one in (found, lost)]
    assert errors[0] < 1e-2 * errors[1]


@pytest.mark.parametrize("options", [{}, {"buffer_steps": 2, "buffer_dim": -1}])
@pytest.mark.parametrize("size", [(20, 30), (6, 30), (5, 7)])
def test_each_window_is_predicted_at_its_place(size, options):
    if options and min(size) < 8:
        pytest.skip("MONAI buffers images of at least one window")
    layer, images = CoordConv2d(1, 2, 1).double(), torch.randn(3, 1, *size).double()
    predictor = positioned_predictor(layer, Placement(size))
    found = sliding_window_inference(images, (8, 8), 2, predictor, 0.25, with_coord=True, **options)
    assert_close(found, layer(images))


def test_each_sample_of_the_inputs_may_have_its_own_place():
    layer, images = CoordConv2d(1, 2, 1).double(), torch.randn(3, 1, 40, 50).double()
    full = Placement((40, 50))
    placements = [full.crop((n, 2 * n), (20, 30)) for n in range(3)]
    placements[1] = placements[1].flip(-1)
    crops = torch.stack([image[:, n : n + 20, 2 * n :][..., :30] for n, image in enumerate(images)])
    crops[1] = crops[1].flip(-1)
    together = default_collate(placements)
    predictor = positioned_predictor(copy.deepcopy(layer), together)
    found = sliding_window_inference(crops, (8, 8), 4, predictor, 0.25, with_coord=True)
    assert_close(found, layer(crops, window=together))
