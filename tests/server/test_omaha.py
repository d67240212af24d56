# SPDX-License-Identifier: Apache-2.0
"""Update requests over HTTP: what each family of clients sends, and every trap of the protocol."""

import base64
import hashlib
import time

import pytest
from server_tools import run, run_json

CROS = """<?xml version="1.0" encoding="UTF-8"?>
<request requestid="r-1" sessionid="s-1" protocol="3.0" updater="ChromeOSUpdateEngine" \
updaterversion="0.1.0.0" installsource="ondemandupdate" ismachine="1">
    <os version="Indy" platform="Chrome OS" sp="1.0_x86_64"></os>
    <app appid="{App-1}" version="1.0" track="stable-channel" board="b" hardware_class="CLASS &lt;1&gt;" \
delta_okay="true" installdate="4809" lang="en-US" fw_version="" ec_version="">
        <ping active="1" a="1" r="1"></ping>
        <updatecheck targetversionprefix="" rollback_allowed="false" ltstag=""></updatecheck>
        <event eventtype="54" eventresult="1" previousversion="0.9"></event>
    </app>
    <app appid="{App-1}_dlc" version="0.0.0.0" delta_okay="false">
        <ping rd="1"></ping><updatecheck></updatecheck>
    </app>
</request>"""

FLATCAR = """<?xml version="1.0" encoding="UTF-8"?>
<request protocol="3.0" version="update_engine-0.4.10" updaterversion="update_engine-0.4.10" \
installsource="scheduler" ismachine="1">
<os version="Chateau" platform="CoreOS" sp="1.0_x86_64"></os>
<app appid="app-1" version="1.0" track="stable" bootid="{b}" oem="" oemversion="" alephversion="" \
machineid="flatcar-1" machinealias="" lang="en-US" board="amd64-usr" hardware_class="" delta_okay="false">
<ping active="1"></ping><updatecheck></updatecheck>
<event eventtype="3" eventresult="2" previousversion="0.0.0.0"></event></app></request>"""

BOTH_STORES = True
ABOVE_STORES = ("test_appid_is_compared_loosely_and_echoed_exactly", "test_paths",
                "test_refusals_are_noupdate_with_a_reason")


def device(data, machineid="m1"):
    found = [d for d in run_json(data, "devices") if d["id"] == machineid]
    return found[0] if found else None


def postinstall(check):
    return check.find("manifest/actions/action[@event='postinstall']")


def test_offer_is_exact(fleet):
    answer = fleet.ask(delta_okay="true", version="0.5")
    check, full = answer.check, fleet.full
    assert answer.headers["Content-Type"] == "text/xml"
    assert answer.app.get("status") == "ok"
    assert check.get("status") == "ok"
    assert check.find("manifest").get("version") == "2.0"
    package = check.find("manifest/packages/package")
    assert package.get("size") == str(len(full.bytes))
    assert package.get("hash_sha256") == full.sha256
    assert package.get("hash") == base64.b64encode(hashlib.sha1(full.bytes).digest()).decode()
    assert package.get("fp") == "1." + full.sha256
    assert package.get("required") == "true"
    action = postinstall(check)
    assert action.get("sha256") == full.manifest["sha256_hex"]
    assert action.get("IsDeltaPayload") == "false"
    assert action.get("MetadataSize") == str(full.manifest["metadata_size"])
    assert action.get("DisablePayloadBackoff") == "false"
    assert check.find("manifest/actions/action[@event='update']") is not None


def test_codebase_ends_in_slash_and_leads_to_the_payload(fleet):
    check = fleet.ask().check
    codebases = [u.get("codebase") for u in check.findall("urls/url")]
    assert codebases == [f"http://127.0.0.1:{fleet.port}/payloads/"]
    name = check.find("manifest/packages/package").get("name")
    assert fleet.get("/payloads/" + name).body == fleet.full.bytes


def test_several_base_urls(serve, publish):
    payload = publish("2.0")
    server = serve("--base-url=https://cdn.example/a", "--base-url=http://b.example/x/")
    urls = [u.get("codebase") for u in server.ask().check.findall("urls/url")]
    assert urls == ["https://cdn.example/a/", "http://b.example/x/"]
    assert payload.sha256 in server.ask().text


def test_delta_only_when_okay(fleet):
    yes = fleet.ask(delta_okay="true").check
    assert postinstall(yes).get("IsDeltaPayload") == "true"
    assert yes.find("manifest/packages/package").get("hash_sha256") == fleet.delta.sha256
    for value in ("false", "True", "1", None):
        no = fleet.ask(delta_okay=value).check
        assert postinstall(no).get("IsDeltaPayload") == "false", value


def test_daystart_has_both(fleet):
    day = fleet.ask().xml.find("daystart")
    now = int(time.time())
    assert abs(int(day.get("elapsed_seconds")) - now % 86400) < 60
    assert int(day.get("elapsed_days")) == (now - 1167609600) // 86400


@pytest.mark.parametrize("appid", ["{App-1}", "app-1", "{APP-1}", "App-1"])
def test_appid_is_compared_loosely_and_echoed_exactly(fleet, appid):
    answer = fleet.ask(appid=appid)
    assert answer.check.get("status") == "ok"
    assert answer.app.get("appid") == appid


