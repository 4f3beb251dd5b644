"""Progress of runs: one bar for all, and one for each run that is being trained."""

from coordconv_lab.console.run_progress import RunBars
from tests.sweep.conftest import tiny_specs


def test_without_a_terminal_each_run_is_a_line(capsys):
    specs = tiny_specs(3)
    with RunBars(total=3) as bars:
        bars.line(0).start([specs[0]], 10)
        bars.line(1).start([specs[1]], 10)
        bars.line(1).advance(10, lambda: 0.5)
        bars.line(1).start([specs[2]], 10)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"run {n} of 3" for n in (1, 2, 3)]
    assert lines[0].endswith("regression uniform coordconv seed 0, 10 steps")


def test_on_a_terminal_each_worker_has_a_bar_and_the_first_is_the_sum(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setattr("coordconv_lab.console.run_progress.REFRESHES_PER_SECOND", 1e9)
    first, second, third = tiny_specs(3)
    with RunBars(total=3) as bars:
        bars.line(0).start([first], 10)
        bars.line(1).start([second], 20)
        bars.line(0).advance(5, lambda: 0.5)
        bars.line(1).advance(5, lambda: 0.5)
        of_all, *of_runs = bars.bars.tasks
        assert of_all.completed == 0.5 + 0.25
        assert [(task.completed, task.total) for task in of_runs] == [(5, 10), (5, 20)]
        bars.line(0).advance(10, lambda: 0.5)
        bars.line(0).start([third], 10)
        assert of_all.completed == 1 + 0.25
        assert of_all.description == "run 3 of 3"
    assert of_all.completed == 3
    capsys.readouterr()
