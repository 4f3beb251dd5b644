"""Check that the parts of a spec for digits fit together."""

from coordconv_lab.specs.experiment import ExperimentSpec

SCENES = {"digit-classification": "one", "digit-boxes": "five"}


def check(spec: ExperimentSpec) -> None:
    """Check that the data fit the task.

    Raises:
        ValueError: The data do not fit the task.
    """
    wanted = SCENES[spec.task]
    if spec.data.scene != wanted:
        raise ValueError(
            f"the task {spec.task} needs data.scene {wanted!r}; got {spec.data.scene!r}"
        )
    if spec.task == "digit-boxes" and spec.data.split != "uniform":
        raise ValueError(
            "the task digit-boxes has only the split 'uniform', since its digits overlap all "
            f"quadrants; got {spec.data.split!r}"
        )
