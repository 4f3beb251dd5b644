"""The page of a job that goes on: served to this machine alone, and made anew as runs finish."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from coordconv_lab.claims import Entry
from coordconv_lab.errors import InputError
from coordconv_lab.report.material import gather
from coordconv_lab.results.store import RunStore

HOST = "127.0.0.1"
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


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
        """A word that changes whenever a run begins or ends."""
        marks = ("spec.json", "record.json", "failure.json", "stopped.json")
        found = sorted(
            (path.parent.name, path.name, changed)
            for mark in marks
            for path in self._store.root.glob(f"*/{mark}")
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
        except InputError as error:
            return render_waiting(state, begun, str(error)).encode()
        if not material.runs:
            return render_waiting(state, begun).encode()
        return render(material, self._evidence, begun, state).encode()

    def _begun(self) -> list[str]:
        """Runs that are neither finished nor given up."""
        ended = ("record.json", "failure.json", "stopped.json")
        return sorted(
            path.parent.name
            for path in self._store.root.glob("*/spec.json")
            if not any((path.parent / name).exists() for name in ended)
        )


def _changed(path: Path) -> int:
    """When a file was written; 0 where it has just gone."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


@contextmanager
def server(watch: Watch, port: int = 0) -> Iterator[ThreadingHTTPServer]:
    """A server of one page, which answers this machine alone.

    Raises:
        InputError: The port is taken.
    """
    try:
        made = ThreadingHTTPServer((HOST, port), _handler(watch))
    except OSError as error:
        raise InputError(
            f"--port: cannot listen on {HOST}:{port}: {error.strerror or error}; leave it out for "
            "one that is free"
        ) from error
    made.daemon_threads = True
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
) -> None:
    """Serve the page until interrupted.

    Raises:
        InputError: The port is taken.
    """
    with server(Watch(store, evidence, search), port) as made:
        tell(f"http://{HOST}:{made.server_port} shows {store.root} as it grows; Ctrl+C ends it")
        try:
            made.serve_forever()
        except KeyboardInterrupt:
            tell("stopped")


def _handler(watch: Watch) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        server_version, sys_version = "coordconv", ""

        def do_GET(self) -> None:
            port = self.connection.getsockname()[1]
            # Another site's script may reach this machine by a name of its own: it is refused.
            if self.headers.get("Host") not in (f"{HOST}:{port}", f"localhost:{port}"):
                self.send_error(HTTPStatus.FORBIDDEN)
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
            self.send_header("Content-Security-Policy", f"{POLICY}; connect-src 'self'")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: the page asks every second."""

    return Handler
