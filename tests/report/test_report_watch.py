"""The served page follows the runs, and is only served to this machine."""

import http.client
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest

from coordconv_lab.cli import main
from coordconv_lab.errors import InputError
from coordconv_lab.experiments.notsoclevr.recipes import tuned
from coordconv_lab.report.watch import HOST, Watch, server
from coordconv_lab.results import RunStore


class Asker:
    def __init__(self, port: int, handler: Any = None) -> None:
        self.port, self.handler = port, handler

    def raw(self, request: bytes) -> bytes:
        """Send raw bytes, and read until the server closes the connection."""
        with socket.create_connection((HOST, self.port), timeout=20) as connection:
            with suppress(ConnectionError):  # The server may respond before it has read everything.
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
            answer = b""
            with suppress(ConnectionError):
                while part := connection.recv(65536):
                    answer += part
            return answer

    def __call__(self, path: str, host: str | None = None, method: str = "GET") -> tuple[int, str]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=20)
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("Host", host or f"{HOST}:{self.port}")
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.fixture
def ask(store) -> Iterator[Asker]:
    with serving(store) as asker:
        yield asker


@contextmanager
def serving(store: RunStore, hosts: Sequence[str] = ()) -> Iterator[Asker]:
    with server(Watch(store, [], None), hosts=hosts) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Asker(made.server_port, made.RequestHandlerClass)
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


def test_a_damaged_record_is_named_and_the_server_continues(ask, store, add_run):
    path = add_run() / "record.json"
    whole = path.read_text()
    path.write_text("{")
    assert "record.json" in ask("/")[1]
    path.write_text(whole)
    assert 'id="scores"' in ask("/")[1]


LOOPBACK = ("localhost", "LOCALHOST", "127.0.0.1", "127.8.9.10", "[::1]", "[0:0:0:0:0:0:0:1]")

OTHERS = (
    *("evil.example", "localhost.evil.example", "evil-localhost", "localhost.", "127.0.0.1."),
    *("127.0.0.1.evil.example", "128.0.0.1", "0.0.0.0", "10.0.0.1", "127.1", "2130706433"),
    *("0x7f.0.0.1", "[::2]", "[::]", "[::ffff:127.0.0.1]", "::1", "[::1]x", "[127.0.0.1]"),
    *("user@localhost", "localhost/x", "evil.example#localhost", "localhost evil.example", ""),
)


@pytest.mark.parametrize("port", ["", ":80", ":9000", ":65535"])
@pytest.mark.parametrize("host", LOOPBACK)
def test_this_machine_is_allowed_on_any_port(ask, host, port):
    assert ask("/state", host + port)[0] == 200


@pytest.mark.parametrize("port", ["", ":9000"])
@pytest.mark.parametrize("host", OTHERS)
@pytest.mark.parametrize("path", ["/", "/state"])
def test_other_host_names_are_refused_with_a_message(ask, host, path, port):
    request = f"GET {path} HTTP/1.1\r\nHost: {host}{port}\r\n\r\n"
    head, _, said = ask.raw(request.encode()).partition(b"\r\n\r\n")
    assert b" 403 " in head.splitlines()[0]
    assert b"--host NAME" in said
    assert b"SSH tunnel" in said


@pytest.mark.parametrize("port", ["abc", "80:80", "-1", "123456"])
def test_a_host_with_an_invalid_port_is_refused(ask, port):
    assert ask("/", f"localhost:{port}")[0] == 403


@pytest.mark.parametrize(
    "hosts", [b"", b"Host: localhost\r\nHost: evil.example\r\n", b"Host: localhost\r\n" * 2]
)
def test_a_request_without_exactly_one_host_is_refused(ask, hosts):
    answer = ask.raw(b"GET / HTTP/1.0\r\n" + hosts + b"\r\n")
    assert b" 403 " in answer.splitlines()[0]


def test_the_refusal_escapes_the_request(ask):
    status, said = ask("/", "<script>")
    assert status == 403
    assert "<script>" not in said


