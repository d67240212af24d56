# SPDX-License-Identifier: Apache-2.0
"""The command line beside a running server, and what it shows."""

import json
import re
import threading
import time

import pytest
from server_tools import run, run_json, sql

BOTH_STORES = True
ABOVE_STORES = ("test_errors",)


def offered(server, **attributes):
    check = server.ask(**attributes).check
    return check.find("manifest").get("version") if check.get("status") == "ok" else None


def within_a_second(server, what):
    server.wait_for(what, seconds=1.5)  # a second, and the asking


def test_changes_apply_within_a_second(serve, publish, data):
    server = serve()
    assert server.ask().app.get("status") == "error-unknownApplication"
    publish("2.0")
    within_a_second(server, lambda: server.ask().app.get("status") == "ok")
    assert offered(server) == "2.0"
    publish("3.0", channel=None)
    assert offered(server) == "2.0"
    run(data, "channel", "set", "stable", "--release=3.0")
    within_a_second(server, lambda: offered(server) == "3.0")
    run(data, "channel", "set", "stable", "--release=unset")
    within_a_second(server, lambda: offered(server) is None)
    run(data, "channel", "set", "beta", "--release=2.0")
    within_a_second(server, lambda: offered(server, track="beta") == "2.0")
    run(data, "group", "set", "lab", "--channel=beta", "--machine=m1", "--machine=m2")
    within_a_second(server, lambda: offered(server) == "2.0")
    assert offered(server, machineid="m3") is None
    run(data, "group", "remove", "lab")
    within_a_second(server, lambda: offered(server) is None)


