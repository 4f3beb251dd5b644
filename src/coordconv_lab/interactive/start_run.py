"""Start a run, with short names for its settings."""

from pathlib import Path
from typing import Any, Literal

from coordconv_lab.errors import InputError, in_short
from coordconv_lab.interactive.live_bars import bars_for_one_run
from coordconv_lab.interactive.short_names import spec_from_words
from coordconv_lab.interactive.trained_run import TrainedRun
from coordconv_lab.results import RunStore
from coordconv_lab.specs import ExperimentSpec
from coordconv_lab.train import Hardware
from coordconv_lab.train import run as run_spec


def train(
    task: str | ExperimentSpec,
    *,
    split: str | None = None,
    model: str | None = None,
    seed: int | None = None,
    recipe: str | None = None,
    runs: str | Path = "runs",
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto",
    progress: bool = True,
    **settings: Any,
) -> TrainedRun:
    """Train one network and return the run.

    A finished run is not trained again. If the function is called again with the same arguments, it
    returns the finished run. An interrupted run continues from its last checkpoint.

    Args:
        task: Name of a task, such as "classification", "regression", "rendering" or a task of a
            plug-in. Alternatively, a complete spec, with which other settings cannot be given.
        split: Which positions are held out: "uniform" (default) or "quadrant".
        model: "coordconv" (default), or the baseline of the task, given as "baseline" or by its
            name, which is "deconv" for classification and rendering, and "conv" for regression. Or
            a kind of network, such as "hand-built-regressor" or "mlp-regressor", which then has its
            default settings.
        seed: Seed of the initial weights and of the order of the batches; by default 0.
        recipe: Source of the settings: "tuned" (chosen by this project, the default), "fast" (the
            same with cheaper training), "tutorial" (the code of the tutorial), "tutorial_text" (its
            text) or "paper" (the code of the
            paper).
        runs: Directory of runs.
        device: Device to train on; "auto" chooses CUDA if available.
        progress: Whether to show a progress bar.
        **settings: Any other setting by name, such as ``head="average"``, ``epochs=3``,
            ``learning_rate=1e-4``, ``coordinates=False`` or ``canvas=(32, 48)``. If two parts of
            the spec have a setting of this name, write the part before the name, as in
            ``data__square=5``.

    Returns:
        The finished run.

    Raises:
        InputError: A name or a value is not valid; the message suggests similar names.
        FailingRunError: A loss or a weight became NaN or infinite.
        LockedError: Another process is training this run.

    Example:
        A network whose weights are set by a formula, on a small canvas:

        >>> import tempfile
        >>> from coordconv_lab import train
        >>> directory = tempfile.mkdtemp()
        >>> run = train("regression", model="hand-built-regressor", canvas=(12, 15), square=3,
        ...             runs=directory, progress=False)
        >>> run.scores["test"]["accuracy"]
        1.0
        >>> train("regression", haed="average")
        Traceback (most recent call last):
            ...
        coordconv_lab.errors.InputError: there is no setting 'haed'; did you mean head?
    """
    if isinstance(task, ExperimentSpec):
        words = {"split": split, "model": model, "seed": seed, "recipe": recipe}
        given = {name: word for name, word in words.items() if word is not None}
        _check_nothing_else(given | settings)
        spec = task
    else:
        spec = spec_from_words(task, split, model, 0 if seed is None else seed, recipe, settings)
    store = RunStore(runs)
    if (record := store.record(spec)) is None:
        with bars_for_one_run(progress) as bars:
            record = run_spec(spec, store, bars, hardware=Hardware(device))
    return TrainedRun(store.directory(spec), record)


def _check_nothing_else(given: dict[str, Any]) -> None:
    if given:
        raise InputError(
            "a spec already contains all settings; change them with "
            "coordconv_lab.recipes.with_settings instead of passing more arguments; got "
            f"{in_short(given)}"
        )
