# SPDX-License-Identifier: Apache-2.0
"""Groups by what a device runs and by its tags, on both stores."""

from api_tools import Client, make_token
from server_tools import run, run_json

BOTH_STORES = True


def offered(server, **attributes):
    manifest = server.ask(**attributes).check.find("manifest")
    return None if manifest is None else manifest.get("version")


def test_versions_and_tags(serve, publish, data):
    publish("2.0")
    publish("2.1", channel="beta")
    publish("1.5", channel="step")
    run(data, "device", "tag", "t1", "lab", "hot")
    run(data, "group", "set", "early", "--channel=step", "--running=..0.9,1.0.*")
    run(data, "group", "set", "lab", "--channel=beta", "--tag=lab")
    server = serve("--status")
    assert offered(server, version="0.8") == "1.5"
    assert offered(server, version="1.0.3") == "1.5"
    assert offered(server, version="1.1") == "2.0"
    assert offered(server, version="1.1", machineid="t1") == "2.1"
    assert offered(server, version="0.9", machineid="t1") == "1.5"  # the first group decides

    # Tags and rules are followed while it runs.
    assert "t2: lab" in run(data, "device", "tag", "t2", "lab").stdout
    server.wait_for(lambda: offered(server, version="1.1", machineid="t2") == "2.1")
    run(data, "device", "untag", "t1", "lab")
    server.wait_for(lambda: offered(server, version="1.1", machineid="t1") == "2.0")
    assert "t1: hot" in run(data, "device", "tags", "t1").stdout
    run(data, "group", "set", "early", "--running=")
    server.wait_for(lambda: offered(server, version="1.1", machineid="t2") == "1.5")

    # Why, on all ways.
    run(data, "group", "set", "early", "--running=0.1..0.9", "--board=b")
    told = run(data, "explain", "t2", "--running=0.5", "--board=b").stdout
    assert "group: early: board b, runs one of 0.1..0.9" in told
    assert "group: lab: tag lab" in run(data, "explain", "t2", "--running=1.1").stdout
    table = run(data, "group", "list").stdout
    assert "0.1..0.9" in table and "TAG" in table
    assert [(g["versions"], g["tag"]) for g in run_json(data, "group", "list")] == [
        ("0.1..0.9", ""), ("", "lab")]

    api = Client(server, make_token(data, "ci", "deploy"))
    assert api.ok("PUT", "devices/t9/tags", {"tags": ["b", "a"]})["tags"] == ["a", "b"]
    assert api.ok("PUT", "devices/t9/tags", {"add_tags": ["c"], "remove_tags": ["a"]})["tags"] == [
        "b", "c"]
    assert api.ok("PUT", "devices/t9/tags", {"tags": []})["tags"] == []
    for path, body in (("devices/t9/tags", {"tags": ["a b"]}),
                       ("groups/lab", {"tag": "a b"}), ("groups/lab", {"versions": "1.."
                                                                       "2..3"})):
        assert api.call("PUT", path, body).status == 400
    many = [f"t{i}" for i in range(33)]
    assert api.call("PUT", "devices/t9/tags", {"tags": many}).status in (400, 413)
    assert api.ok("GET", "devices/t9/tags")["tags"] == []
