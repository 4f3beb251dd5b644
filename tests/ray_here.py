"""One Ray instance for all tests of a module; starting Ray takes longer than most of them."""

import os
from collections.abc import Iterator

import pytest

# All processes of Ray need the same value; it is only on loopback.
os.environ["RAY_AUTH_MODE"] = "disabled"

from coordconv_lab.sweep import cluster


@pytest.fixture(scope="module")
def ray_here() -> Iterator[None]:
    """Start Ray on this machine, and let the code that would start and stop it use this instance.

    The tests of a cluster and of killed trials start and stop Ray themselves.
    """
    with cluster.connected(None, "."), pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "_start_here", lambda: None)
        patch.setattr(cluster.ray, "shutdown", lambda: None)
        yield
