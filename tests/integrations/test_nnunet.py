"""nnU-Net with true positions, from the loader to the sliding window, and left told from right.

The laws compare with volumes whose values are the coordinates of their voxels, carried through the
transforms, the padding and the windows of nnU-Net itself.
"""

import json
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.testing import assert_close

pytest.importorskip("nnunetv2")

from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.spatial.rot90 import Rot90Transform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from batchgeneratorsv2.transforms.spatial.transpose import TransposeAxesTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from batchgeneratorsv2.transforms.utils.pseudo2d import (
    Convert2DTo3DTransform,
    Convert3DTo2DTransform,
)
from batchgeneratorsv2.transforms.utils.random import RandomTransform
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

from coordconv import (
    Convention,
    CoordConv2d,
    CoordConv3d,
    Placement,
    convert,
    coordinate_grid,
    positions,
    revert,
)
from coordconv.integrations.batchgenerators import recorded
from coordconv.integrations.nnunet import placed
from coordconv.integrations.nnunet_prediction import as_tensors, install
from tests.integrations.nnunet_sides import image_of, prepare

pytestmark = pytest.mark.filterwarnings("ignore")

INDICES = Convention(order="ij", span="pixels")


def pixels(size: tuple[int, ...], place: Placement | None = None) -> torch.Tensor:
    return coordinate_grid(size, convention=INDICES, window=place)


def spatial(size, **options):
    # Small enough that the corners of a turned patch stay inside the image.
    return SpatialTransform(size, 0, False, rotation=(-0.5, 0.5), scaling=(0.8, 1.1), **options)


CHAINS = {
    "crop": lambda: [spatial((8, 7, 9))],
    "turn": lambda: [spatial((8, 7, 9), p_rotation=1, p_scaling=1)],
    "turn by corners": lambda: [spatial((8, 7, 9), p_rotation=1, p_scaling=1, align_corners=True)],
    "mirror": lambda: [MirrorTransform((0, 1, 2))],
    "quarter turns": lambda: [Rot90Transform(2, (1, 2, 3), {0, 1, 2})],
    "transpose": lambda: [spatial((8, 8, 8)), TransposeAxesTransform({0, 1, 2})],
    "slices": lambda: [
        Convert3DTo2DTransform(),
        spatial((7, 9), p_rotation=1),
        Convert2DTo3DTransform(),
    ],
    "all": lambda: [
        spatial((8, 8, 8), p_rotation=1),
        RandomTransform(MirrorTransform((0, 2)), 0.5),
        Rot90Transform(1, (1, 2, 3), {0, 2}),
        TransposeAxesTransform({1, 2}),
    ],
}


@pytest.mark.parametrize("name", CHAINS)
def test_transforms_move_a_placement_as_they_move_a_volume_of_coordinates(name):
    size = (16, 20, 24)
    transform = recorded(ComposeTransforms(CHAINS[name]()))
    for seed in range(8):
        torch.manual_seed(seed)
        np.random.seed(seed)
        found = transform(image=pixels(size), placement=Placement(size))
        place, image = found["placement"], found["image"]
        assert place.size == tuple(image.shape[1:])
        assert_close(pixels(place.size, place), image, rtol=0, atol=1e-4)


def test_transforms_that_move_pixels_in_another_way_are_refused():
    with pytest.raises(ValueError, match="an elastic deformation is not affine"):
        recorded(spatial((8, 8, 8), p_elastic_deform=1, elastic_deform_magnitude=(2, 3)))(
            image=pixels((16, 16, 16)), placement=Placement((16, 16, 16))
        )

    class Swirl(SpatialTransform):
        pass

    class Unknown:
        pass

    recorded(Swirl((8, 8, 8), 0, False))
    with pytest.raises(ValueError, match="it is not known how Unknown moves pixels"):
        recorded(RandomTransform(Unknown()))


class Cases:
    """A data set of volumes of coordinates, as the loader of nnU-Net reads it."""

    def __init__(self, *sizes: tuple[int, ...]) -> None:
        self.sizes = dict(enumerate(sizes))
        self.identifiers = list(self.sizes)

    def load_case(self, case: int):
        size = self.sizes[case]
        seg = np.zeros((1, *size), np.int16)
        places = np.argwhere(np.ones((1, *size)))[::7]
        return pixels(size).numpy(), seg, None, {"class_locations": {1: places}}


