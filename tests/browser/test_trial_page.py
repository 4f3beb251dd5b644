"""The page of a trial fits phones and screens, asks for nothing, and can be read by all."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from coordconv_lab.trials import UserFunctions, trial
from coordconv_lab.trials.page import as_html
from tests.trials.models import error_of_x, errors_of_x, learns_x, pointwise


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trial")
    functions = UserFunctions(pointwise, learns_x, error_of_x, False, errors=errors_of_x)
    arms = ["first", "shuffled:first", "a.layer.that.is.not.there"]
    outcome = trial(functions, folder, arms=arms, seeds=5)
    outcome.warnings = ("Warning: " + "the training data are mirrored " * 6,)
    path = folder / "page.html"
    path.write_text(as_html(outcome, "Do coordinates help in a_file_with_a_long_name.py?"))
    return path


@pytest.mark.parametrize("width", [360, 800, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_and_is_accessible(visit, page, width, scheme):
    shown = visit(page, width=width, scheme=scheme)
    assert shown.complaints == []
    assert [url for url in shown.requests if not url.startswith("file:")] == []
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(shown.page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
