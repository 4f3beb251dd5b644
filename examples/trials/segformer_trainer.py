"""A trial of a SegFormer with the Trainer of transformers: label pixels by their half.

coordconv trial examples/trials/segformer_trainer.py
"""

import tempfile

import torch
from torch.utils.data import Dataset
from transformers import (
    SegformerConfig,
    SegformerForSemanticSegmentation,
    Trainer,
    TrainingArguments,
)

STEPS, SIZE = 60, (32, 48)


class Halves(Dataset):
    """Noise; the label of a pixel is whether it is in the left half."""

    def __len__(self):
        return 256

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        labels = (torch.arange(SIZE[1]) < SIZE[1] // 2).long().expand(SIZE)
        return {"pixel_values": torch.randn(3, *SIZE, generator=generator), "labels": labels}


def make():
    """Return a new network."""
    sizes = {"hidden_sizes": [8, 16], "depths": [1, 1], "num_attention_heads": [1, 2]}
    more = {"sr_ratios": [2, 1], "patch_sizes": [7, 3], "strides": [4, 2], "mlp_ratios": [2, 2]}
    config = SegformerConfig(num_encoder_blocks=2, decoder_hidden_size=16, **sizes, **more)
    return SegformerForSemanticSegmentation(config)


def train(model, seed):
    """Train it with the Trainer, which sets its own seed."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"save_strategy": "no", "report_to": [], "disable_tqdm": True, "use_cpu": True}
        arguments = TrainingArguments(
            folder, max_steps=STEPS, learning_rate=3e-3, seed=seed, logging_strategy="no", **options
        )
        Trainer(model, arguments, train_dataset=Halves()).train()


def score(model):
    """Return the accuracy over pixels, at the resolution of the network."""
    batch = [Halves()[index] for index in range(1000, 1032)]
    with torch.no_grad():
        found = model.eval()(torch.stack([one["pixel_values"] for one in batch])).logits.argmax(1)
    labels = torch.stack([one["labels"] for one in batch])
    wanted = labels[:, 2::4, 2::4]
    return (found == wanted).float().mean().item()
