"""Check that the parts of a spec for brains fit together."""

from coordconv_lab.specs.experiment import ExperimentSpec


def check(spec: ExperimentSpec) -> None:
    """Check that the network sees the coordinates that training mirrors.

    Raises:
        ValueError: It does not.
    """
    if spec.training.mirror != "no" and spec.model.told != "true":
        raise ValueError(
            f"training.mirror {spec.training.mirror!r} says what happens to the coordinates in the "
            f"brain, which a network with told {spec.model.told!r} does not see; set model.told to "
            "'true' or training.mirror to 'no'"
        )
