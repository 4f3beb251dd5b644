"""Figures use default settings of matplotlib; other programs keep their own."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest

from coordconv_lab.experiments.notsoclevr.data.export import export
from coordconv_lab.experiments.notsoclevr.specs import DataSpec
from coordconv_lab.plotting import default_style
from coordconv_lab.report import write_report

ODD = {
    "text.usetex": True,  # there may be no LaTeX
    "font.family": ["No Such Font"],
    "figure.facecolor": "red",
    "figure.autolayout": True,
    "figure.dpi": 7,
    "savefig.bbox": "tight",
    "savefig.dpi": 7,
    "savefig.facecolor": "blue",
    "savefig.transparent": True,
    "savefig.format": "svg",
    "axes.grid": True,
    "axes.spines.left": False,
    "axes.prop_cycle": mpl.cycler(color=["red"]),
    "axes.formatter.use_mathtext": True,
    "image.origin": "lower",
    "image.cmap": "jet",
    "lines.marker": "x",
    "path.sketch": (1, 100, 2),
    "pdf.fonttype": 42,
    "pdf.compression": 0,
}

RC = "backend: TkAgg\ntext.usetex: True\nfigure.dpi: 7\nsavefig.bbox: tight\n"
FILES = {
    "odd": RC.encode(),
    "bad lines": b"foo: : :\nno colon\ntext.usetex: maybe\nbackend: nonsense\n",
    "no text": b"\xff\xfe\x00\x80\n",
    "empty": b"",
}


def digests(store, place: Path) -> dict[str, str]:
    for form in ("png", "pdf-figures"):
        write_report(store, place / "report", form=form)
    export(DataSpec(canvas=(14, 18), square=5), place / "data")
    files = [*place.rglob("*.png"), *place.rglob("*.pdf")]
    assert len(files) > 5
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_figures_do_not_depend_on_settings_of_matplotlib(store, add_run, tmp_path):
    add_run("rendering", "quadrant", "deconv")
    expected = digests(store, tmp_path / "plain")
    with mpl.rc_context(ODD):
        before = dict(mpl.rcParams)
        assert digests(store, tmp_path / "odd") == expected
        assert dict(mpl.rcParams) == before


def test_settings_are_restored_after_an_error():
    before = dict(mpl.rcParams)
    with pytest.raises(ZeroDivisionError), default_style():
        mpl.rcParams["figure.dpi"] = 1 / 0
    assert dict(mpl.rcParams) == before


def python(program: str, place: Path, variables: dict[str, str]) -> list[str]:
    """Return the lines printed by a program that runs in a directory."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MPL")}
    home = {"XDG_CONFIG_HOME": str(place / "none")}
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, cwd=place, env=kept | home | variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


OURS = "from coordconv_lab.plotting import import_matplotlib; import_matplotlib(); "
SETTINGS = (
    "import matplotlib as m, os; print(m.rcParams['figure.dpi'], m.rcParams['savefig.bbox'], "
    "m.rcParams._get('backend'), os.getcwd(), os.environ.get('MPLBACKEND'), "
    "os.environ.get('MATPLOTLIBRC'))"
)


@pytest.mark.parametrize(
    ("where", "backend"), [("here", None), ("here", "svg"), ("named", "module://somewhere.else")]
)
def test_a_program_keeps_valid_settings(where, backend, tmp_path):
    place = tmp_path if where == "here" else tmp_path / "elsewhere"
    place.mkdir(exist_ok=True)
    (place / "matplotlibrc").write_text(RC)
    variables = {"MPLBACKEND": backend} if backend else {}
    if where == "named":
        variables["MATPLOTLIBRC"] = str(place)
    theirs = python(SETTINGS, tmp_path, variables)
    assert theirs[0].startswith("7.0 tight ")
    assert python(OURS + SETTINGS, tmp_path, variables) == theirs


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(
    ("where", "backend"),
    [("here", "module://matplotlib_inline.backend_inline"), ("named", "nonsense")],
)
def test_matplotlib_can_be_imported_with_any_settings(kind, where, backend, tmp_path):
    place = tmp_path if where == "here" else tmp_path / "elsewhere"
    place.mkdir(exist_ok=True)
    (place / "matplotlibrc").write_bytes(FILES[kind])
    variables = {"MPLBACKEND": backend, "MATPLOTLIBRC": str(place)}
    draw = "from coordconv_lab.plotting import default_style\nwith default_style(): " + SETTINGS
    assert python(draw, tmp_path, variables)[0].startswith("100.0 None ")
