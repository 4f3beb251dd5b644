"""A trial warns if images are mirrored but their coordinates are not, and only then."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, IterableDataset

from coordconv import Placement, positions
from coordconv_lab.trials import UserFunctions, trial
from coordconv_lab.trials.mirroring import Mirroring, mirroring_of, noted_loaders
from coordconv_lab.trials.sample_images import image_of
from tests.trials.models import by_coordinates

SIZE = (24, 32)


def image_number(number):
    """An image of disks and noise, the same for each number."""
    generator = torch.Generator().manual_seed(number)
    image = 0.3 * torch.randn(3, *SIZE, generator=generator)
    y, x = torch.meshgrid(torch.arange(24), torch.arange(32), indexing="ij")
    for _ in range(4):
        row, column = (torch.rand(2, generator=generator) * torch.tensor(SIZE)).tolist()
        image += ((y - row) ** 2 + (x - column) ** 2 < 20).float()
    return image


class Images(Dataset):
    """Images that a function changes, in the form that another makes of them."""

    def __init__(self, change=lambda image: image, form=lambda image: (image, 0)):
        self.change, self.form = change, form

    def __len__(self):
        return 20

    def __getitem__(self, index):
        if index >= 20:
            raise IndexError
        return self.form(self.change(image_number(index)))


def flipped(axes, chance=0.5):
    return lambda image: image.flip(axes) if torch.rand(()) < chance else image


def cropped(image):
    top, left = torch.randint(5, (2,))
    return functional.pad(image, (2, 2, 2, 2))[:, top : top + 24, left : left + 32]


def jittered(image):
    return (
        image * random.uniform(0.7, 1.3) + random.uniform(-0.2, 0.2) + 0.1 * torch.rand(3, 24, 32)
    )


def turned(image):
    angle = torch.tensor(random.uniform(-0.5, 0.5))
    theta = [[angle.cos(), -angle.sin(), 0.0], [angle.sin(), angle.cos(), 0.0]]
    grid = functional.affine_grid(torch.tensor(theta)[None], (1, 3, *SIZE), align_corners=False)
    return functional.grid_sample(image[None], grid, align_corners=False)[0]


def zoomed(image):
    part = image[:, : random.randint(8, 24), : random.randint(8, 32)]
    return functional.interpolate(part[None], SIZE, mode="bilinear")[0]


@pytest.mark.parametrize("chance", [0.5, 0.8])
@pytest.mark.parametrize(
    "after", [lambda image: image, cropped, jittered, lambda image: jittered(cropped(image))]
)
@pytest.mark.parametrize("axis", [-1, -2])
def test_flips_are_also_found_with_crops_and_jitter(axis, after, chance):
    for seed in range(2):
        torch.manual_seed(seed)
        random.seed(seed)
        flip = flipped([axis], chance)
        found = mirroring_of(Images(lambda image, flip=flip: after(flip(image))))
        assert found is not None
        assert found.axes == (axis,)


def test_flips_along_both_axes_are_named():
    flips = flipped([-1]), flipped([-2])
    found = mirroring_of(Images(lambda image: flips[0](flips[1](image))))
    assert found.axes == (-1, -2)
    assert "left and right and up and down" in found.words


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image,
        cropped,
        jittered,
        turned,
        zoomed,
        lambda image: zoomed(turned(jittered(image))),
        lambda image: torch.zeros(3, *SIZE),
        lambda image: torch.randn(3, *SIZE),
        lambda image: image_number(random.randrange(1000)),
        lambda image: image + image.flip(-1),  # symmetric
        lambda image: flipped([-1])(image + image.flip(-1)),
        lambda image: image.roll(random.randrange(32), -1),
    ],
)
def test_other_changes_are_not_taken_for_flips(change):
    for seed in range(3):
        torch.manual_seed(seed)
        random.seed(seed)
        assert mirroring_of(Images(change)) is None


@pytest.mark.parametrize(
    "form",
    [
        lambda image: image,
        lambda image: {"label": 1, "pixel_values": image},
        lambda image: (torch.tensor(3), [image[:1]]),
        lambda image: image.permute(1, 2, 0).numpy(),
        lambda image: (image[0].numpy() * 50 + 100).astype(np.uint8),
    ],
)
def test_samples_may_have_any_usual_form(form):
    assert mirroring_of(Images(flipped([-1]), form)).axes == (-1,)
    assert mirroring_of(Images(form=form)) is None


def test_images_of_pillow_are_read():
    pillow = pytest.importorskip("PIL.Image")

    def form(image):
        return pillow.fromarray((image[0].clamp(0, 1) * 255).byte().numpy())

    assert mirroring_of(Images(flipped([-1]), form)).axes == (-1,)


def test_signals_and_volumes_are_read():
    def signal(image):
        return image[:, 12]

    def volume(image):
        return torch.stack([image.mean(0), image[0], *[image[1]] * 6])[None] ** 3

    assert mirroring_of(Images(flipped([-1]), signal)).axes == (-1,)
    assert mirroring_of(Images(flipped([-1]), volume)).axes == (-1,)
    assert image_of(volume(image_number(0))).shape == (8, 24, 32)


def with_placement(follows):
    def form(image):
        place = Placement(SIZE)
        if torch.rand(()) < 0.5:
            return image.flip(-1), place.flip(-1) if follows else place
        return image, place

    return form


def test_mirrored_placements_do_not_warn_and_others_do():
    assert mirroring_of(Images(form=with_placement(follows=True))) is None
    found = mirroring_of(Images(form=with_placement(follows=False)))
    assert found.has_placements
    assert "placements are not mirrored" in found.words


@pytest.mark.parametrize("data", [[], None, iter([1]), [1, "text", None], {"a": 1}])
def test_samples_that_cannot_be_read_are_not_judged(data):
    assert mirroring_of(data) is None


def test_drawing_samples_restores_the_random_state():
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    mirroring_of(Images(lambda image: jittered(flipped([-1])(image))))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert (np.random.get_state()[1] == states[2]).all()


def test_loaders_are_recorded_only_inside_the_block():
    class Stream(IterableDataset):
        def __iter__(self):
            yield torch.zeros(1)

    loader, other = DataLoader(Images()), DataLoader(Stream())
    with noted_loaders() as found:
        for _ in range(2):
            next(iter(loader))
        next(iter(other))
    next(iter(DataLoader(Images())))
    assert found == [loader, other]
    assert mirroring_of(other.dataset) is None


def make():
    return nn.Sequential(nn.Conv2d(3, 1, 3, padding=1))


def functions_with(dataset, call=lambda model, batch: model(batch[0])):
    def train(model):
        for batch in DataLoader(dataset, batch_size=4):
            call(model, batch)

    return UserFunctions(make, train, by_coordinates(1, 0))


def test_a_trial_with_flips_warns_once_and_on_the_page(tmp_path):
    lines = []
    functions = functions_with(Images(flipped([-1])))
    options = {"arms": ["first", "shuffled:first"], "seeds": 2}
    outcome = trial(functions, tmp_path, **options, report=lines.append)
    assert sum("Warning" in line for line in lines) == 1
    [warning] = outcome.warnings
    assert "left and right" in warning
    assert warning in str(outcome)
    assert trial(functions, tmp_path, **options).warnings == (warning,)  # kept with the runs


def test_a_trial_without_flips_does_not_warn(tmp_path):
    outcome = trial(functions_with(Images(jittered)), tmp_path, arms=["first"], seeds=1)
    assert outcome.warnings == ()


def test_a_trial_that_carries_the_flips_does_not_warn(tmp_path):
    def call(model, batch):
        with positions(model, batch[1]):
            model(batch[0])

    carried = functions_with(Images(form=with_placement(follows=True)), call)
    assert trial(carried, tmp_path / "carried", arms=["first"], seeds=1).warnings == ()
    stale = functions_with(Images(form=with_placement(follows=False)), call)
    assert len(trial(stale, tmp_path / "stale", arms=["first"], seeds=1).warnings) == 1


def test_positions_that_a_model_gets_in_training_are_trusted(tmp_path):
    def call(model, batch):
        with positions(model, Placement(SIZE)):
            model(batch[0])

    functions = functions_with(Images(flipped([-1])), call)
    assert trial(functions, tmp_path, arms=["first"], seeds=1).warnings == ()


def test_the_probe_does_not_change_a_run(tmp_path, monkeypatch):
    functions = functions_with(Images(flipped([-1])))
    scores = [row.scores for row in trial(functions, tmp_path / "with", arms=["first"], seeds=2)]
    found = Mirroring((-1,), 1, 1, "Images")
    monkeypatch.setattr("coordconv_lab.trials.mirror_watch.mirroring_of", lambda data: found)
    again = trial(functions, tmp_path / "without", arms=["first"], seeds=2)
    assert [row.scores for row in again] == scores
