"""Which tools work with a converted model: exactly, exactly with a recipe, or with an error?

Each row is one tool, which is applied to the plain model and to every form of the converted model.
The outputs after the tool are compared with the outputs before. Every row runs in its own process.
docs/works-with.md shows the results. A silent difference is recorded as WRONG, and this program
then ends with exit code 1.
"""

import argparse
import datetime
import importlib
import importlib.metadata
import json
import multiprocessing
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from works_with_rows import ROWS, Row
from works_with_rows.verdicts import judged

import coordconv

RESULT = Path(__file__).parent / "results" / "works_with.json"
SECONDS = 300
FAULTS = ("WRONG", "crashed")


def write_json(path: Path, content: Any) -> None:
    """Write a file atomically, so that readers never see a partial file."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=1) + "\n")
    temporary.replace(path)


def versions(row: Row) -> dict[str, str]:
    """Return the version of each package of a row.

    Raises:
        importlib.metadata.PackageNotFoundError: If a package is not installed.
    """
    return {name: importlib.metadata.version(name) for name in ("torch", *row.packages)}


def installed(row: Row) -> bool:
    """Whether all packages of a row are installed here."""
    try:
        return bool(versions(row))
    except importlib.metadata.PackageNotFoundError:
        return False


def found(row: Row) -> dict[str, Any]:
    """Run a row in this process; return the results with the versions of packages."""
    known = {"family": row.family, "packages": list(row.packages), "precision": row.precision}
    content = known | judged(row)
    content |= {"versions": versions(row), "python": platform.python_version()}
    return content | {
        "note": row.note,
        "coordconv": coordconv.__version__,
        "ran": datetime.date.today().isoformat(),
    }


def apart(row: Row) -> dict[str, Any]:
    """Run a row in a fork of this process, so that a crash only affects this row."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "row.json"
        worker = multiprocessing.get_context("fork").Process(target=_worker, args=(row, out))
        worker.start()
        worker.join(SECONDS)
        if worker.is_alive():
            worker.kill()
            return _crashed(row, f"no result after {SECONDS} seconds")
        if not out.exists():
            return _crashed(row, f"exit code {worker.exitcode}")
        return json.loads(out.read_text())


def _worker(row: Row, out: Path) -> None:
    tempfile.tempdir = str(out.parent)
    write_json(out, found(row))


def _crashed(row: Row, message: str) -> dict[str, Any]:
    return {"family": row.family, "verdict": "crashed", "message": message}


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--row", nargs="*", default=[], help="only rows whose name contains these")
    parser.add_argument("--family", nargs="*", default=[], help="only rows of these families")
    parser.add_argument("--first", help="a module to import first, if an environment needs it")
    parser.add_argument("--new", action="store_true", help="only rows without a record")
    parser.add_argument("--out", type=Path, default=RESULT)
    return parser.parse_args()


def main() -> int:
    """Run rows and record their results; return 1 if the record contains a fault afterwards."""
    arguments = _parsed()
    torch.set_num_threads(1)
    if arguments.first:
        importlib.import_module(arguments.first)
    record = json.loads(arguments.out.read_text())["rows"] if arguments.out.exists() else {}
    for name, row in ROWS.items():
        chosen = not arguments.row or any(part in name for part in arguments.row)
        chosen = chosen and (not arguments.family or row.family in arguments.family)
        if not chosen or (arguments.new and name in record):
            continue
        if not installed(row):
            print(f"{name}: not installed", flush=True)
            continue
        content = apart(row)
        print(f"{name}: {content['verdict']} {_short(content)}", flush=True)
        if content["verdict"] == "no comparison" and name in record:
            continue  # needs another processor
        record[name] = content
        ordered = {known: record[known] for known in ROWS if known in record}
        write_json(arguments.out, {"rows": ordered})
    return int(any(content["verdict"] in FAULTS for content in record.values()))


def _short(content: dict[str, Any]) -> str:
    tried = {"plain": content.get("plain"), **content.get("forms", {})}
    tried["recipe"] = content.get("recipe")
    return " ".join(
        f"[{form}: {one['outcome']} {one.get('message', '')[:90]}]"
        for form, one in tried.items()
        if one
    )


if __name__ == "__main__":
    sys.exit(main())
