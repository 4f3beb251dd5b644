"""Scores of units and scores with the mean position, for any experiment."""

import torch

from coordconv_lab.experiments.brains.recipes import settings
from coordconv_lab.experiments.brains.source import FOLDS, PEOPLE
from coordconv_lab.parts import data_of, objective_of
from coordconv_lab.recipes import with_settings
from coordconv_lab.results import RunStore
from coordconv_lab.train import Hardware, run
from coordconv_lab.trained import trained_net

SMALL = {"data.train": 20, "data.test": 12, "training.epochs": 1}


def test_a_record_has_the_test_scores_of_each_held_out_unit(tmp_path, brains):
    spec = with_settings(settings("second", "coordconv"), SMALL)
    store = RunStore(tmp_path)
    record = run(spec, store, hardware=Hardware("cpu"))
    assert set(record.units) == set(FOLDS["second"])
    data = data_of(spec)
    objective = objective_of(spec, data)
    net, _ = trained_net(store.directory(spec))
    for person, scores in record.units.items():
        theirs = data.tensors["person"] == PEOPLE.index(person)
        some = data.examples[~data.is_train & theirs]
        with torch.no_grad():
            wanted = objective.summarise(objective.score(objective.ask(net, some), some))
        assert scores == wanted
    sums = [sum(unit[name] for unit in record.units.values()) / 2 for name in wanted]
    assert [record.scores["test"][name] for name in wanted] == sums
    assert store.record(spec) == record


def test_the_second_score_is_for_the_mean_position(tmp_path, brains):
    spec = with_settings(settings("first", "coordconv"), SMALL)
    data = data_of(spec)
    objective = objective_of(spec, data)
    store = RunStore(tmp_path)
    run(spec, store, hardware=Hardware("cpu"))
    net, _ = trained_net(store.directory(spec))
    some = data.examples[:6]
    with torch.no_grad():
        outputs = objective.ask(net, some)
        # The mean of coordinates from -1 to 1 is 0: without its coordinate weights, the layer
        # computes the same.
        net[0].coord_weight.zero_()
        torch.testing.assert_close(objective.predict(net, some), outputs[:, 1])
    assert not torch.allclose(outputs[:, 0], outputs[:, 1])
