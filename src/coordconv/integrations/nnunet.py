"""nnU-Net with the true position of each patch, including mirrored, rotated and sliding windows.

The loader of nnU-Net does not return the position of a patch, so networks confuse similar organs on
the left and the right, particularly with mirroring. `CoordinateTrainer` adds coordinates to a
trainer:

Example::

    # trainers/nnUNetTrainerCoordConv.py
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    from coordconv.integrations.nnunet import CoordinateTrainer

    class nnUNetTrainerCoordConv(CoordinateTrainer, nnUNetTrainer):
        pass

With the environment variable ``nnUNet_extTrainer`` set to the folder, ``nnUNetv2_train 1 3d_fullres
0 -tr nnUNetTrainerCoordConv`` trains it, and ``nnUNetv2_predict`` predicts with it.
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

    List this mixin before the class of the trainer in the base classes. Positions are relative to
    the preprocessed image, from -1 to 1 along each axis. Mirroring, rotation and scaling in
    training move the coordinates with the pixels; at test time, so do the sliding window and
    mirroring, also in ``nnUNetv2_predict``.

    Attributes:
        coordinate_layers: Which convolutions get coordinates, as ``where`` of `convert`. By default
            the convolutions that return the segmentation, because after all others, instance
            normalization erases the position of a patch.
        convention: What the coordinates mean. By default, the edges of the image are at -1 and 1,
            at each resolution.
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
        install()  # Training and prediction both call this.
        build: Any = super().build_network_architecture  # pyright: ignore[reportAttributeAccessIssue]
        network = build(plans_manager, configuration_manager, *args, **kwargs)
        return convert(network, cls.coordinate_layers, convention=cls.convention)

    def get_dataloaders(self) -> Any:
        """Return loaders whose batches have a placement."""
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
                "its get_dataloaders must use nnUNetDataLoader or a subclass of it; wrap another "
                "loader in coordconv.integrations.nnunet.placed"
            )
        # Patches start between the pixels of the feature maps of the full image.
        return positions(self.network, batch[PLACEMENT].to(self.device), strict=False)


def placed(loader: Any) -> Any:
    """Let a data loader of nnU-Net return the placement of its patches with each batch.

    Args:
        loader: An ``nnUNetDataLoader``; it is changed.

    Returns:
        The loader. Its batches have a `Placement` with a row per sample, under ``"placement"``.

    Raises:
        ValueError: If it is not known how a transform of the loader moves pixels.
    """
    _PatchPlaces(loader)
    return loader


class _PatchPlaces:
    """The positions of the patches of a batch, from the bounding boxes that a loader draws.

    Methods of the loader are replaced on the instance, so that subclasses keep their own methods,
    and new workers get the replaced methods.
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
    """Make a module create placed loaders, because loaders start their workers when they are
    created.
    """
    made = module.nnUNetDataLoader
    module.nnUNetDataLoader = lambda *args, **kwargs: placed(made(*args, **kwargs))
    try:
        yield
    finally:
        module.nnUNetDataLoader = made
