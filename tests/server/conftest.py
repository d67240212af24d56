# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a data folder, keys, servers that end with their test."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

# pylint: disable=wrong-import-position,redefined-outer-name
from postgresql import PostgreSQL  # noqa: E402
from server_payload import Key, Payload, blocks  # noqa: E402
from server_tools import Data, Server, run  # noqa: E402


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return [Key(folder, name) for name in ("first", "second")]


@pytest.fixture(scope="session")
def postgresql():
    database = PostgreSQL()
    yield database
    database.remove()


def pytest_generate_tests(metafunc):
    """A module with BOTH_STORES = True runs once on each; but a test that it names in ABOVE_STORES only
    in `make check-full`: its many cases end before they come to the store, or ask it the same."""
    if not getattr(metafunc.module, "BOTH_STORES", False) or "data" not in metafunc.fixturenames:
        return
    above = metafunc.function.__name__ in getattr(metafunc.module, "ABOVE_STORES", ())
    once = above and not os.environ.get("SWB_TEST_FULL")
    metafunc.parametrize("data", ["sqlite"] if once else ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def data_on_postgresql(tmp_path, postgresql):
    folder = Data(tmp_path / "data")
    folder.postgresql = postgresql
    folder.schema = postgresql.new_schema()
    folder.store = postgresql.url(folder.schema)
    return folder


@pytest.fixture
def data(tmp_path, request):
    if getattr(request, "param", "sqlite") == "postgresql":
        return request.getfixturevalue("data_on_postgresql")
    return Data(tmp_path / "data")


@pytest.fixture
def serve(data):
    """Starts servers on the data folder; all must end well when the test does."""
    servers = []

    def start(*options):
        server = Server(data, *options)
        servers.append(server)
        return server

    yield start
    for server in servers:
        assert server.stop() in (0, -9), (data.parent / "server.log").read_text()


@pytest.fixture
def publish(data, tmp_path):
    """Makes and publishes a payload of {App-1}."""
    def make(version, *, source=None, channel="stable", options=(), n_blocks=3, **changes):
        new = blocks(n_blocks, version)
        old = new if source else None
        payload = Payload(tmp_path / f"{source or 'full'}-{version}.bin", version, new, old=old,
                          source=source, **changes)
        run(data, "publish", payload.path, *([f"--channel={channel}"] if channel else []), *options)
        return payload

    return make


@pytest.fixture
def fleet(serve, publish):
    """A server with 2.0 on channel stable, full and as a delta from 1.0."""
    full = publish("2.0")
    delta = publish("2.0", source="1.0")
    server = serve("--status")
    server.full, server.delta = full, delta
    return server
