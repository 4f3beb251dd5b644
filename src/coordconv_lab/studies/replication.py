"""Replications, which repeat the runs of a study with new seeds and get their own verdicts."""

from coordconv_lab.studies.study import Study

NEW_SEEDS = range(5, 10)
"""The seeds of a replication. The studies have the seeds 0 to 4."""


def name_of_replication(study: str) -> str:
    """Return the name of the replication of a study.

    Example:
        >>> name_of_replication("digits")
        'digits-again'
    """
    return f"{study}-again"


def replication(study: Study) -> Study:
    """Return the replication of a study: the same arms and settings with new seeds.

    The verdict of a replication follows from the same rule as that of the study, but only from runs
    with the new seeds. It agrees with the verdict of the study if it is the same word. The verdict
    of the study does not depend on the replication, which is shown beside it.

    Args:
        study: A study whose arms have the seeds 0 to 4.
    """
    arms = {
        name: [specs[0].model_copy(update={"seed": seed}) for seed in NEW_SEEDS]
        for name, specs in study.arms.items()
    }
    return Study(
        name_of_replication(study.name),
        f"Does the study {study.name} have the same verdicts with new seeds?",
        arms,
        study.arm_by_arm,
        study.name,
    )