def loader(patch: tuple[int, ...], initial: tuple[int, ...], transforms) -> nnUNetDataLoader:
    sizes = [(24, 30, 28), (30, 22, 40), (8, 30, 30)]
    labels = SimpleNamespace(all_labels=[0, 1], has_ignore_label=False)
    return nnUNetDataLoader(Cases(*sizes), 4, initial, patch, labels, 0.5, transforms=transforms)


@pytest.mark.parametrize("turns", [0, 1])
def test_every_patch_of_a_batch_has_its_place(turns):
    np.random.seed(0)
    transforms = [
        spatial((8, 9, 10), p_rotation=turns, p_scaling=turns),
        MirrorTransform((0, 1, 2)),
    ]
    patches = placed(loader((8, 9, 10), (14, 15, 16), ComposeTransforms(transforms)))
    patches = pickle.loads(pickle.dumps(patches))  # as for a worker that starts anew
    seen = 0
    for _ in range(6):
        batch = next(patches)
        where = batch["placement"]
        assert {tuple(size.tolist()) for size in torch.stack(where.full_size, -1)} <= {
            (24, 30, 28),
            (30, 22, 40),
            (8, 30, 30),
        }
        expected = pixels(where.size, where)
        # Outside of the image, nnU-Net pads with zeros, and mixes zeros in at its edge.
        inside = torch.stack(
            [
                ((grid >= 1) & (grid <= full - 2)).all(0)
                for grid, *full in zip(expected, *where.full_size, strict=True)
                for full in [torch.tensor(full).view(3, 1, 1, 1)]
            ]
        )[:, None].expand_as(expected)
        assert_close(batch["data"][inside], expected[inside], rtol=0, atol=1e-4)
        seen += int(inside.sum())
    assert seen > 3 * 6 * 4 * 8 * 9 * 10 / 3


def test_patches_of_slices_have_a_place_in_their_slice():
    np.random.seed(0)
    batch = next(placed(loader((8, 10), (8, 10), None)))
    where = batch["placement"]
    assert where.size == (8, 10)
    expected, rows = pixels(where.size, where), batch["data"][:, 1:]
    inside = (rows > 0).all(1, keepdim=True).expand_as(rows)
    assert_close(rows[inside], expected[inside])
    assert inside.sum() > 100


class Told(nn.Module):
    """A network whose output is the coordinates that it is told."""

    def __init__(self, rank: int) -> None:
        super().__init__()
        layer = (CoordConv2d, CoordConv3d)[rank - 2]
        self.layer = layer(rank, rank, 1, bias=False, convention=INDICES)
        with torch.no_grad():
            self.layer.weight.zero_()
            self.layer.coord_weight.copy_(torch.eye(rank).view(rank, rank, *[1] * rank))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


def predictor(network: nn.Module, patch: tuple[int, ...], axes: tuple[int, ...]):
    install()
    made = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    made.network, made.allowed_mirroring_axes = network, axes
    made.configuration_manager = SimpleNamespace(patch_size=patch)
    made.label_manager = SimpleNamespace(num_segmentation_heads=len(patch))
    return made


@pytest.mark.parametrize("size", [(12, 20, 18), (12, 7, 18)])  # the second one is padded
@pytest.mark.parametrize("axes", [None, (0, 1, 2)])
def test_sliding_windows_and_mirrored_ones_have_their_places(size, axes):
    found = predictor(Told(3), (8, 10, 8), axes).predict_sliding_window_return_logits(pixels(size))
    assert_close(found.float(), pixels(size), rtol=0, atol=0.05)  # nnU-Net adds up half floats


def test_windows_of_slices_have_their_places():
    volume = pixels((3, 12, 20))
    found = predictor(Told(2), (8, 10), (0, 1)).predict_sliding_window_return_logits(volume[1:])
    assert_close(found.float(), volume[1:], rtol=0, atol=0.05)


def test_a_window_without_a_place_is_refused_and_plain_networks_are_not_changed():
    made = predictor(Told(3), (8, 8, 8), (0,))
    with pytest.raises(RuntimeError, match="the position of this window is not known"):
        made._internal_maybe_mirror_and_predict(torch.zeros(1, 3, 8, 8, 8))
    made.network = nn.Conv3d(3, 3, 1)
    assert made._internal_maybe_mirror_and_predict(torch.zeros(1, 3, 8, 8, 8)).shape[1] == 3


