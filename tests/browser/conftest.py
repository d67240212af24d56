# SPDX-License-Identifier: Apache-2.0
"""One browser for all tests, one server with a small simulated fleet, and where pictures go."""

import os
import pathlib
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent / "server")]

# pylint: disable=wrong-import-position,redefined-outer-name
from browser import Browser  # noqa: E402
import scene  # noqa: E402
from server_tools import BUILD, Server, run  # noqa: E402

PASSWORD = "correct horse battery"


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def pictures():
    return pathlib.Path(os.environ.get("SWB_PICTURES", BUILD.resolve() / "browser"))


@pytest.fixture(scope="session")
def fleet(tmp_path_factory):
    """A server with simulated devices and a past, and two users."""
    folder = tmp_path_factory.mktemp("fleet")
    data = folder / "data"
    (folder / "password").write_text(PASSWORD + "\n")
    scene.prepare(data, folder)
    for name, role in (("ada", "admin"), ("rita", "read")):
        run(data, "user", "add", name, f"--role={role}", f"--password-file={folder / 'password'}")
    server = Server(data, "--status")
    scene.populate(server, folder, int(os.environ.get("SWB_DEVICES", "2000")))
    scene.write_past(data, 2000)
    server.url = f"http://127.0.0.1:{server.port}/"
    yield server
    assert server.stop() == 0


@pytest.fixture
def bare(tmp_path):
    """Starts servers without anything in them."""
    servers = []

    def start(*options):
        server = Server(tmp_path / "data", "--status", *options)
        server.url = f"http://127.0.0.1:{server.port}/"
        servers.append(server)
        return server

    yield start
    for server in servers:
        assert server.stop() in (0, -9)


@pytest.fixture
def page(browser):
    """A page without memory of the ones before; nothing may be left in its console."""
    browser.call("Network.clearBrowserCookies")
    browser.window(1440, 900)
    browser.complaints()
    yield browser
    browser.open("about:blank")
