"""Serve the report to this machine only, and update it as runs finish."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from coordconv_lab.claims import Entry
from coordconv_lab.claims.gains import GainRow
from coordconv_lab.errors import InputError, in_short, printable
from coordconv_lab.report.hosts import host_name, is_allowed
from coordconv_lab.report.material import gather
from coordconv_lab.results.packed import PACKED
from coordconv_lab.results.store import RunStore
from coordconv_lab.results.stored import is_stored

HOST = "127.0.0.1"
SLOWEST_SECONDS = 20.0
"""Timeout for sending a request or reading a response."""

MARKS = (
    "spec.json",
    "record.json",
    "failure.json",
    "stopped.json",
    "metrics.csv",
    "predictions.npz",
    "sheet.png",
)
"""Files that the page depends on."""


class Watch:
    """The page of a store, cached until its runs change.

    Args:
        store: The runs.
        evidence: Claims with their verdicts.
        search: Runs of a search to show if the store has none.
        gains: Rows of the table of gains.
    """

    def __init__(
        self,
        store: RunStore,
        evidence: Sequence[Entry],
        search: RunStore | None,
        gains: Sequence[GainRow] = (),
    ) -> None:
        self._store, self._evidence, self._search = store, evidence, search
        self._gains = gains
        self._lock = threading.Lock()
        self._made: tuple[str, bytes] = ("", b"")

    @property
    def state(self) -> str:
        """Hash of all runs, which changes when a run starts or ends, or a file changes."""
        found = sorted(
            (path.parent.name, path.name, changed)
            for mark in MARKS
            for path in _files(self._store, mark)
            if (changed := _changed(path))
        )
        found += [("", name, _changed(self._store.root / name)) for name in PACKED]
        return f"{hash(tuple(found)) & 0xFFFFFFFFFFFF:x}"

    def page(self) -> bytes:
        """Return the page of the current runs."""
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
                return render(material, self._evidence, begun, state, self._gains).encode()
            trouble = " | ".join(material.damaged)
        except InputError as error:
            trouble = str(error)
        except Exception as error:  # A bug in the page must not stop the server.
            trouble = f"cannot render the page ({type(error).__name__}: {error})"
        return render_waiting(state, begun, printable(trouble)).encode()

    def _begun(self) -> list[str]:
        """Return the names of runs that have started but not ended."""
        ended = ("record.json", "failure.json", "stopped.json")
        return sorted(
            printable(path.parent.name)
            for path in _files(self._store, "spec.json")
            if not any(is_stored(path.parent / name) for name in ended)
        )


def _files(store: RunStore, name: str) -> list[Path]:
    """Return files of runs, or an empty list if the directory cannot be read.

    The page reports such an error.
    """
    try:
        return store.files(name, [])
    except InputError:
        return []


def _changed(path: Path) -> int:
    """Return the modification time of a file, or 0 if it no longer exists."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore closed connections; report other errors as usual."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def server(watch: Watch, port: int = 0, hosts: Sequence[str] = ()) -> Iterator[ThreadingHTTPServer]:
    """Create a server for one page, which only accepts connections from this machine.

    Args:
        watch: The page.
        port: Port to listen on; 0 for a free port.
        hosts: Additional host names of this machine, such as the name of a reverse proxy.
            localhost, 127.0.0.0/8 and [::1] are always allowed, on any port, since tunnels change
            the port.

    Raises:
        InputError: The port is in use, or a host is not a valid name.
    """
    handler = _handler(watch, frozenset(map(host_name, hosts)))
    try:
        made = _Server((HOST, port), handler)
    except OSError as error:
        raise InputError(
            f"--port: cannot listen on {HOST}:{port}: {error.strerror or error}; omit --port to "
            "use a free port"
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
    report: Callable[[str], Any],
    hosts: Sequence[str] = (),
    gains: Sequence[GainRow] = (),
) -> None:
    """Serve the page until interrupted.

    Raises:
        InputError: The port is in use, or a host is not a valid name.
    """
    with server(Watch(store, evidence, search, gains), port, hosts) as made:
        place = printable(str(store.root))
        report(f"http://{HOST}:{made.server_port} shows the runs in {place}; press Ctrl+C to stop")
        try:
            made.serve_forever()
        except KeyboardInterrupt:
            report("stopped")


def _refusal(host: str | None) -> str:
    asked = "does not name one host" if host is None else f"is for the host {in_short(host)}"
    return (
        f"Expected a request for localhost, 127.0.0.1 or [::1], but this request {asked}. Open the "
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
            """Do not log requests; the page polls every second."""

    return Handler
