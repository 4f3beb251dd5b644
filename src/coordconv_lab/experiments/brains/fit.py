"""Check that the parts of a spec for brains fit together."""

from coordconv_lab.specs.experiment import ExperimentSpec


def check(spec: ExperimentSpec) -> None:
    """Check that the network sees coordinates in the brain if training mirrors them.

    Raises:
        ValueError: Training mirrors patches, but the network does not see these coordinates.
    """
    if spec.training.mirror != "no" and spec.model.told != "true":
        raise ValueError(
            f"training.mirror {spec.training.mirror!r} needs a network that sees coordinates in "
            f"the brain, but model.told is {spec.model.told!r}; set model.told to 'true' or "
            "training.mirror to 'no'"
        )
