"""Settings and fixtures of all tests."""

import functools
import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Keras asks for TensorFlow otherwise; its own tests choose every backend in turn.
os.environ.setdefault("KERAS_BACKEND", "torch")

# No test measures time: on a busy machine an example can take any time.
try:
    from hypothesis import settings
except ModuleNotFoundError:  # some environments of the matrix run only tests that do not need it
    pass
else:
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")

SLOW = {
    "architecture/test_extras.py": "packages of others",
    "architecture/test_import_rules.py": "many checks of imports",
    "browser": "a browser",
    "claims/test_claims.py": "every record",
    "claims/test_every_record.py": "every record",
    "cli/test_odd_homes.py": "training",
    "cli/test_reproduce.py": "training",
    "coordconv/conversion/test_chains.py": "many conversions",
    "coordconv/conversion/test_real_models.py": "networks of others",
    "coordconv/conversion/test_wrappers.py": "processes that train together",
    "coordconv/test_compiled_training.py": "a compiler",
    "coordconv/test_export.py": "an exporter",
    "coordconv/test_import_is_light.py": "processes",
    "coordconv/test_tracing.py": "an exporter",
    "coordconv/test_verified_export.py": "an exporter",
    "docs/test_evidence.py": "every record",
    "docs/test_examples.py": "training",
    "docs/test_page.py": "every record",
    "docs/test_speed.py": "measurements",
    "faults": "processes that are killed",
    "hostile/test_sizes.py": "large files",
    "integrations": "packages of others",
    "interactive/test_runs_of_plugins.py": "training",
    "keras": "Keras and its backends",
    "release": "the tools of a release",
    "report/test_plotting.py": "drawing",
    "report/test_report_formats.py": "drawing",
    "report/test_report_gaps.py": "drawing",
    "results/test_locks.py": "processes",
    "sweep/test_ray.py": "a cluster",
    "sweep/test_ray_cluster.py": "a cluster",
    "sweep/test_side_by_side.py": "worker processes",
    "train/test_hardware.py": "a compiler",
    "train/test_launcher.py": "processes that train together",
    "train/test_processes.py": "processes that train together",
    "train/test_processor.py": "processes",
    "train/test_threads.py": "processes",
    "trials/test_on_ray.py": "a cluster",
    "trials/test_recipes.py": "packages of others",
}
"""Folders and files in which every test is slow, and what they need."""

LONGEST = [
    "docs/test_tutorial.py",
    "sweep/test_ray_cluster.py",
    "sweep/test_ray.py",
    "trials/test_on_ray.py",
    "docs/test_speed.py",
    "faults/test_processes.py",
    "browser",
]
"""The slowest files. They run first, so that no worker ends long after the other."""


@pytest.fixture(autouse=True)
def subnormal_numbers(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let Hypothesis draw subnormal numbers, which training flushes to zero in its process."""
    if request.node.get_closest_marker("hypothesis") is None:
        yield
        return
    import torch

    half = sys.float_info.min
    flushed = half / 2 == 0
    torch.set_flush_denormal(False)
    yield
    torch.set_flush_denormal(flushed)


@functools.cache
def _slow(path: Path) -> str | None:
    """Return what the tests of a file or folder need, if they are slow."""
    tests = Path(__file__).parent
    if path == tests or not path.is_relative_to(tests):
        return None
    place = path.relative_to(tests)
    return SLOW.get(place.as_posix()) or SLOW.get(place.parts[0])


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import slow files only to leave their tests out."""
    if config.option.markexpr == "not slow" and _slow(collection_path):
        return True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of slow folders and files, and put them first."""
    for item in items:
        if needs := _slow(item.path):
            item.add_marker(pytest.mark.slow(needs))
    items.sort(key=lambda item: _turn(item.path))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Take the objects of all test modules out of garbage collection.

    There are millions, and each conversion in a process group searches and collects all objects.
    """
    del session
    gc.collect()
    gc.freeze()


@functools.cache
def _turn(path: Path) -> int:
    """Return when the tests of a file run: the longest files, the slow ones, then all others."""
    for turn, name in enumerate(LONGEST):
        if path.is_relative_to(Path(__file__).parent / name):
            return turn
    return len(LONGEST) + (not _slow(path))
