# SPDX-License-Identifier: Apache-2.0
"""What is stored and may go: images, payload files, channels, apps; refused while something uses it."""

import hashlib

import pytest
from api_tools import Client, make_token
from server_tools import run, run_json

BOTH_STORES = True


@pytest.fixture
def api(serve, data, publish):
    publish("2.0")
    server = serve("--status")
    client = Client(server, make_token(data, "boss", "admin"))
    client.server = server
    return client


def upload(api, content):
    name = hashlib.sha256(content).hexdigest()
    for offset in range(0, len(content), 1 << 20):
        api.ok("PUT", f"uploads/{name}?offset={offset}", content[offset:offset + (1 << 20)],
               Content_Type="application/octet-stream")
    return name


def detail(answer, status=409):
    assert answer.status == status, answer.text
    return answer.json["detail"]


def test_images(api, data):
    """By upload; the same bytes of two versions are one file, which goes with the last of them."""
    content = b"image of 3.0" * 5000
    name = upload(api, content)
    job = api.ok("POST", "images", {"upload": name, "app": "{App-1}", "version": "3.0", "max_deltas": 0})
    assert job["status"] == "queued" and job["version"] == "3.0"
    upload(api, content)
    api.ok("POST", "images", {"upload": name, "app": "{App-1}", "version": "2.0"})
    stored = data / "images" / name
    assert stored.read_bytes() == content
    listed = {i["version"]: i for i in api.ok("GET", "images")}
    assert listed["3.0"]["size"] == len(content) and "job 1" in listed["3.0"]["used_by"]
    assert "job 1" in detail(api.call("DELETE", "images/3.0?force=true"))
    for n in (1, 2):
        api.ok("POST", f"jobs/{n}/cancel")
    api.server.ask(machineid="m1", version="3.0")
    api.server.wait_for(lambda: api.ok("GET", "devices"))
    assert "1 devices that run it" in detail(api.call("DELETE", "images/3.0"))
    assert "channel stable" in detail(api.call("DELETE", "images/2.0"))
    old = api.call("GET", "images/3.0").headers["ETag"]
    assert api.call("DELETE", "images/3.0?force=true", If_Match='"other"').status == 412
    api.ok("DELETE", "images/3.0?force=true", If_Match=old)
    assert stored.exists(), "2.0 has the same"
    assert run(data, "image", "remove", "2.0", check=False).returncode == 1
    assert "removed the image" in run(data, "image", "remove", "2.0", "--force").stdout
    assert not stored.exists() and api.ok("GET", "images") == []
    assert api.call("DELETE", "images/2.0").status == 404
    lines = api.ok("GET", "audit?action=image.")
    assert [(line["action"], line["object"]) for line in lines[:2]] == [
        ("image.remove", "images/2.0"), ("image.remove", "images/3.0")]
    assert lines[1]["before"]["sha256"] == name and {line["action"] for line in lines[2:]} == {"image.add"}


def test_from_afar(api, data, tmp_path):
    (tmp_path / "image").write_bytes(b"a new image" * 100000)
    (tmp_path / "token").write_text(make_token(data, "d", "deploy"))
    said = run(data, "publish", tmp_path / "image", "--app-id=app-1", "--target-version=5.0",
               f"--server=http://127.0.0.1:{api.server.port}", f"--token-file={tmp_path / 'token'}").stdout
    assert said == "job 1 waits for a server with --jobs\n"
    assert api.ok("GET", "images/5.0")["size"] == 1100000
    assert not list((data / "uploads").iterdir())


def test_refused_uploads(api):
    assert api.call("POST", "images", {"upload": "0" * 64, "app": "a", "version": "1"}).status == 404
    name = upload(api, b"x")
    assert "version" in detail(api.call("POST", "images", {"upload": name, "app": "a", "version": "no good"}), 400)
    assert api.call("POST", "images", {"upload": name, "app": "a", "version": "1"}).status == 404, "it is gone"


