"""The page of a job that goes on: served to this machine alone, and made anew as runs finish."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from coordconv_lab.claims import Entry
from coordconv_lab.errors import InputError, in_short, printable
from coordconv_lab.report.hosts import host_name, is_allowed
from coordconv_lab.report.material import gather
from coordconv_lab.results.store import RunStore

HOST = "127.0.0.1"
SLOWEST_SECONDS = 20.0
"""How long to wait for a reader who has begun to ask, or stopped to read."""

MARKS = (
    "spec.json",
    "record.json",
    "failure.json",
    "stopped.json",
    "metrics.csv",
    "predictions.npz",
    "sheet.png",
)
"""What a page depends on."""


class Watch:
    """The page of a store, kept until its runs change.

    Args:
        store: The runs.
        evidence: Claims with their verdicts.
        search: Runs of a search to show where the store has none.
    """

    def __init__(self, store: RunStore, evidence: Sequence[Entry], search: RunStore | None) -> None:
        self._store, self._evidence, self._search = store, evidence, search
        self._lock = threading.Lock()
        self._made: tuple[str, bytes] = ("", b"")

    @property
    def state(self) -> str:
        """A word that changes whenever a run begins or ends, or one of its files does."""
        found = sorted(
            (path.parent.name, path.name, changed)
            for mark in MARKS
            for path in _files(self._store, mark)
            if (changed := _changed(path))
        )
        return f"{hash(tuple(found)) & 0xFFFFFFFFFFFF:x}"

    def page(self) -> bytes:
        """The page of the runs as they are now."""
        with self._lock:
            state = self.state
            if self._made[0] != state:
                self._made = state, self._render(state)
            return self._made[1]

    def _render(self, state: str) -> bytes:
        from coordconv_lab.report.page import render, render_waiting

        begun = self._begun()
        try:
            material = gather(self._store, self._search)
            if material.runs:
                return render(material, self._evidence, begun, state).encode()
            trouble = " ".join(material.damaged)
        except InputError as error:
            trouble = str(error)
        except Exception as error:  # a fault of ours must not end the page that shows the job
            trouble = f"the page could not be made ({type(error).__name__}: {error})"
        return render_waiting(state, begun, printable(trouble)).encode()

    def _begun(self) -> list[str]:
        """Runs that are neither finished nor given up."""
        ended = ("record.json", "failure.json", "stopped.json")
        return sorted(
            printable(path.parent.name)
            for path in _files(self._store, "spec.json")
            if not any((path.parent / name).exists() for name in ended)
        )


def _files(store: RunStore, name: str) -> list[Path]:
    """Files of runs; none where the directory of runs cannot be read, which the page says."""
    try:
        return store.files(name, [])
    except InputError:
        return []


def _changed(path: Path) -> int:
    """When a file was written; 0 where it has just gone."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a reader who left; of anything else, what is usually said."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def server(watch: Watch, port: int = 0, hosts: Sequence[str] = ()) -> Iterator[ThreadingHTTPServer]:
    """A server of one page, which listens to this machine only.

    Args:
        watch: The page.
        port: Where to listen; 0 for a port that is free.
        hosts: Names of this machine under which a proxy passes requests on. Without them the page
            is served as localhost, 127.0.0.0/8 and [::1], at any port: tunnels change the port.

    Raises:
        InputError: The port is taken, or a host is not a name.
    """
    handler = _handler(watch, frozenset(map(host_name, hosts)))
    try:
        made = _Server((HOST, port), handler)
    except OSError as error:
        raise InputError(
            f"--port: cannot listen on {HOST}:{port}: {error.strerror or error}; leave it out for "
            "one that is free"
        ) from error
    try:
        yield made
    finally:
        made.server_close()


def serve(
    store: RunStore,
    evidence: Sequence[Entry],
    search: RunStore | None,
    port: int,
    tell: Callable[[str], Any],
    hosts: Sequence[str] = (),
) -> None:
    """Serve the page until interrupted.

    Raises:
        InputError: The port is taken, or a host is not a name.
    """
    with server(Watch(store, evidence, search), port, hosts) as made:
        place = printable(str(store.root))
        tell(f"http://{HOST}:{made.server_port} shows {place} as it grows; Ctrl+C ends it")
        try:
            made.serve_forever()
        except KeyboardInterrupt:
            tell("stopped")


def _refusal(host: str | None) -> str:
    asked = "does not name one host" if host is None else f"is for the host {in_short(host)}"
    return (
        f"Expected a request for localhost, 127.0.0.1 or [::1], and this one {asked}. Open the "
        "page as localhost, through an SSH tunnel if it is on another machine. To allow another "
        "name, such as that of a reverse proxy, start coordconv report --watch with --host NAME."
    )


def _handler(watch: Watch, hosts: frozenset[str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "coordconv", ""
        timeout = SLOWEST_SECONDS

        def do_GET(self) -> None:
            given = self.headers.get_all("Host", [])
            host = given[0] if len(given) == 1 else None
            if not is_allowed(host, hosts):
                self.send_error(HTTPStatus.FORBIDDEN, explain=_refusal(host))
            elif self.path == "/":
                self._answer(watch.page(), "text/html; charset=utf-8")
            elif self.path == "/state":
                self._answer(watch.state.encode(), "text/plain")
            else:
                self.send_error(HTTPStatus.NOT_FOUND)

        def _answer(self, content: bytes, kind: str) -> None:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: the page asks every second."""

    return Handler