def test_chrome_os_request(fleet, data):
    answer = fleet.post(CROS, path="/update")
    apps = answer.xml.findall("app")
    assert [a.get("appid") for a in apps] == ["{App-1}", "{App-1}_dlc"]
    assert [child.tag for child in apps[0]] == ["event", "ping", "updatecheck"]
    assert all(child.get("status") == "ok" for child in apps[0])
    assert postinstall(apps[0].find("updatecheck")).get("IsDeltaPayload") == "true"
    # Every app is answered, also behind one that is unknown.
    assert apps[1].get("status") == "error-unknownApplication"
    assert apps[1].find("updatecheck").get("status") == "error-internal"
    # No identity, no row.
    assert run_json(data, "devices") == []


def test_flatcar_first_contact_is_no_completion(fleet, data):
    answer = fleet.post(FLATCAR)
    assert answer.check.get("status") == "ok"
    row = device(data, "flatcar-1")
    assert row["updated_at"] is None
    assert row["state"] == "offered"
    assert row["last_event"]["type"] == 3


def test_go_omaha_wants_base64(fleet, data):
    run(data, "app", "set", "--hash-sha256=base64")
    fleet.wait_for(lambda: fleet.ask().check.find("manifest/packages/package").get("hash_sha256")
                   == fleet.full.manifest["sha256_hex"])
    run(data, "app", "set", "--hash-sha256=omit")
    fleet.wait_for(lambda: fleet.ask().check.find("manifest/packages/package").get("hash_sha256")
                   is None)
    assert postinstall(fleet.ask().check).get("sha256") == fleet.full.manifest["sha256_hex"]


@pytest.mark.parametrize("path", ["/v1/update", "/v1/update/", "/update", "/update/",
                                  "/update/some=key,other=1", "/service/update2",
                                  "/service/update2/", "/v1/update/?cup2key=1:2"])
def test_paths(fleet, path):
    body = '<request protocol="3.0"><app appid="app-1"><updatecheck/></app></request>'
    assert fleet.post(body, path=path).check.get("status") == "ok"


def test_content_types(fleet):
    body = '<request protocol="3.0"><app appid="app-1"><updatecheck/></app></request>'
    for content_type in ("text/xml", "application/xml; charset=utf-8", "text/plain", ""):
        assert fleet.post(body, headers={"Content-Type": content_type}).status == 200


def test_app_without_update_check_is_answered_without_one(fleet):
    answer = fleet.ask('<ping active="1"/>')
    assert answer.app.get("status") == "ok"
    assert answer.check is None
    assert answer.app.find("ping").get("status") == "ok"


def test_up_to_date_and_poll_interval(serve, publish):
    publish("2.0")
    server = serve("--poll-interval=45m")
    check = server.ask(version="2.0").check
    assert check.get("status") == "noupdate"
    assert check.get("info").startswith("up-to-date: ")
    assert check.get("PollInterval") == "2700"
    assert check.find("manifest") is None
    assert server.ask(version="1.0").check.get("PollInterval") == "2700"


@pytest.mark.parametrize("request_part, info", [
    (dict(version="3.0"), "device-is-ahead-of-channel"),
    (dict(track="nightly"), "unknown-channel"),
    (dict(inside='<updatecheck updatedisabled="true"/>'), "updates-disabled-by-device"),
    (dict(inside='<updatecheck targetversionprefix="9."/>'), "no-release-with-this-prefix"),
])
def test_refusals_are_noupdate_with_a_reason(fleet, data, request_part, info):
    answer = fleet.ask(**request_part)
    assert answer.app.get("status") == "ok"
    assert answer.check.get("status") == "noupdate"
    assert answer.check.get("info").startswith(info + ": ")
    fleet.wait_for(lambda: device(data))
    assert device(data)["reason"] == info
    assert device(data)["state"] == "held"


def test_more_refusals(serve, publish, data):
    publish("2.0", source="1.0", channel="only-delta")
    publish("2.1", channel="stable")
    run(data, "channel", "set", "empty", "--release=unset")
    run(data, "group", "set", "frozen", "--channel=none", "--machine=m9")
    server = serve()
    for attributes, info in ((dict(track="only-delta"), "no-payload-for-this-device"),
                             (dict(track="empty"), "channel-has-no-release"),
                             (dict(machineid="m9"), "held-by-group")):
        check = server.ask(**attributes).check
        assert check.get("status") == "noupdate"
        assert check.get("info").startswith(info + ": ")


