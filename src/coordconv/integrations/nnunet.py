"""Train and predict with nnU-Net at the true position of each patch.

The loader of nnU-Net does not return the position of a patch, so networks confuse similar organs on
the left and the right, particularly if they are trained with mirroring. `CoordinateTrainer` adds
coordinates and the positions of the patches to a trainer. Positions follow mirrored and rotated
patches in training, and sliding windows in prediction.

Example::

    # trainers/nnUNetTrainerCoordConv.py
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    from coordconv.integrations.nnunet import CoordinateTrainer

    class nnUNetTrainerCoordConv(CoordinateTrainer, nnUNetTrainer):
        pass

Set the environment variable ``nnUNet_extTrainer`` to the folder of this file. Then train with
``nnUNetv2_train 1 3d_fullres 0 -tr nnUNetTrainerCoordConv``, and predict with ``nnUNetv2_predict``.
"""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import nn

from coordconv.conventions import Convention
from coordconv.conversion import convert
from coordconv.conversion.selection import Where
from coordconv.integrations.batchgenerators import PLACEMENT, recorded
from coordconv.integrations.nnunet_prediction import as_tensors, install
from coordconv.model_positions import positions
from coordconv.placements import Placement

__all__ = ["CoordinateTrainer", "placed"]


class CoordinateTrainer:
    """Mixin for a trainer of nnU-Net whose network sees the position of each patch.

    List this mixin before the class of the trainer in the base classes. Coordinates are relative to
    the preprocessed image and range from -1 to 1 along each axis. In training, mirroring, rotation
    and scaling move the coordinates together with the pixels. In prediction, also with
    ``nnUNetv2_predict``, each sliding window and each mirror image gets the coordinates of its
    pixels.

    Attributes:
        coordinate_layers: Which convolutions get coordinates, as ``where`` of `convert`. By
            default, these are the convolutions that return the segmentation. All other convolutions
            are followed by instance normalization, which erases the position of a patch.
        convention: What the coordinates mean. By default, the edges of the full image are at -1 and
            1, for feature maps of every resolution.
    """

    coordinate_layers: ClassVar[Where] = "decoder.seg_layers.*"
    convention: ClassVar[Convention] = Convention(alignment="edges")

    device: torch.device
    network: nn.Module

    @classmethod
    def build_network_architecture(
        cls, plans_manager: Any, configuration_manager: Any, *args: Any, **kwargs: Any
    ) -> nn.Module:
        """Build the network of the trainer and convert its convolutions.

        Raises:
            ValueError: If ``coordinate_layers`` matches no convolution of the network.
        """
        install()  # Training and prediction both build the network with this method.
        build: Any = super().build_network_architecture  # pyright: ignore[reportAttributeAccessIssue]
        network = build(plans_manager, configuration_manager, *args, **kwargs)
        return convert(network, cls.coordinate_layers, convention=cls.convention)

    def get_dataloaders(self) -> Any:
        """Return loaders whose batches contain the placement of their patches."""
        trainer: Any = super()
        with _loaders_placed(sys.modules[trainer.get_dataloaders.__func__.__module__]):
            return trainer.get_dataloaders()

    def train_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Train on a batch of patches, at their positions."""
        with self._at_their_places(batch):
            return super().train_step(batch)  # pyright: ignore[reportAttributeAccessIssue]

    def validation_step(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Validate on a batch of patches, at their positions."""
        with self._at_their_places(batch):
            return super().validation_step(batch)  # pyright: ignore[reportAttributeAccessIssue]

    def _at_their_places(self, batch: dict[str, Any]) -> Any:
        if PLACEMENT not in batch:
            raise RuntimeError(
                f"the batches of {type(self).__name__} do not have the positions of their patches: "
                "get_dataloaders of this trainer must use nnUNetDataLoader or a subclass; wrap any "
                "other loader in coordconv.integrations.nnunet.placed"
            )
        # With strict=True, an error is raised if a patch starts at a pixel that the strides of the
        # network would skip in the full image. Here, patches start anywhere.
        return positions(self.network, batch[PLACEMENT].to(self.device), strict=False)


def placed(loader: Any) -> Any:
    """Let a data loader of nnU-Net return the placement of its patches with each batch.

    Args:
        loader: An ``nnUNetDataLoader``. It is changed in place.

    Returns:
        The loader. Its batches have a `Placement` with one row per sample, under ``"placement"``.

    Raises:
        ValueError: If it is not known how a transform of the loader moves pixels.
    """
    _PatchPlaces(loader)
    return loader


class _PatchPlaces:
    """The positions of the patches of a batch, from the bounding boxes that a loader draws.

    The methods are replaced on the loader instance, not on its class. Therefore, subclasses keep
    their own methods, and worker processes, which get a copy of the loader, also get the replaced
    methods.
    """

    def __init__(self, loader: Any) -> None:
        self.loader = loader
        self.transforms = None if loader.transforms is None else recorded(loader.transforms)
        self.rank = 2 if loader.patch_size_was_2d else 3
        self.place = Placement((1,) * self.rank)
        self.places: list[Placement] = []
        loader.get_bbox, loader.transforms = self.bounding_box, self.transformed
        loader.generate_train_batch = self.batch

    def bounding_box(self, data_shape: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        lower, upper = type(self.loader).get_bbox(self.loader, data_shape, *args, **kwargs)
        shape, start, end = ([*map(int, one)][-self.rank :] for one in (data_shape, lower, upper))
        size = [high - low for low, high in zip(start, end, strict=True)]
        self.place = Placement(tuple(shape)).crop(start, size)
        return lower, upper

    def transformed(self, **sample: Any) -> dict[str, Any]:
        sample[PLACEMENT] = self.place
        if self.transforms is not None:
            sample = self.transforms(**sample)
        self.places.append(sample.pop(PLACEMENT))
        return sample

    def batch(self) -> dict[str, Any]:
        self.places = []
        found = type(self.loader).generate_train_batch(self.loader)
        return {**found, PLACEMENT: as_tensors(self.places)}


@contextmanager
def _loaders_placed(module: Any) -> Generator[None]:
    """Make a module create loaders that return placements, inside a ``with`` block.

    The loader has to be changed where nnU-Net creates it: nnU-Net starts the worker processes right
    after that, and they get copies of the loader.
    """
    made = module.nnUNetDataLoader
    module.nnUNetDataLoader = lambda *args, **kwargs: placed(made(*args, **kwargs))
    try:
        yield
    finally:
        module.nnUNetDataLoader = made
