"""Losses and scores for classifying a digit and for predicting the boxes of digits."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from coordconv_lab.ablated_objective import AblatedObjective
from coordconv_lab.examples import IndexedData
from coordconv_lab.experiments.digits.boxes import (
    NEGATIVE,
    POSITIVE,
    anchors,
    decode,
    encode,
    middle,
    overlaps,
)
from coordconv_lab.specs import ExperimentSpec


class ClassifyDigit(AblatedObjective):
    """Classification of digits: cross-entropy over the ten classes.

    Args:
        spec: The spec of the run.
        data: The canvases.
    """

    evaluation_batch = 50

    def __init__(self, spec: ExperimentSpec, data: IndexedData) -> None:
        self.images, self.labels = data.tensors["image"], data.tensors["label"]

    def inputs(self, examples: Tensor) -> Tensor:
        """Return the canvases, (B, 1, 64, 64)."""
        return self.images[examples]

    def loss(self, net: nn.Module, examples: Tensor) -> Tensor:
        """Return the mean cross-entropy."""
        return functional.cross_entropy(self.predict(net, examples), self.labels[examples])

    def score_one(self, outputs: Tensor, examples: Tensor) -> dict[str, Tensor]:
        """Return whether each digit is predicted correctly."""
        return {"accuracy": (outputs.argmax(-1) == self.labels[examples]).float()}


class ProposeBoxes(AblatedObjective):
    """Prediction of boxes with the losses of the paper's code.

    The losses are over all anchors of a batch. In the paper's code, they are over twelve anchors
    per canvas.

    Args:
        spec: The spec of the run.
        data: The canvases.
    """

    evaluation_batch = 50

    def __init__(self, spec: ExperimentSpec, data: IndexedData) -> None:
        self.images, self.boxes = data.tensors["image"], data.tensors["boxes"]
        self.overlap, self.matched = data.tensors["overlap"], data.tensors["matched"]
        reference = anchors() if spec.model.boxes == "relative" else middle()
        self.reference = reference.expand(len(anchors()), 4).to(self.images.device)

    def inputs(self, examples: Tensor) -> Tensor:
        """Return the canvases, (B, 1, 64, 64)."""
        return self.images[examples]

    def positive(self, examples: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the P positive anchors of a batch.

        Returns:
            The index of the canvas in the batch, (P,), the index of the anchor, (P,), and the box
            that the anchor matches, (P, 4).
        """
        canvas, anchor = (self.overlap[examples] >= POSITIVE).nonzero(as_tuple=True)
        example = examples[canvas]
        return canvas, anchor, self.boxes[example, self.matched[example, anchor]]

    def loss(self, net: nn.Module, examples: Tensor) -> Tensor:
        """Return the sum of two losses: of the offsets at positive anchors, and of the logits."""
        outputs, (canvas, anchor, boxes) = self.predict(net, examples), self.positive(examples)
        found = outputs[canvas, anchor]
        error = (found[:, :4] - encode(boxes, self.reference[anchor])).abs()
        box_loss = torch.where(error < 1, error.square(), error).sum(-1).mean()
        others = outputs[..., 4][self.overlap[examples] < NEGATIVE]
        return (
            box_loss + functional.softplus(-found[:, 4]).mean() + functional.softplus(others).mean()
        )

    def score_one(self, outputs: Tensor, examples: Tensor) -> dict[str, Tensor]:
        """Return the mean IoU of boxes at positive anchors, and the IoU of the best proposal."""
        canvas, anchor, boxes = self.positive(examples)
        overlap = overlaps(decode(outputs[canvas, anchor, :4], self.reference[anchor]), boxes)
        sums = torch.zeros(2, len(examples), device=overlap.device)
        sums = sums.index_add(1, canvas, torch.stack([overlap, torch.ones_like(overlap)]))
        every, best = torch.arange(len(examples)), outputs[..., 4].argmax(-1)
        proposal = decode(outputs[every, best, :4], self.reference[best])
        reached = overlaps(proposal[:, None], self.boxes[examples]).amax(-1)
        return {"mean_iou": sums[0] / sums[1], "proposal_iou": reached}
