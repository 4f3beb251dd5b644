"""The laboratory: experiments that measure when coordinates help a convolution, and by how much.

`train` starts a run and returns it, `load` reads a run from its directory, `runs` lists and
compares runs, and `claim` tests a published statement against the records. In notebooks, the
results are shown as figures and tables.

Example:
    >>> from coordconv_lab import train
    >>> callable(train)
    True
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coordconv_lab.interactive import RunList, TrainedRun, claim, load, runs, train

__all__ = ["RunList", "TrainedRun", "claim", "load", "runs", "train"]


def __getattr__(name: str) -> Any:
    # Lazy, so that importing the package does not import torch.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        if name == "train":
            return import_module("coordconv_lab.train")
        return getattr(import_module("coordconv_lab.interactive"), name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error}; coordconv_lab.{name} requires the extra: pip install 'torch-coordconv[lab]'",
            name=error.name,
        ) from error


class _TrainPackage(ModuleType):
    """The package `coordconv_lab.train`, made callable: `train("regression")`."""

    def __call__(self, *args: Any, **settings: Any) -> Any:
        return _function()(*args, **settings)

    @property
    def __doc__(self) -> str | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        # help(train) shows this text.
        return _function().__doc__

    @property
    def __signature__(self) -> Any:
        from inspect import signature

        return signature(_function())


def _function() -> Any:
    return import_module("coordconv_lab.interactive.start_run").train


class _Laboratory(ModuleType):
    """This package. Importing a subpackage binds its name here, including `train`."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "train" and isinstance(value, ModuleType):
            value.__class__ = _TrainPackage
        super().__setattr__(name, value)


def _make_train_callable() -> None:
    import sys

    sys.modules[__name__].__class__ = _Laboratory


_make_train_callable()
