# SPDX-License-Identifier: Apache-2.0
"""Copies of the data while a server works on it."""

import contextlib
import os
import sqlite3
import threading

import pytest
from server_tools import Data, Server, run, run_json

EVENT = '<event eventtype="13" eventresult="1"/>'


@contextlib.contextmanager
def load(server):
    """Devices go on reporting; yields the list of those that were acknowledged."""
    done, stop = [], threading.Event()

    def work(number):
        connection = server.connect()
        for i in range(100000):
            if stop.is_set():
                break
            name = f"m{number}-{i}"
            text = (f'<?xml version="1.0"?><request protocol="3.0"><app appid="{{App-1}}" version="1.0" '
                    f'machineid="{name}">{EVENT}</app></request>')
            if server.http("POST", "/v1/update/", text, connection=connection).status == 200:
                done.append(name)
        connection.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield done
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_copy_under_load_serves(fleet, data, tmp_path):
    copy = Data(tmp_path / "copy")
    with load(fleet) as done:
        fleet.wait_for(lambda: len(done) > 20)
        before = list(done)
        result = run(data, "backup", "--payloads", copy)
        sent = len(done)
        fleet.wait_for(lambda: len(done) > sent)  # nobody was kept from reporting for good
    assert "and 2 payloads" in result.stdout
    assert names(copy) == ["payloads", "server.db"]
    with contextlib.closing(sqlite3.connect(copy / "server.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert not db.execute("PRAGMA foreign_key_check").fetchall()
    assert run_json(copy, "release", "list") == run_json(data, "release", "list")
    devices = {d["id"] for d in run_json(copy, "devices")}
    assert set(before) <= devices
    full = fleet.full
    assert (copy / "payloads" / full.sha256).stat().st_ino == (data / "payloads" / full.sha256).stat().st_ino
    server = Server(copy, "--status")
    try:
        assert server.ask(machineid="new").check.get("status") == "ok"
        assert server.get(f"/payloads/{full.sha256}").body == full.bytes
        assert server.ask(EVENT, machineid=before[0]).status == 200
    finally:
        assert server.stop() == 0


def test_only_the_database(publish, data, tmp_path):
    publish("2.0")
    run(data, "backup", tmp_path / "a.db")
    folder = tmp_path / "folder"
    folder.mkdir()
    run(data, "backup", folder)
    assert names(folder) == ["server.db"]
    assert (tmp_path / "a.db").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a.db").read_bytes()[:15] == b"SQLite format 3"


def test_nothing_is_overwritten(publish, data, tmp_path):
    publish("2.0")
    taken = tmp_path / "taken"
    taken.write_text("mine")
    os.symlink("nowhere", tmp_path / "link")
    for name in (taken, data, tmp_path / "link"):
        result = run(data, "backup", name, check=False)
        assert result.returncode == 2 and "is there already" in result.stderr
    assert taken.read_text() == "mine"
    assert run(data, "backup", tmp_path / "no" / "where", check=False).returncode == 1
    assert not [p for p in names(tmp_path) if p.startswith(("taken.", "link."))]


def test_there_is_nothing(data, tmp_path):
    result = run(data, "backup", tmp_path / "x", check=False)
    assert result.returncode == 1 and "no server data" in result.stderr
    assert not (tmp_path / "x").exists() and not data.exists()


@pytest.mark.parametrize("options", [[], ["--payloads"]])
def test_postgresql_has_its_own_tools(data_on_postgresql, tmp_path, options):
    run(data_on_postgresql, "app", "list", check=False)
    result = run(data_on_postgresql, "backup", tmp_path / "x", *options, check=False)
    assert result.returncode == 1 and "pg_dump" in result.stderr
    assert not (tmp_path / "x").exists()
