"""A headless Chromium, and the page that comes from the committed records."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from coordconv_lab.claims.gains import gain_rows_if_any
from coordconv_lab.claims.ledger import ledger_if_any
from coordconv_lab.report import write_report
from coordconv_lab.results import RunStore
from tests.report.conftest import add_run, store

__all__ = ["add_run", "store"]

RESULTS = Path(__file__).parents[2] / "results"
# The shell has no windows of its own and needs half as long for a page.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium as the system has it; COORDCONV_BROWSER names another."""
    path = os.environ.get("COORDCONV_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium here: install one, or name it in COORDCONV_BROWSER")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the records under results/."""
    out = tmp_path_factory.mktemp("page") / "report.html"
    return write_report(
        RunStore(RESULTS / "tuned"),
        out,
        ledger_if_any(RESULTS),
        RunStore(RESULTS / "search"),
        gains=gain_rows_if_any(RESULTS),
    )


class Visit:
    """A page that was opened, with what it asked for and what it complained of."""

    def __init__(self, page: Page, place: Path | str) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        page.goto(place if isinstance(place, str) else place.as_uri(), wait_until="load")

    def _note(self, message: object) -> None:
        if getattr(message, "type", "") in ("error", "warning"):
            self.complaints.append(getattr(message, "text", ""))


@pytest.fixture
def visit(browser: Browser) -> Iterator[object]:
    """A function that opens a file or an address in a window of its own."""
    contexts = []

    def open_page(
        place: Path | str,
        width: int = 1280,
        height: int = 900,
        scheme: str = "light",
        touch: bool = False,
    ) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            has_touch=touch,
            offline=isinstance(place, Path),
        )
        contexts.append(context)
        return Visit(context.new_page(), place)

    yield open_page
    for context in contexts:
        context.close()