def test_a_compiled_network_is_compiled_once_for_all_places():
    networks = pytest.importorskip("dynamic_network_architectures.architectures.unet")
    torch.manual_seed(0)
    options = {"norm_op": nn.InstanceNorm3d, "nonlin": nn.LeakyReLU, "deep_supervision": True}
    sizes = (3, [4, 8, 8], nn.Conv3d, 3, [1, 2, 2], [1, 1, 1], 3, [1, 1])
    network = convert(networks.PlainConvUNet(1, *sizes, **options), "decoder.seg_layers.*")
    heads = network.decoder.seg_layers
    for layer in heads:
        nn.init.normal_(layer.coord_weight)
    counter = CompileCounterWithBackend("aot_eager")
    compiled, image = torch.compile(network, backend=counter), Placement((20, 20, 30))
    turn = [[1, 0.1, 0, 0], [0, 1, 0, 0.5], [0, 0, 1, 0]]
    for start in range(3):
        first = image.crop((start, 2, 3), (8, 8, 8))
        moved = first.flip(-1) if start else first.affine(turn)
        place, x = as_tensors([first, moved]), torch.randn(2, 1, 8, 8, 8)
        found = []
        for model in (network, compiled):
            with positions(model, place, strict=False):
                outputs = model(x)
            sum(one.square().sum() for one in outputs).backward()
            found.append([*outputs, *[layer.coord_weight.grad for layer in heads]])
            network.zero_grad()
        assert_close(found[1], found[0], rtol=1e-3, atol=1e-3)
    assert counter.frame_count == 1


TRAINER = """
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from coordconv.integrations.nnunet import CoordinateTrainer


class nnUNetTrainerCoordConv(CoordinateTrainer, nnUNetTrainer):
    def initialize(self):
        self.num_epochs, self.num_iterations_per_epoch, self.save_every = 2, 70, 100
        self.num_val_iterations_per_epoch, self.initial_lr = 2, 0.03
        self.oversample_foreground_percent = 1.0
        super().initialize()

    def plot_network_architecture(self):
        pass
"""


def test_left_and_right_are_told_apart_although_training_mirrors(tmp_path, monkeypatch):
    try:
        import torchvision  # nnU-Net looks for trainers in modules that import it
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"torchvision for another build of torch: {error}")
    assert torchvision
    for name in ("raw", "preprocessed", "results"):
        monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))
    monkeypatch.setenv("nnUNet_n_proc_DA", "1")  # 0 is for training, and not for planning
    preprocessed = prepare(tmp_path)
    monkeypatch.setenv("nnUNet_n_proc_DA", "0")
    (tmp_path / "trainers").mkdir()
    (tmp_path / "trainers" / "sides.py").write_text(TRAINER)
    monkeypatch.setenv("nnUNet_extTrainer", str(tmp_path / "trainers"))
    torch.manual_seed(0)
    np.random.seed(0)
    kind = recursive_find_trainer_class_by_name("nnUNetTrainerCoordConv")
    plans = json.loads((preprocessed / "nnUNetPlans.json").read_text()) | {
        "continue_training": False
    }
    data = json.loads((preprocessed / "dataset.json").read_text())
    trainer = kind(plans, "3d_fullres", 0, data, device=torch.device("cpu"))
    trainer.run_training()
    assert trainer.inference_allowed_mirroring_axes == (0, 1, 2)

    # As nnUNetv2_predict does, with mirroring, from the files.
    made = nnUNetPredictor(tile_step_size=1.0, device=torch.device("cpu"), allow_tqdm=False)
    made.initialize_from_trained_model_folder(trainer.output_folder_base, (0,))
    cases = [image_of(np.random.default_rng(seed)) for seed in (90, 91, 92)]

    def shares() -> np.ndarray:
        """Return the share of the organs that is found, and that has the label of its side."""
        found = []
        for volume, labels in cases:
            logits = made.predict_sliding_window_return_logits(torch.from_numpy(volume)[None])
            label, organs = logits.argmax(0).numpy()[labels > 0], labels[labels > 0]
            found.append([(label > 0).mean(), (label == organs).mean()])
        return np.mean(found, axis=0)

    assert shares().min() > 0.9
    made.network = revert(made.network, discard=True)
    found, right = shares()
    assert found > 0.7
    assert right < 0.7
