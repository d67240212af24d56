# SPDX-License-Identifier: Apache-2.0
"""Several payloads of one release: who gets which, and what is said of it, on both stores."""

from api_tools import Client, make_token
from server_payload import Payload, blocks
from server_tools import run, run_json

BOTH_STORES = True
MIB = 1 << 20
NEW = blocks(3, "new")
OLD = NEW + blocks(1, "old")


def add(data, folder, name, *options, check=True, **about):
    payload = Payload(folder / f"{name}.payload", "2.0", about.pop("new", NEW), **about)
    return run(data, "publish", payload.path, *options, check=check)


def delta(data, folder, name, **about):
    return add(data, folder, name, old=OLD, source="1.0", **about)


def name_of(server, data, **attributes):
    """Of the payload that is offered."""
    package = server.ask(version="1.0", **attributes).check.find("manifest/packages/package")
    rows = run_json(data, "release", "show", "2.0")["payloads"]
    return {row["sha256"]: row["name"] for row in rows}[package.get("name")].split(".")[0]


def test_choice(serve, data, tmp_path):
    add(data, tmp_path, "own", minor=1003, more=100)
    add(data, tmp_path, "everybody", "--channel=stable", more=300)
    add(data, tmp_path, "pieces", minor=1002, more=200)
    add(data, tmp_path, "next", minor=1004)
    delta(data, tmp_path, "opened", minor=1004, needs=("gzip zstd-1.5.4", 2 * MIB, 3 * MIB))
    delta(data, tmp_path, "closed", minor=1004, more=200)
    delta(data, tmp_path, "older", minor=1003, more=300)
    server = serve("--status")

    def given(reads=None, delta_okay="true", **more):
        attributes = {} if reads is None else {"_reads": reads}
        return name_of(server, data, delta_okay=delta_okay, **attributes, **more)

    assert given("1004 26 1024 gzip xz zstd-1.5.4") == "opened"
    assert given("1004 26 1024 gzip xz zstd-1.5.5", machineid="lacks") == "closed"
    assert given("1004 1 1024 gzip zstd-1.5.4") == "closed"
    assert given("1004 26 2 gzip zstd-1.5.4") == "closed"
    assert given("1003 0 0", machineid="older") == "older"
    assert given(machineid="silent") == "older"
    assert given("1004 26 1024 <gzip>".replace("<", "&lt;"), machineid="odd") == "older"
    assert given("1004 " + "9" * 400, machineid="long") == "older"
    # Half of the one of pieces is less than the whole of the others.
    assert given("1004 0 0", delta_okay="false") == "pieces"
    assert given("1001 0 0", delta_okay="false") == "everybody"
    assert given(delta_okay="false") == "everybody"

    # Why, on all ways.
    api = Client(server, make_token(data, "ci", "read"))
    server.wait_for(lambda: len(api.ok("GET", "devices")) == 6)
    told = run(data, "explain", "lacks").stdout
    assert "passed over: the delta from 1.0, " in told
    assert "is passed over: it needs the encoder 'zstd-1.5.4'" in told
    assert "the device reads: 1004 26 1024 gzip xz zstd-1.5.5" in told
    assert "it does not say" in run(data, "explain", "silent").stdout
    explained = api.ok("GET", "explain?device=older")
    assert explained["payload"] == "older.payload" and explained["reads"] == "1003 0 0"
    assert "is of minor version 1004, the device reads them up to 1003" in explained["passed_over"]
    assert {d["id"]: d["reads"] for d in api.ok("GET", "devices") if d["id"] != "m1"} == {
        "lacks": "1004 26 1024 gzip xz zstd-1.5.5", "older": "1003 0 0", "silent": "", "odd": "", "long": ""}
    rows = [(p["name"].split(".")[0], p["minor_version"], p["encoders"]) for p in
            api.ok("GET", "releases/2.0")["payloads"]]
    assert rows == [("pieces", 1002, ""), ("next", 1004, ""), ("own", 1003, ""), ("everybody", 0, ""),
                    ("opened", 1004, "gzip zstd-1.5.4"), ("closed", 1004, ""), ("older", 1003, "")]
    assert [p["open_memory"] for p in api.ok("GET", "releases/2.0")["payloads"] if p["encoders"]] == [2 * MIB]
    assert "1004 gzip zstd-1.5.4" in run(data, "release", "list").stdout


def test_what_does_not_go_together(data, tmp_path):
    add(data, tmp_path, "first", "--channel=stable", minor=1003)
    again = add(data, tmp_path, "again", minor=1003, more=5, check=False)
    assert again.returncode == 1 and "which asks the same of devices" in again.stderr
    other = add(data, tmp_path, "other", new=blocks(3, "another build"), check=False)
    assert other.returncode == 1 and "which makes something else" in other.stderr
    assert len(run_json(data, "release", "show", "2.0")["payloads"]) == 1


def test_nothing_for_this_device(serve, data, tmp_path):
    add(data, tmp_path, "next", "--channel=stable", minor=1004)
    server = serve()
    check = server.ask(version="1.0", machineid="silent").check
    assert check.get("status") == "noupdate"
    assert "no-payload-for-this-device: 2.0 has no other payload for it, and a full payload" in check.get("info")
    assert server.ask(version="1.0", _reads="1004 0 0").check.get("status") == "ok"