def test_changes_under_load(fleet, publish, data):
    """Requests go on, and each gets one of the two worlds, while the catalog is changed many times."""
    publish("3.0", channel=None)
    stop, seen = threading.Event(), []

    def ask(name):
        while not stop.is_set():
            seen.append(offered(fleet, machineid=name))

    threads = [threading.Thread(target=ask, args=(f"m{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for i in range(10):
        run(data, "channel", "set", "stable", f"--release={'3.0' if i % 2 else '2.0'}")
        time.sleep(0.15)
    stop.set()
    for thread in threads:
        thread.join()
    assert set(seen) == {"2.0", "3.0"}


def test_groups(serve, publish, data, tmp_path):
    publish("2.0")
    publish("2.1", channel="beta")
    machines = tmp_path / "machines"
    machines.write_text("a1\na2\r\n\na3")
    run(data, "group", "set", "file", "--channel=beta", f"--machines-file={machines}")
    run(data, "group", "set", "rules", "--channel=beta", "--hardware-class=hw 2", "--board=b",
        "--track=stable")
    run(data, "group", "set", "held", "--channel=none", "--board=old")
    server = serve()
    assert offered(server, machineid="a3") == "2.1"
    assert offered(server, machineid="a4") == "2.0"
    assert offered(server, hardware_class="hw 2", board="b", track="stable") == "2.1"
    assert offered(server, hardware_class="hw 2", board="b") == "2.0"
    assert offered(server, board="old") is None
    # What is not named stays; a place in front changes who is asked first.
    run(data, "group", "set", "held", "--machine=a3", "--position=1", "--board=")
    run(data, "group", "set", "file", "--position=2", "--remove-machine=a1")
    within_a_second(server, lambda: offered(server, machineid="a3") is None)
    assert offered(server, machineid="a1") == "2.0"
    groups = run_json(data, "group", "list")
    assert [(g["name"], g["channel"], g["machines"]) for g in groups] == [
        ("held", None, ["a3"]), ("file", "beta", ["a2", "a3"]), ("rules", "beta", [])]
    assert json.loads(run(data, "group", "show", "file").stdout)["machines"] == ["a2", "a3"]
    table = run(data, "group", "list").stdout
    assert "2 listed" in table and "none" in table
    run(data, "group", "set", "held", "--any-machine")
    within_a_second(server, lambda: offered(server, machineid="z") is None)


@pytest.mark.parametrize("command, message", [
    (["group", "set", "x"], "needs a 'channel'"),
    (["group", "set", "a b", "--channel=c"], "can't be the name of a group"),
    (["group", "set", "x", "--channel=c/d"], "can't be the name of a channel"),
    (["group", "set", "x", "--channel=c", "--machine=a b"], "can't be a machine id"),
    (["group", "set", "x", "--channel=c", "--board=" + "b" * 200], "longer than"),
    (["group", "remove", "x"], "there is no group 'x'"),
    (["group", "dance"], "'dance' is not known"),
    (["channel", "set", "stable"], "with --release"),
    (["channel", "set", "stable", "--release=9.9"], "there is no release '9.9'"),
    (["channel", "set", "a b", "--release=2.0"], "can't be the name of a channel"),
    (["channel", "list", "--app=other"], "there is no app 'other'"),
    (["channel", "set"], "takes one name"),
    (["release", "show", "1.1"], "there is no release '1.1'"),
    (["release", "list", "x"], "takes no further argument"),
    (["app", "set", "--hash-sha256=md5"], "is not hex, base64 or omit"),
    (["app", "set", "--default-channel=a b"], "can't be the name"),
    (["app", "set", "--add-key=/dev/null"], "/dev/null"),
    (["serve", "--listen=8080"], "is not ADDRESS:PORT"),
    (["serve", "--listen=::1:8080"], "is not ADDRESS:PORT"),
    (["serve", "--listen=192.0.2.1:1"], "listen on '192.0.2.1:1'"),
    (["serve", "--base-url=ftp://x/"], "is not an http or https URL"),
    (["serve", "--threads=1000"], "out of range"),
])
def test_errors(publish, data, command, message):
    publish("2.0")
    result = run(data, *command, check=False)
    assert result.returncode in (1, 2)
    assert message in result.stderr


def test_without_data(data):
    for command in (["release", "list"], ["channel", "list"], ["devices"], ["events"]):
        result = run(data, *command, check=False)
        assert result.returncode == 1 and "no server data" in result.stderr
    assert not data.exists()


def test_a_changed_group_is_all_or_nothing(publish, data):
    publish("2.0")
    assert run(data, "group", "set", "g", "--channel=stable", "--machine=ok", "--machine=not ok",
               check=False).returncode == 2
    assert run_json(data, "group", "list") == []


def test_several_apps(serve, publish, data):
    publish("2.0")
    publish("5.0", appid="Other.App", source=None, n_blocks=2)
    assert "several apps" in run(data, "channel", "list", check=False).stderr
    assert run_json(data, "channel", "list", "--app={OTHER.APP}")[0]["release"] == "5.0"
    server = serve()
    answer = server.post('<request protocol="3.0"><app appid="OTHER.app" version="1" machineid="m">'
                         '<updatecheck/></app><app appid="nobody"><updatecheck/></app>'
                         '<app appid="{app-1}" version="1" machineid="m"><updatecheck/></app></request>')
    apps = answer.xml.findall("app")
    assert [a.get("appid") for a in apps] == ["OTHER.app", "nobody", "{app-1}"]
    assert [a.find("updatecheck").get("status") for a in apps] == ["ok", "error-internal", "ok"]
    assert apps[0].find("updatecheck/manifest").get("version") == "5.0"
    assert len(run_json(data, "devices")) == 2
    assert len(run_json(data, "devices", "--app=other.app")) == 1
    assert run(data, "app", "list").stdout.splitlines()[1].split() == ["app-1", "stable", "hex"]


def test_default_channel(serve, publish, data):
    publish("2.0", channel="lts")
    run(data, "app", "set", "--default-channel=lts")
    server = serve()
    assert offered(server) == "2.0"


def test_tables_are_aligned_and_safe(fleet, data):
    fleet.ask('<event eventtype="3" eventresult="0" errorcode="10" _text="evil &#9; '
              '&#x85;&#x1f600; text"/>', machineid="a-rather-long-machine-id")
    fleet.ask(machineid="b")
    fleet.wait_for(lambda: len(run_json(data, "devices")) == 2)
    lines = run(data, "devices").stdout.splitlines()
    assert lines[0].split() == ["DEVICE", "APP", "VERSION", "CHANNEL", "SLOT", "STATE", "LAST",
                                "EVENT", "LAST", "SEEN"]
    column = lines[0].index("STATE")
    assert [line[column:].split(":")[0] for line in lines[1:]] == [
        "failed", "offered" + lines[2][column + 7:].split(":")[0]]
    assert lines[1][column:].startswith("failed: payload hash mismatch: evil ? ??\U0001f600 text")
    events = run(data, "events").stdout
    assert re.search(r"update complete: error \(payload hash mismatch\)", events)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", events + "".join(lines))


def test_silent(fleet, data):
    fleet.ask('<event eventtype="13" eventresult="1"/>')
    assert run_json(data, "devices")[0]["silent"] is False
    sql(data, "UPDATE devices SET last_seen = last_seen - 7200")
    assert run_json(data, "devices")[0]["silent"] is False
    assert run_json(data, "devices", "--silent-after=1h")[0]["silent"] is True
    assert "silent, was downloading" in run(data, "devices", "--silent-after=1h").stdout


def test_event_list(fleet, data):
    for i in range(5):
        fleet.ask(f'<event eventtype="{i}" eventresult="1"/>', machineid=f"m{i % 2}")
    assert [e["type"] for e in run_json(data, "events")] == [4, 3, 2, 1, 0]
    assert [e["type"] for e in run_json(data, "events", "--device=m1")] == [3, 1]
    assert [e["type"] for e in run_json(data, "events", "--limit=2")] == [4, 3]
    assert run_json(data, "events", "--device=nobody") == []


# Status page and API

def test_status_page(fleet):
    fleet.ask('<event eventtype="3" eventresult="0" _text="&lt;script&gt;alert(1)&lt;/script&gt;"/>',
              machineid="&lt;b&gt;id")
    page = fleet.get("/")
    assert page.headers["Content-Type"].startswith("text/html")
    # No code or style in the page itself, and no leave for any.
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert not re.search(r"<style|<script(?! type=\"module\" src=)| style=| on\w+=", page.text)
    for path, kind in (("/web/main.js", "text/javascript"), ("/web/main.css", "text/css")):
        answer = fleet.get(path)
        assert answer.headers["Content-Type"].startswith(kind)
        assert fleet.get(path, If_None_Match=answer.headers["ETag"]).status == 304
    assert fleet.get("/web/none.js").status == 404
    devices = json.loads(fleet.get("/api/v1/devices").text)
    assert devices[0]["id"] == "<b>id"
    events = json.loads(fleet.get("/api/v1/events?device=%3Cb%3Eid&limit=5").text)
    assert events[0]["text"] == "<script>alert(1)</script>"
    releases = json.loads(fleet.get("/api/v1/releases?app=app-1").text)
    assert releases[0]["releases"][0]["version"] == "2.0"
    assert releases[0]["channels"][0]["name"] == "stable"
    assert fleet.get("/api/v1/devices?app=nobody").status == 404
    assert fleet.get("/api/v1/devices?limit=x").status == 400


def test_status_is_off_by_default(serve, publish):
    publish("2.0")
    server = serve()
    for path in ("/", "/web/main.js", "/metrics", "/api/v1/stream", "/api/v1/devices", "/api/v1/releases"):
        assert server.get(path).status == 404
    assert server.get("/healthz").text == "ok\n"


def test_api_in_pages(fleet):
    names = [f"m{i:02}" for i in range(25)]
    for name in names:
        fleet.ask('<event eventtype="13" eventresult="1"/>' if name < "m05" else
                  '<event eventtype="3" eventresult="0"/>', machineid=name)

    def pages(path, key, parameter):
        seen, cursor = [], ""
        while True:
            answer = fleet.get(f"{path}&limit=10" + (f"&{parameter}={cursor}" if cursor else ""))
            seen += [item[key] for item in json.loads(answer.text)]
            cursor = answer.headers["X-Next-Cursor"]
            if not cursor:
                return seen

    assert pages("/api/v1/devices?app=app-1", "id", "after") == names
    assert pages("/api/v1/devices?state=failed", "id", "after") == names[5:]
    assert pages("/api/v1/devices?begins=m1", "id", "after") == names[10:20]
    assert pages("/api/v1/devices?version=9", "id", "after") == []
    assert pages("/api/v1/events?", "device", "before") == names[::-1]
    assert fleet.get("/api/v1/devices?state=ill").status == 400
    assert fleet.get("/api/v1/devices?limit=0").status == 200
    assert fleet.get("/api/v1/devices?after=-1&limit=99999999999999999999").status == 400
    overview = json.loads(fleet.get("/api/v1/overview").text)
    assert (overview["apps"], overview["devices"]) == (1, 25)
    assert overview["versions"] == [{"app": "app-1", "version": "1.0", "devices": 25}]
    assert sum(row["devices"] for row in overview["failures"]) == 20


def metrics(server):
    return dict(line.rsplit(" ", 1) for line in server.get("/metrics").text.splitlines()
                if not line.startswith("#"))


def test_metrics(serve, publish, data):
    publish("1.0")
    publish("2.0", channel=None)
    run(data, "rollout", "create", "r", "--release=2.0", "--stage=2", "--stage=100%")
    server = serve("--metrics")
    for name in ("a", "b", "c"):
        server.ask(machineid=name)
    server.ask('<event eventtype="3" eventresult="0" nextversion="2.0"/>', machineid="a")
    server.post("<nonsense")
    wanted = {
        'swb_checks_total{rule="update"}': "2",
        'swb_checks_total{rule="rollout-stage-is-full"}': "1",
        'swb_events_total{meaning="failed"}': "1",
        "swb_bad_requests_total": "1",
        'swb_rollout_devices{app="app-1",rollout="r",release="2.0",state="failed"}': "1",
        'swb_rollout_devices{app="app-1",rollout="r",release="2.0",state="under-way"}': "1",
        'swb_rollout_stage{app="app-1",rollout="r",release="2.0",status="active"}': "1",
        'swb_devices{state="offered"}': "1",
        'swb_devices{state="failed"}': "1",
        'swb_devices{state="up-to-date"}': "1",
        "swb_stored_events": "1",
    }
    server.wait_for(lambda: {k: metrics(server).get(k) for k in wanted} == wanted)
    assert server.get("/").status == 404
    server.kill()
    # States are counted anew, what happened is not.
    again = metrics(serve("--metrics"))
    assert again['swb_devices{state="offered"}'] == "1"
    assert again['swb_checks_total{rule="update"}'] == "0"


def test_metrics_have_one_form(serve):
    lines = serve("--metrics").get("/metrics").text.splitlines()
    helped = {line.split()[2] for line in lines if line.startswith("# HELP")}
    assert helped == {line.split()[2] for line in lines if line.startswith("# TYPE")}
    for line in lines:
        if not line.startswith("#"):
            assert re.fullmatch(r'(swb_\w+)(\{\w+="[^"]*"(,\w+="[^"]*")*\})? \d+', line), line
            assert re.match(r"\w+", line).group() in helped
