"""The page of a job that goes on: it follows the runs, and answers this machine alone."""

import http.client
import threading
from collections.abc import Iterator

import pytest

from coordconv_lab.errors import InputError
from coordconv_lab.recipes import tuned
from coordconv_lab.report.watch import HOST, Watch, server


class Asker:
    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self, path: str, host: str | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=20)
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("Host", host or f"{HOST}:{self.port}")
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.fixture
def ask(store) -> Iterator[Asker]:
    with server(Watch(store, [], None)) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Asker(made.server_port)
        made.shutdown()
        thread.join()


def test_before_the_first_run_the_page_waits(ask, store):
    assert "Waiting for the first run" in ask("/")[1]
    spec = tuned("regression", "uniform", "coordconv")
    store.open(spec)
    status, page = ask("/")
    assert status == 200
    assert "1 run is under way" in page
    assert spec.run_name in page


def test_the_page_follows_the_runs(ask, store, add_run):
    add_run("regression", "uniform", "coordconv")
    first, page = ask("/state")[1], ask("/")[1]
    assert "No run is under way" in page
    assert f'data-state="{first}"' in page
    add_run("regression", "uniform", "conv")
    second = ask("/state")[1]
    assert second != first
    assert f'data-state="{second}"' in ask("/")[1]
    assert ask("/state")[1] == second


def test_a_damaged_record_is_named_and_the_server_stays(ask, store, add_run):
    path = add_run() / "record.json"
    whole = path.read_text()
    path.write_text("{")
    assert "record.json" in ask("/")[1]
    path.write_text(whole)
    assert 'id="scores"' in ask("/")[1]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost:1", "[::1]"])
def test_other_names_for_this_machine_are_refused(ask, host):
    assert ask("/", host)[0] == 403


@pytest.mark.parametrize("path", ["/report.html", "/../pyproject.toml", "/state/", "/?x"])
def test_there_is_nothing_else_to_be_had(ask, path):
    assert ask(path)[0] == 404


def test_a_port_that_is_taken_is_an_error_in_words(store):
    watch = Watch(store, [], None)
    with (
        server(watch) as made,
        pytest.raises(InputError, match="cannot listen"),
        server(watch, made.server_port),
    ):
        pass


def test_a_fault_of_the_page_does_not_end_the_server(ask, add_run, monkeypatch):
    add_run()
    monkeypatch.setattr("coordconv_lab.report.page.facts", lambda runs: 1 / 0)
    assert "the page could not be made (ZeroDivisionError" in ask("/")[1]
    monkeypatch.undo()
    add_run(seed=1)
    assert 'id="scores"' in ask("/")[1]


def test_other_files_of_a_run_change_the_page_too(ask, add_run):
    directory = add_run()
    before = ask("/state")[1]
    (directory / "predictions.npz").write_bytes(b"PK")
    assert ask("/state")[1] != before
