# SPDX-License-Identifier: Apache-2.0
"""Where payloads are nearer to some devices: by network, group, tag and hardware class."""

import pytest
from api_tools import Client, make_token
from server_tools import run, run_json

BOTH_STORES = True


@pytest.fixture
def api(serve, data, publish):
    publish("2.0")
    server = serve("--status", "--mirror=127.0.0.0/8=http://lan/", "--base-url=http://cdn/")
    client = Client(server, make_token(data, "boss", "admin"))
    client.server = server
    return client


def urls(api, **attributes):
    check = api.server.ask(**attributes).check
    return [url.get("codebase") for url in check.iter("url")]


def told(api, machine, more=""):
    return [(u["url"], u["rule"]) for u in api.ok("GET", f"explain?device={machine}{more}")["urls"]]


def test_rules(api, data):
    """All that fit a device, in the order of positions, between the network's and everybody's."""
    assert urls(api, machineid="m1") == ["http://lan/", "http://cdn/"]
    run(data, "mirror", "set", "eu", "--tag=eu", "--url=http://eu/")
    run(data, "mirror", "set", "lab", "--group=lab", "--url=http://lab/", "--position=1")
    run(data, "mirror", "set", "kiosks", "--hardware-class=k1", "--url=http://kiosks/p/")
    api.ok("PUT", "mirrors/office", {"kind": "network", "value": "127.0.0.1", "url": "http://office/"})
    api.ok("PUT", "groups/lab", {"channel": "stable", "machines": ["m1"]})
    api.ok("PUT", "devices/m1/tags", {"tags": ["eu"]})
    api.ok("PUT", "devices/m3/tags", {"tags": ["us", "eu"]})
    everything = ["http://lan/", "http://eu/", "http://lab/", "http://kiosks/p/", "http://office/", "http://cdn/"]
    api.server.wait_for(lambda: urls(api, machineid="m1", hardware_class="k1") == everything)
    api.ok("PUT", "mirrors/eu", {"position": 9})
    moved = ["http://lan/", "http://lab/", "http://kiosks/p/", "http://office/", "http://eu/", "http://cdn/"]
    api.server.wait_for(lambda: urls(api, machineid="m1", hardware_class="k1") == moved)
    assert urls(api, machineid="m2") == ["http://lan/", "http://office/", "http://cdn/"]
    assert urls(api, machineid="m3") == ["http://lan/", "http://office/", "http://eu/", "http://cdn/"]
    # The same words to whoever asks why.
    api.server.wait_for(lambda: len(api.ok("GET", "devices")) == 3)
    assert told(api, "m3", "&address=127.0.0.1") == [
        ("http://lan/", "serve --mirror: its network"), ("http://office/", "mirror office: network 127.0.0.1"),
        ("http://eu/", "mirror eu: tag eu"), ("http://cdn/", "serve --base-url: every device")]
    assert told(api, "m1", "&hardware_class=k1")[0] == ("http://lab/", "mirror lab: group lab")
    assert "loads from: http://eu/ (mirror eu: tag eu)" in run(data, "explain", "m3").stdout
    assert [m["name"] for m in run_json(data, "mirror", "list")] == ["lab", "kiosks", "office", "eu"]
    run(data, "mirror", "remove", "office")
    api.server.wait_for(lambda: urls(api, machineid="m2") == ["http://lan/", "http://cdn/"])
    assert {line["action"] for line in api.ok("GET", "audit?action=mirror.")} == {"mirror.set", "mirror.remove"}


def test_refused(api, data):
    good = {"kind": "tag", "value": "eu", "url": "http://eu/"}
    for change in ({"kind": "planet"}, {"value": "a b"}, {"value": ""}, {"url": "ftp://eu/"}, {"url": "http://e u/"},
                   {"url": 'http://"/'}, {"kind": "network", "value": "10.0.0.0/33"}, {"url": "http://" + "x" * 600}):
        assert api.call("PUT", "mirrors/x", {**good, **change}).status == 400, change
    assert api.call("PUT", "mirrors/x", {"url": "http://eu/"}).status == 400
    assert api.call("DELETE", "mirrors/x").status == 404
    low = Client(api.server, make_token(data, "low", "deploy"))
    assert low.call("PUT", "mirrors/x", good).status == 403
    assert api.ok("GET", "mirrors") == []
    result = run(data, "mirror", "set", "x", "--tag=a", "--group=b", "--url=http://eu/", check=False)
    assert result.returncode == 2 or "one of" in result.stderr


def test_room_for_all(api):
    """Sixteen URLs at most; the last one is always one that every device gets."""
    for n in range(20):
        api.ok("PUT", f"mirrors/n{n:02}", {"kind": "hardware_class", "value": "k1", "url": f"http://n{n:02}/"})
    wanted = ["http://lan/", *[f"http://n{n:02}/" for n in range(14)], "http://cdn/"]
    api.server.wait_for(lambda: urls(api, machineid="m1", hardware_class="k1") == wanted)
