"""One Hub and one daemon per file; tests that stop or starve a daemon start their own."""
import pytest

from daemon import Daemon
from fakehub import Hub


@pytest.fixture(scope="module")
def hub():
    with Hub() as hub:
        yield hub


@pytest.fixture(scope="module")
def daemon(hub, tmp_path_factory):
    with Daemon(tmp_path_factory.mktemp("state"), hub=hub) as daemon:
        yield daemon


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"