def test_prefix_rollback_and_same_version(serve, publish):
    publish("1.2.3.4")
    publish("1.2.34")
    publish("2.0")
    server = serve()

    def offered(check, **attributes):
        answer = server.ask(f"<updatecheck {check}/>", **attributes).check
        return answer.find("manifest").get("version") if answer.get("status") == "ok" else None

    assert offered("", version="1.0") == "2.0"
    assert offered('targetversionprefix="1.2.3"', version="1.0") == "1.2.3.4"
    assert offered('targetversionprefix="1.2.3."', version="1.0") == "1.2.3.4"
    assert offered('targetversionprefix="1.2"', version="1.0") == "1.2.34"
    assert offered('targetversionprefix="1.2.3$"', version="1.0") is None
    assert offered('targetversionprefix="1."', version="2.0") is None
    back = server.ask('<updatecheck targetversionprefix="1." rollback_allowed="true"/>',
                      version="2.0").check
    assert back.get("_rollback") == "true"
    assert back.find("manifest").get("version") == "1.2.34"
    assert server.ask('<updatecheck targetversionprefix="1." rollback_allowed="True"/>',
                      version="2.0").check.get("status") == "noupdate"
    assert offered('sameversionupdate="true"', version="2.0") == "2.0"
    assert offered("", version="2.0") is None


def test_cohorts_are_left_alone(fleet):
    """Absent means keep; empty would delete them."""
    app = fleet.ask(app='cohort="1:a" cohortname=""').app
    assert app.get("cohort") is None and app.get("cohorthint") is None


def test_data_elements(fleet):
    app = fleet.ask('<data name="install" index="i"/><data name="untrusted">x</data><data name="z"/>'
                    ).app
    assert [(d.get("name"), d.get("index"), d.get("status")) for d in app.findall("data")] == [
        ("install", "i", "error-nodata"), ("untrusted", None, "ok"), ("z", None, "error-invalidargs")]


def test_full_life_of_a_device(fleet, data):
    def event(text, **attributes):
        answer = fleet.ask(text, **attributes)
        assert all(e.get("status") == "ok" for e in answer.app.findall("event"))
        return device(data)

    fleet.ask(track="stable", hardware_class="hw", board="b")
    row = device(data)
    assert (row["state"], row["granted_version"], row["channel"]) == ("offered", "2.0", "stable")
    assert (row["hardware_class"], row["board"]) == ("hw", "b")
    assert event('<event eventtype="13" eventresult="1"/>')["state"] == "downloading"
    row = event('<event eventtype="3" eventresult="0" errorcode="268437959" _fault="http" '
                'previousversion="1.0" nextversion="2.0" '
                '_text="503 from &lt;proxy&gt;" _slot="b"/>')
    assert (row["state"], row["reason"], row["slot"]) == ("failed", "http: 503 from <proxy>", "b")
    assert row["last_event"]["text"] == "update complete: error (HTTP status 503)"
    assert event('<event eventtype="13" eventresult="1"/>')["state"] == "downloading"
    assert event('<event eventtype="14" eventresult="1"/>')["state"] == "downloading"
    assert event('<event eventtype="3" eventresult="1"/>')["state"] == "installed"
    row = event('<event eventtype="54" eventresult="1" previousversion="1.0"/>', version="2.0")
    assert row["state"] == "up-to-date" and row["updated_at"]
    events = run_json(data, "events", "--device=m1")
    assert [(e["type"], e["result"]) for e in events] == [
        (54, 1), (3, 1), (14, 1), (13, 1), (3, 0), (13, 1)]
    assert events[4]["fault"] == "http" and events[4]["errorcode"] == 268437959
    assert events[4]["next_version"] == "2.0"
    assert events[0]["previous_version"] == "1.0" and events[0]["version"] == "2.0"


def test_completion_without_its_event(fleet, data):
    fleet.ask()
    fleet.ask(version="2.0")
    fleet.wait_for(lambda: device(data)["state"] == "up-to-date")
    assert device(data)["updated_at"]


def test_negative_errorcode(fleet, data):
    fleet.ask('<event eventtype="3" eventresult="0" errorcode="-2147483638"/>')
    assert device(data)["reason"] == "payload hash mismatch"
    assert run_json(data, "events")[0]["errorcode"] == -2147483638


def test_repeated_request_counts_once(fleet, data):
    for _ in range(3):
        fleet.ask('<event eventtype="13" eventresult="1"/>', request='requestid="r7"')
    assert len(run_json(data, "events")) == 1


def test_no_identity_and_test_sources_leave_no_row(fleet, data):
    assert fleet.ask(machineid=None).check.get("status") == "ok"
    assert fleet.ask(machineid="x" * 200).check.get("status") == "ok"
    assert fleet.ask(machineid="with space").check.get("status") == "ok"
    assert fleet.ask(request='testsource="lab"').check.get("status") == "ok"
    assert fleet.ask('<event eventtype="3"/>', machineid=None).status == 200
    assert fleet.ask(machineid=None, request='userid="user-1"').check.get("status") == "ok"
    assert [d["id"] for d in run_json(data, "devices")] == ["user-1"]


def test_device_limits(serve, publish, data):
    publish("2.0")
    server = serve("--max-devices=2", "--max-events-per-device=3", "--max-events-per-hour=5")
    for i in range(5):
        assert server.ask(machineid=f"m{i}").check.get("status") == "ok"
    assert len(run_json(data, "devices")) == 2
    for _ in range(8):
        assert server.ask('<event eventtype="13" eventresult="1"/>', machineid="m0").status == 200
    assert len(run_json(data, "events")) == 3
    assert device(data, "m0")["dropped_events"] == 3
