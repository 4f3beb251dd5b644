"""A task of a plug-in returns scores and predictions for a batch that fit those of the others."""

import pytest

from tests.registry.test_faulty_plugins import assert_refused, plugin, scores
from tests.registry.test_plugins import TRAIN, coordconv

KEEPS = "    keeps_predictions = True\n"
METHOD = "\n    def inputs("
SOME = "(examples < 100).any()"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            scores(
                '{"accuracy": (error < 1).float(), "error": error} | '
                f'({{"extra": error}} if {SOME} else {{}})'
            ),
            "got ['extra'] only for some batches",
        ),
        (
            scores(
                f'{{"accuracy": (error < 1).float(), "error": error.long() if {SOME} else error}}'
            ),
            "for the score 'error'",
        ),
        (
            (
                METHOD,
                f"\n    def read(self, outputs):\n        return outputs.mean()[None]\n{METHOD}",
            ),
            "one prediction per example; got (1,) for a batch of 2",
        ),
        (
            (KEEPS, f"{KEEPS}\n    def order(self, epoch):\n        return torch.arange(5)\n"),
            "Objective.order must return a permutation",
        ),
        (
            (KEEPS, f"{KEEPS}\n    def order(self, epoch):\n        return self.position.long()\n"),
            "Objective.order must return a permutation",
        ),
    ],
)
def test_results_that_differ_between_batches_are_refused(tmp_path, change, said):
    assert_refused(tmp_path, change, said)


@pytest.mark.parametrize("returned", ["self.is_train", "torch.zeros_like(self.is_train).long()"])
def test_an_order_that_is_not_a_permutation_is_refused(tmp_path, returned):
    path = plugin(
        tmp_path, KEEPS, f"{KEEPS}\n    def order(self, epoch):\n        return {returned}\n"
    )
    data = "self.signal, self.position ="
    kept = "self.is_train = data.is_train[data.is_train]\n        "
    path.write_text(path.read_text().replace(data, kept + data))
    done = coordconv(*TRAIN, within=tmp_path, plugin=path)
    assert done.returncode == 2, done.stdout
    assert "each exactly once" in done.stderr


@pytest.mark.parametrize(
    "mask",
    ["is_train.numpy()", "is_train.tolist()", "is_train[:, None]", "torch.rand(len(is_train))"],
)
def test_what_does_not_say_which_examples_are_for_training_is_refused(tmp_path, mask):
    path = plugin(tmp_path, "return IndexedData(is_train,", f"return IndexedData({mask},")
    done = coordconv(*TRAIN, within=tmp_path, plugin=path)
    assert done.returncode == 2, done.stdout
    assert "expected is_train as a tensor of True and False" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_array_is_not_a_tensor_of_examples(tmp_path):
    path = plugin(tmp_path, '"position": position}', '"position": position.numpy()}')
    done = coordconv(*TRAIN, within=tmp_path, plugin=path)
    assert done.returncode == 2, done.stdout
    assert "expected a tensor of shape (N, ...) for 'position'" in done.stderr