@pytest.mark.parametrize(
    ("named", "asked"),
    [
        ("lab.example", "lab.example"),
        ("Lab.Example", "LAB.example:8443"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("10.1.2.3", "10.1.2.3:80"),
        ("[2001:DB8::1]", "[2001:db8::1]:80"),
        ("2001:db8::1", "[2001:db8::1]"),
    ],
)
def test_only_the_given_host_name_is_allowed_in_addition(store, named, asked):
    with serving(store, ["first.example", named]) as ask:
        assert ask("/state", asked)[0] == 200
        assert ask("/state", "first.example")[0] == 200
        assert ask("/state", "localhost:9000")[0] == 200
        assert ask("/state", f"evil.{asked.lstrip('[')}")[0] == 403
        assert ask("/state", "evil.example")[0] == 403


@pytest.mark.parametrize(
    "name", ["", "*", "*.example", "http://lab.example", "lab.example:80", "a b", "a/b", "a..b"]
)
def test_an_invalid_host_name_is_refused(store, name):
    with pytest.raises(InputError, match="--host: expected the name of a machine"):
        server(Watch(store, [], None), hosts=[name]).__enter__()


def test_host_requires_watch(tmp_path, capsys):
    assert main(["report", "--runs", str(tmp_path), "--host", "lab.example"]) == 2
    assert "--host: only valid with --watch" in capsys.readouterr().err


@pytest.mark.parametrize(
    "path",
    [
        "/report.html",
        "/../pyproject.toml",
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/secret.json",
        "/%2e%2e%2fsecret.json",
        "/..\\secret.json",
        "//etc/passwd",
        "/./",
        "/%2e/",
        "/secret.json",
        "/runs/secret.json",
        "/link/secret.json",
        "/secret.json%00.html",
        "/state/",
        "/state%2f..%2fsecret.json",
        "/?x",
        "/#x",
        "file:///etc/passwd",
        "http://evil.example/",
    ],
)
def test_other_paths_are_not_found(ask, store, path):
    store.root.mkdir()
    for place in (store.root, store.root.parent):
        (place / "secret.json").write_text('"secret"')
    (store.root / "link").symlink_to(store.root.parent, target_is_directory=True)
    status, said = ask(path)
    assert status == 404
    assert "secret" not in said.replace(path, "")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "<b>"])
def test_other_methods_are_refused(ask, store, method):
    status, said = ask("/", method=method)
    assert status == 501
    assert "<b>" not in said


def test_the_server_listens_only_to_this_machine(store):
    with server(Watch(store, [], None), hosts=["lab.example"]) as made:
        assert made.socket.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nA: " + b"x" * 70_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"\x16\x03\x01\x02\x00\x01\xff\r\n\r\n", b"400"),
    ],
)
def test_invalid_requests_are_refused_and_the_server_continues(ask, request_, status):
    assert status in ask.raw(request_)
    assert "Waiting for the first run" in ask("/")[1]


def test_silent_connections_do_not_block_and_are_closed(ask, monkeypatch):
    with ExitStack() as open_ones:
        for said in (b"", b"GET", b"GET / HTTP/1.1\r\nHost:"):
            silent = open_ones.enter_context(socket.create_connection((HOST, ask.port)))
            silent.sendall(said)
        assert "Waiting for the first run" in ask("/")[1]
    assert 0 < ask.handler.timeout <= 60
    monkeypatch.setattr(ask.handler, "timeout", 0.05)
    with socket.create_connection((HOST, ask.port), timeout=20) as silent:
        silent.sendall(b"GET / HTTP/1.1\r\n")
        assert silent.recv(1) == b""  # The server has closed it.


def test_a_port_in_use_is_reported(store):
    watch = Watch(store, [], None)
    with (
        server(watch) as made,
        pytest.raises(InputError, match="cannot listen"),
        server(watch, made.server_port),
    ):
        pass


def test_an_error_in_the_page_does_not_stop_the_server(ask, add_run, monkeypatch):
    add_run()
    monkeypatch.setattr("coordconv_lab.report.page.facts", lambda runs: 1 / 0)
    assert "cannot render the page (ZeroDivisionError" in ask("/")[1]
    monkeypatch.undo()
    add_run(seed=1)
    assert 'id="scores"' in ask("/")[1]


def test_other_files_of_a_run_change_the_page_too(ask, add_run):
    directory = add_run()
    before = ask("/state")[1]
    (directory / "predictions.npz").write_bytes(b"PK")
    assert ask("/state")[1] != before
