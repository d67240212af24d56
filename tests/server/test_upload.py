# SPDX-License-Identifier: Apache-2.0
"""Publishing a payload from another host."""

import os
import subprocess
import time

import pytest
from api_tools import Client, make_token
from server_payload import Payload, blocks
from server_tools import PROGRAM, run, run_json

BYTES = {"Content_Type": "application/octet-stream"}


@pytest.fixture
def server(serve, data):
    run(data, "user", "add", "ann", "--no-password")  # makes the folder
    return serve("--status")


@pytest.fixture
def deploy(server, data):
    return Client(server, make_token(data, "pipeline", "deploy"))


@pytest.fixture
def payload(tmp_path):
    return Payload(tmp_path / "image-2.0.bin", "2.0", blocks(400, "2.0"))


def uploads(data):
    folder = data / "uploads"
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def remote(server, token, tmp_path, *args):
    file = tmp_path / "token"
    file.write_text(token)
    return subprocess.run([PROGRAM, *map(str, args), f"--server=http://127.0.0.1:{server.port}", f"--token-file={file}"],
                          capture_output=True, text=True, timeout=60, check=False)


def test_command_line(server, data, payload, keys, tmp_path):
    token = make_token(data, "pipeline", "deploy")
    assert len(payload.bytes) > 2 * 512 * 1024  # several pieces
    result = remote(server, token, tmp_path, "publish", payload.path, "--channel=stable", "--max-failures=3")
    assert result.returncode == 0, result.stderr
    assert "added to release 2.0 of app app-1" in result.stdout and "nobody's signature" in result.stderr
    (app,) = run_json(data, "release", "list")
    (release,) = app["releases"]
    assert release["max_failures"] == 3 and release["payloads"][0]["name"] == "image-2.0.bin"
    assert app["channels"][0]["release"] == "2.0"
    assert (data / "payloads" / payload.sha256).read_bytes() == payload.bytes
    assert not uploads(data)
    line = [e for e in run_json(data, "audit") if e["action"] == "release.publish"][0]
    assert (line["who"], line["via"]) == ("pipeline", "token")
    server.wait_for(lambda: server.ask().check.get("status") == "ok")
    assert "already in" in remote(server, token, tmp_path, "publish", payload.path).stdout
    signed = Payload(tmp_path / "signed.bin", "3.0", blocks(3, "3.0"), key=keys[0])
    option = f"--public-key={keys[0].public}"
    result = remote(server, token, tmp_path, "publish", signed.path, option)
    assert result.returncode == 1 and "scope 'admin'" in result.stderr
    boss = make_token(data, "boss", "admin")
    result = remote(server, boss, tmp_path, "publish", signed.path, option)
    assert result.returncode == 0 and "signed by key" in result.stdout, result.stderr
    image = tmp_path / "image"
    image.write_bytes(bytes(8192))
    result = remote(server, boss, tmp_path, "publish", image, "--app-id=x", "--target-version=1", f"--key={keys[0].private}")
    assert result.returncode == 2 and "the server's keys" in result.stderr, result
    assert not uploads(data)


def test_who_may(server, data, payload):
    for client in (Client(server), Client(server, make_token(data, "reader", "read"))):
        status = client.call("PUT", f"uploads/{payload.sha256}", payload.bytes[:100], **BYTES).status
        assert status in (401, 403)
        assert client.call("POST", "releases", {"upload": payload.sha256, "manifest": {}}).status == status
    assert not uploads(data)


def test_pieces(deploy, data, payload):
    path = f"uploads/{payload.sha256}"
    assert deploy.ok("PUT", path, b"rubbish", **BYTES) == {"bytes": 7}
    assert deploy.ok("PUT", path, payload.bytes[:1000], **BYTES) == {"bytes": 1000}  # anew
    answer = deploy.call("PUT", f"{path}?offset=999", b"x", **BYTES)
    assert answer.status == 409 and "has 1000 bytes" in answer.json["detail"]
    assert deploy.call("PUT", f"{path}?offset=99999999999999", b"x", **BYTES).status == 413
    assert deploy.call("PUT", f"{path}?offset=1000", bytes((1 << 20) + 1), **BYTES).status == 413
    assert deploy.ok("PUT", f"{path}?offset=1000", payload.bytes[1000:2000], **BYTES) == {"bytes": 2000}
    assert deploy.call("PUT", f"uploads/{payload.sha256[:-1]}0x", b"x", **BYTES).status == 400
    assert deploy.call("PUT", "uploads/..", b"x", **BYTES).status in (400, 404)
    assert deploy.call("PUT", f"uploads/{'0' * 64}?offset=5", b"x", **BYTES).status == 404
    # Cut short, it is not what the manifest says, and goes.
    answer = deploy.call("POST", "releases", {"upload": payload.sha256, "manifest": payload.manifest})
    assert answer.status == 422 and "2000 bytes" in answer.json["detail"], answer.text
    assert not uploads(data)
    assert deploy.call("POST", "releases", {"upload": payload.sha256, "manifest": payload.manifest}).status == 404


@pytest.mark.parametrize("change, status", [
    ({"manifest": None}, 400), ({"manifest": {}}, 422), ({"name": "../x"}, 400), ({"surprise": 1}, 400),
    ({"public_keys": ["x"]}, 403), ({"required_signatures": 2}, 403), ({"upload": "../server.db"}, 400)])
def test_refused(deploy, data, payload, change, status):
    deploy.ok("PUT", f"uploads/{payload.sha256}", payload.bytes[:1000], **BYTES)
    body = {"upload": payload.sha256, "manifest": payload.manifest, **change}
    assert deploy.call("POST", "releases", body).status == status
    assert (data / "server.db").exists()
    assert set(uploads(data)) <= {payload.sha256}


def test_room_is_bounded(deploy, data):
    names = [f"{i:064x}" for i in range(9)]
    for name in names[:8]:
        deploy.ok("PUT", f"uploads/{name}", b"x", **BYTES)
    assert deploy.call("PUT", f"uploads/{names[8]}", b"x", **BYTES).status == 413
    deploy.ok("PUT", f"uploads/{names[0]}", b"anew", **BYTES)
    old = time.time() - 2 * 86400
    os.utime(data / "uploads" / names[3], (old, old))
    deploy.ok("PUT", f"uploads/{names[8]}", b"x", **BYTES)
    assert uploads(data) == sorted(set(names) - {names[3]})
