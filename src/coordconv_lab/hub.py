"""Share networks of the laboratory on the Hugging Face Hub. Requires the extra ``hub``.

Weights are stored as safetensors, which cannot contain code; pickles are never loaded.

Raises:
    ModuleNotFoundError: If the extra is not installed.
"""

import re
from pathlib import Path
from typing import Any, Self

from torch import Tensor, nn

from coordconv_lab.errors import InputError, in_short

try:
    from huggingface_hub import ModelCard, ModelCardData, PyTorchModelHubMixin
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "coordconv_lab.hub requires the extra: pip install 'torch-coordconv[hub]'", name=_error.name
    ) from _error

from coordconv_lab.parts import network_of
from coordconv_lab.registry import registry
from coordconv_lab.registry.descriptors import SCORE_NAME
from coordconv_lab.results.files import write_atomically
from coordconv_lab.specs import ExperimentSpec, parse_spec
from coordconv_lab.trained import trained_net

__all__ = ["SharedNet"]


class SharedNet(nn.Module, PyTorchModelHubMixin):
    """A network of the laboratory, with the spec (full description) of the run that trained it.

    Args:
        experiment: Fields of the `ExperimentSpec`, as in ``spec.json``.
        scores: Scores of the record on the training and test sets.

    Raises:
        InputError: If ``experiment`` or ``scores`` is not valid.

    Example:
        >>> import tempfile
        >>> from coordconv_lab.experiments.notsoclevr.recipes import tuned
        >>> spec = tuned("regression", "quadrant", "coordconv")
        >>> net = SharedNet(spec.model_dump(mode="json"))
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     net.save_pretrained(directory)
        ...     again = SharedNet.from_pretrained(directory)
        Loading weights from local directory
        >>> again.spec == spec
        True
    """

    def __init__(
        self, experiment: dict[str, Any], scores: dict[str, dict[str, float]] | None = None
    ) -> None:
        super().__init__()
        if not isinstance(experiment, dict):
            raise InputError(
                f"experiment: expected the fields of a spec, got {in_short(experiment)}"
            )
        self.spec = parse_spec(experiment, "experiment")
        self.scores = None if scores is None else _checked_scores(scores)
        self.net = network_of(self.spec)

    @classmethod
    def from_run(cls, directory: str | Path) -> Self:
        """Load the network of a finished run.

        Args:
            directory: Directory of the run, with ``record.json`` and ``weights.safetensors``.

        Returns:
            The network in evaluation mode, for ``save_pretrained`` and ``push_to_hub``.

        Raises:
            InputError: If a file is missing, is damaged, or does not match the record.
        """
        net, record = trained_net(Path(directory))
        scores = {str(side): dict(values) for side, values in record.scores.items()}
        shared = cls(record.spec.model_dump(mode="json"), scores)
        shared.net = net
        return shared.eval()

    def forward(self, inputs: Tensor) -> Tensor:
        """Apply the network to inputs of its task, such as images (N, 1, H, W)."""
        return self.net(inputs)

    def generate_model_card(self, *_: Any, **__: Any) -> ModelCard:
        """Return a model card with the task, the scores, the usage and the citation."""
        return ModelCard(card(self.spec, self.scores))

    def _save_pretrained(self, save_directory: Path) -> None:
        # `safetensors.torch.save_file` creates a file that only its owner can read.
        weights = {name: each.cpu().contiguous() for name, each in self.state_dict().items()}
        write_atomically(save_directory / "model.safetensors", save(weights))

    @classmethod
    def from_pretrained(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, name: str | Path, **options: Any
    ) -> Self:
        """Load a shared network, in evaluation mode.

        Args:
            name: Name of a repository, or path of a directory.
            options: Options of `huggingface_hub.PyTorchModelHubMixin.from_pretrained`.

        Raises:
            InputError: If the files are damaged, or do not belong to a `SharedNet`.
        """
        try:
            return super().from_pretrained(name, **options)
        except InputError:
            raise
        except (AttributeError, RecursionError, TypeError, ValueError) as error:
            raise InputError(f"cannot load a network from {name}: {error}") from error

    @classmethod
    def _from_pretrained(cls, *, model_id: str, **options: Any) -> Any:
        if "experiment" not in options:
            raise InputError(f"{model_id} has no config.json with the field `experiment`")
        return super()._from_pretrained(model_id=model_id, **options)

    @classmethod
    def _load_as_safetensor(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, model: Any, model_file: str, *_: Any
    ) -> Any:
        # Require all weights; by default the mixin accepts missing ones.
        try:
            model.load_state_dict(load_file(model_file))
        except (OSError, RuntimeError, SafetensorError) as error:
            raise InputError(
                f"{model_file} does not contain the weights of this network: {error}"
            ) from error
        return model.eval()

    @classmethod
    def _load_as_pickle(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, model: Any, model_file: str, *_: Any
    ) -> Any:
        raise InputError(
            f"{model_file} is a pickle, which can contain code; only safetensors are loaded"
        )


def _checked_scores(scores: Any) -> dict[str, dict[str, float]]:
    try:
        if not all(re.fullmatch(SCORE_NAME, name) for name in scores["train"]):
            raise ValueError
        train, test = scores["train"], scores["test"]
        return {
            "train": {str(name): float(train[name]) for name in train},
            "test": {str(name): float(test[name]) for name in train},
        }
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise InputError(
            f"scores: expected numbers by name under 'train' and 'test', got {in_short(scores)}"
        ) from error


def card(spec: ExperimentSpec, scores: dict[str, dict[str, float]] | None) -> str:
    """Return the README of a shared network, in the format of the Hub."""
    name = f"{spec.task}, {spec.data.split} split, {spec.model.kind}"
    table = "There are no recorded scores." if scores is None else _table(scores)
    data = ModelCardData(license="apache-2.0", library_name="coordconv", tags=["coordconv"])
    return _CARD.format(data=data.to_yaml(), name=name, table=table, **_words(spec))


def _table(scores: dict[str, dict[str, float]]) -> str:
    lines = ["| score | training set | test set |", "|---|--:|--:|"]
    for kind in sorted(scores["train"]):  # the order in config.json
        trained, held_out = scores["train"][kind], scores["test"][kind]
        lines.append(f"| {kind.replace('_', ' ')} | {trained:.4g} | {held_out:.4g} |")
    return "\n".join(lines)


def _words(spec: ExperimentSpec) -> dict[str, str]:
    task, experiment = registry().task(spec.task), registry().experiment_of(spec.task)
    settings = spec.data.model_dump()
    return {
        "inputs": task.inputs.format(**settings),
        "outputs": task.outputs.format(**settings),
        "experiment": experiment.title,
        "about": experiment.about.format(**settings),
        "id": spec.id,
    }


_CARD = """---
{data}
---

# {name}

A network of the coordconv laboratory, trained on {experiment}. {about}

- Input: {inputs}.
- Output: {outputs}.

## Scores

{table}

Scores are over all examples of each set. The experiment has the id `{id}`; see `config.json`.

## Use

```python
from coordconv_lab.hub import SharedNet

net = SharedNet.from_pretrained("the name of this repository, or a directory")
```

This requires `pip install '.[hub]'` in a checkout of torch-coordconv. The weights are safetensors,
which cannot contain code.

## Intended use

The network demonstrates what networks with or without coordinates learn about positions. It is not
useful for any other data. Please cite coordconv and the paper of the data.
"""