def test_payload_files(api, data):
    """Only what no release names can go; by hand, from afar, or all of it."""
    (used,) = api.ok("GET", "payload-files")
    assert used["used_by"] == ["release 2.0 of app app-1"]
    assert "release 2.0" in detail(api.call("DELETE", f"payload-files/{used['sha256']}"))
    orphans = [data / "payloads" / hashlib.sha256(bytes([n])).hexdigest() for n in range(3)]
    for orphan in orphans:
        orphan.write_bytes(b"left by a power cut")
    (data / "payloads" / "README").write_text("not ours")
    assert [f["sha256"] for f in api.ok("GET", "payload-files?unused=true")] == sorted(o.name for o in orphans)
    api.ok("DELETE", f"payload-files/{orphans[0].name}")
    assert api.call("DELETE", f"payload-files/{orphans[0].name}").status == 404
    assert api.call("DELETE", "payload-files/README").status == 404
    run(data, "image", "remove", orphans[1].name)
    assert orphans[2].name in run(data, "image", "files", "--unused").stdout
    run(data, "image", "prune")
    assert [f["sha256"] for f in run_json(data, "image", "files")] == [used["sha256"]]
    assert (data / "payloads" / "README").exists()
    assert [line["object"] for line in api.ok("GET", "audit?action=payload-file.remove")] == [
        f"payload-files/{o.name}" for o in reversed(orphans)]


def test_channels(api, data):
    assert "as its default" in detail(api.call("DELETE", "channels/stable"))
    api.ok("PUT", "channels/beta", {"release": None})
    api.ok("PUT", "groups/lab", {"channel": "beta"})
    api.ok("POST", "rollouts", {"name": "r", "release": "2.0", "channel": "beta"})
    said = detail(api.call("DELETE", "channels/beta"))
    assert "group lab" in said and "rollout r" in said
    api.ok("DELETE", "groups/lab")
    api.ok("POST", "rollouts/r/recall")
    assert "rollout r" in detail(api.call("DELETE", "channels/beta"))
    api.ok("DELETE", "rollouts/r")
    assert "removed" in run(data, "channel", "remove", "beta").stdout
    assert api.call("DELETE", "channels/beta").status == 404
    assert api.ok("GET", "audit?action=channel.remove")[0]["before"]["name"] == "beta"


def test_apps(api, data):
    assert "1 releases" in detail(api.call("DELETE", "apps/app-1"))
    api.ok("POST", "apps", {"app": "spare"})
    api.ok("PUT", "channels/edge?app=spare", {"release": None})
    api.ok("PUT", "groups/g?app=spare", {"channel": "edge", "machines": ["m"]})
    api.ok("PUT", "devices/m/tags?app=spare", {"tags": ["lab"]})
    api.server.ask(appid="{App-1}", machineid="m1", version="1.0")
    assert run(data, "app", "remove", "spare").stdout == "removed app spare\n"
    assert [a["app"] for a in api.ok("GET", "apps")] == ["app-1"]
    assert api.ok("GET", "audit?action=app.remove")[0]["object"] == "apps/spare"
    low = Client(api.server, make_token(data, "low", "deploy"))
    assert low.call("DELETE", "apps/app-1").status == 403


def test_group_preview(api):
    """How many devices rules fit, and how many of these an earlier group has; nothing is changed."""
    for machine, version, track in (("a1", "1.0", "beta"), ("a2", "1.0", "beta"), ("b1", "1.5", "beta"), ("c1", "2.0", "")):
        api.server.ask(machineid=machine, version=version, track=track, hardware_class="k1" if machine[0] == "a" else "k2")
    api.server.wait_for(lambda: len(api.ok("GET", "devices")) == 4)
    api.ok("PUT", "devices/b1/tags", {"tags": ["eu"]})
    api.ok("PUT", "groups/first", {"channel": None, "machines": ["a2"]})

    def ask(**rules):
        return api.ok("POST", "group-preview", rules)

    assert ask() == {"devices": 4, "matching": 4, "taken_by_earlier_groups": 1, "examples": ["a1", "a2", "b1", "c1"]}
    assert ask(hardware_class="k1")["matching"] == 2
    assert ask(hardware_class="k1", position=1)["taken_by_earlier_groups"] == 0
    assert ask(name="first", machines=["a2", "zz"]) == {"devices": 4, "matching": 1, "taken_by_earlier_groups": 0, "examples": ["a2"]}
    assert ask(tag="eu")["examples"] == ["b1"] and ask(tag="us")["matching"] == 0
    assert ask(versions="1.0..1.5", tag="eu")["matching"] == 1 and ask(machines=[])["matching"] == 0
    assert api.call("POST", "group-preview", {"versions": "1..2..3"}).status == 400
    assert api.call("POST", "group-preview", {"colour": "red"}).status == 400
    assert [g["name"] for g in api.ok("GET", "groups")] == ["first"]
