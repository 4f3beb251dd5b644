"""With each optimizer, each network has the best of the same learning rates."""

from coordconv_lab.experiments.digits.optimizers import MODELS, OPTIMIZERS, RATES, SEEDS, TRIED
from coordconv_lab.studies import recorded, study_named
from tests.committed import RESULTS

ARMS = {f"{optimizer}, {model}" for optimizer in OPTIMIZERS for model in MODELS}


def test_every_network_has_the_same_tuning_runs_on_validation_digits_with_each_optimizer():
    arms = study_named("digits-optimizers-tuning").arms
    assert arms.keys() == ARMS
    for specs in arms.values():
        assert tuple(spec.training.learning_rate for spec in specs) == TRIED
        assert {spec.data.held_out for spec in specs} == {"validation"}
        assert {spec.seed for spec in specs} == {1000}


def test_the_best_rate_on_validation_digits_is_chosen():
    for arm, specs in study_named("digits-optimizers-tuning").arms.items():
        runs = [recorded(RESULTS, "digits-optimizers-tuning", spec) for spec in specs]
        assert None not in runs, arm
        best = max((run[1] for run in runs if run), key=lambda record: record.test_score)
        assert RATES[arm] == best.spec.training.learning_rate, arm


def test_both_networks_differ_only_in_their_coordinates_and_learning_rate():
    arms = study_named("digits-optimizers").arms
    assert arms.keys() == ARMS
    for optimizer in OPTIMIZERS:
        sides = []
        for model in MODELS:
            specs = arms[f"{optimizer}, {model}"]
            assert [spec.seed for spec in specs] == list(range(SEEDS))
            assert {spec.training.learning_rate for spec in specs} == {
                RATES[f"{optimizer}, {model}"]
            }
            assert {spec.model.boxes for spec in specs} == {"relative"}
            assert {spec.data.held_out for spec in specs} == {"test"}
            training = specs[0].training.model_dump(exclude={"learning_rate"})
            sides.append((specs[0].data, training, specs[0].model.width))
        assert sides[0] == sides[1]


def test_every_optimizer_has_its_own_settings():
    arms = study_named("digits-optimizers-tuning").arms
    assert len({spec.id for specs in arms.values() for spec in specs}) == len(ARMS) * len(TRIED)
