# SPDX-License-Identifier: Apache-2.0
"""Rollouts over HTTP: exact numbers, stages, pauses, recalls, and what decides besides."""

import concurrent.futures
import datetime
import re
import time

import pytest
from server_tools import run, run_json, sql

OK_EVENT = '<event eventtype="54" eventresult="1" previousversion="1.0" nextversion="2.0"/>'
STARTED = '<event eventtype="13" eventresult="1" nextversion="2.0"/>'
INSTALLED = '<event eventtype="3" eventresult="1" nextversion="2.0"/>'
ILL = ('<event eventtype="3" eventresult="0" errorcode="5" nextversion="2.0" _fault="health" '
       '_text="health check \'modem\': exit status 1"/>')

BOTH_STORES = True


@pytest.fixture
def base(publish):
    """Channel stable gives 1.0; 2.0 is there."""
    publish("1.0")
    publish("2.0", channel=None)


def create(data, *options, name="r"):
    run(data, "rollout", "create", name, "--release=2.0", *options)


def show(data, name="r"):
    return run_json(data, "rollout", "show", name)


def gets(server, machineid, version="1.0", **attributes):
    """The version that the device is offered, or None."""
    check = server.ask(machineid=machineid, version=version, **attributes).check
    if check.get("status") != "ok":
        return None
    return check.find("manifest").get("version")


def info(server, machineid, **attributes):
    return server.ask(machineid=machineid, **attributes).check.get("info")


def test_number_is_exact_under_load_and_after_a_crash(serve, base, data):
    create(data, "--stage=7", "--stage=100%")
    server = serve()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: gets(server, f"m{i}"), range(60)))
    admitted = {i for i, version in enumerate(answers) if version == "2.0"}
    assert len(admitted) == 7
    assert answers.count(None) == 53
    assert info(server, "late").startswith("stage-is-full")
    server.kill()
    server = serve()
    assert {i for i in range(60) if gets(server, f"m{i}")} == admitted
    assert show(data)["admitted"] == 7


def test_stages_open_and_finish(serve, base, data):
    create(data, "--stage=2:need=2:bake=1s", "--stage=100%:need=0:bake=1s")
    server = serve()
    assert [gets(server, m) for m in "abc"] == ["2.0", "2.0", None]
    server.ask(INSTALLED, machineid="a")
    assert show(data)["ok"] == 0
    server.ask(OK_EVENT, machineid="a", version="2.0")
    # Lost events do not matter: the version does not lie.
    server.ask(machineid="b", version="2.0")
    server.wait_for(lambda: show(data)["ok"] == 2)
    server.wait_for(lambda: gets(server, "c") == "2.0")
    server.wait_for(lambda: show(data)["status"] == "finished")
    channel = run_json(data, "channel", "list")[0]
    assert (channel["name"], channel["release"]) == ("stable", "2.0")
    server.wait_for(lambda: gets(server, "d") == "2.0")


def test_pauses_itself_and_names_the_check(serve, base, data):
    create(data, "--stage=100%", "--max-failures=3", "--max-failure-rate=0%", "--class-failures=0")
    server = serve()
    for i in range(6):
        assert gets(server, f"m{i}") == "2.0"
    for i in range(3):
        server.ask(ILL, machineid=f"m{i}")
    # At once, not at the next tick.
    assert gets(server, "next") is None
    assert info(server, "m5").startswith("rollout-is-paused")
    server.wait_for(lambda: show(data)["status"] == "paused")
    line = run_json(data, "audit")[0]  # with the pause, in one transaction
    assert (line["action"], line["who"], line["via"]) == ("rollout.pause", "server", "server")
    assert (line["before"]["status"], line["after"]["status"]) == ("active", "paused")
    assert "health check 'modem' (3)" in show(data)["reason"]
    assert "health check 'modem' (3)" in run(data, "rollout", "show", "r").stdout
    run(data, "rollout", "resume", "r")
    server.wait_for(lambda: gets(server, "next") == "2.0")
    # Who fell back is not asked to try that again.
    assert info(server, "m0").startswith("device-fell-back-from-this-release")


def test_silence_counts(serve, base, data):
    create(data, "--stage=100%", "--max-failures=2", "--silent-after=1s")
    server = serve()
    assert gets(server, "a") == gets(server, "b") == "2.0"
    server.wait_for(lambda: show(data)["status"] == "paused")
    assert "silent (2)" in show(data)["reason"]
    assert show(data)["silent"] == 2
    # With nobody asking, too, the server knows of it: it does not write the same again.
    time.sleep(0.5)
    before = sql(data, "SELECT generation FROM catalog")
    time.sleep(1)
    assert sql(data, "SELECT generation FROM catalog") == before


def test_hardware_that_fails_is_blocked(serve, base, data):
    create(data, "--stage=100%", "--class-failures=2")
    server = serve()
    assert gets(server, "x", hardware_class="new") == "2.0"
    for name in ("a", "b"):
        assert gets(server, name, hardware_class="old") == "2.0"
        server.ask(ILL, machineid=name, hardware_class="old")
    assert info(server, "c", hardware_class="old").startswith("release-is-blocked-for-this-hardware")
    assert gets(server, "d", hardware_class="new") == "2.0"
    server.wait_for(lambda: run_json(data, "release", "show", "2.0")["blocked"])
    run(data, "release", "unblock", "2.0", "--hardware-class=old")
    assert run_json(data, "release", "show", "2.0")["blocked"] == []
    server.wait_for(lambda: gets(server, "c", hardware_class="old") == "2.0")
    # Not blocked again by itself, also not by a server that counts anew.
    server.kill()
    server = serve()
    assert gets(server, "e", hardware_class="old") == "2.0"
    run(data, "release", "block", "2.0", "--hardware-class=old")
    server.wait_for(lambda: gets(server, "f", hardware_class="old") is None)


def test_recall(serve, base, data):
    create(data, "--stage=100%")
    server = serve()
    for name in ("offered", "installed", "running"):
        assert gets(server, name) == "2.0"
    server.ask(INSTALLED, machineid="installed")
    server.ask(OK_EVENT, machineid="running", version="2.0")
    run(data, "rollout", "recall", "r", "--reason=burns the toast")
    server.wait_for(lambda: gets(server, "offered") is None)
    for name in ("offered", "installed"):
        check = server.ask(machineid=name).check
        assert check.get("status") == "noupdate"
        assert check.get("_invalidate_last_update") == "true"
        assert check.get("info").startswith("release-was-recalled")
    for name, version in (("running", "2.0"), ("other", "1.0")):
        assert server.ask(machineid=name, version=version).check.get("_invalidate_last_update") is None
    # The next rollout takes over.
    create(data, "--stage=100%", name="again")
    server.wait_for(lambda: gets(server, "installed") == "2.0")


def test_hours_in_the_groups_time_zone(serve, base, data):
    # Kiritimati is 14 hours ahead of UTC, Pago Pago 11 behind: the same hour of the same day never.
    east = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=14)
    begin = east - datetime.timedelta(minutes=30)
    end = east + datetime.timedelta(minutes=30)
    hours = f"{begin:%a} {begin:%H:%M}-{end:%H:%M}"
    create(data, "--stage=100%", f"--hours={hours}", "--time-zone=Pacific/Pago_Pago")
    run(data, "group", "set", "east", "--channel=stable", "--machine=e",
        "--time-zone=Pacific/Kiritimati")
    server = serve()
    assert info(server, "w").startswith("outside-working-hours")
    assert gets(server, "e") == "2.0"


def test_deadline_and_priority(serve, base, data):
    create(data, "--stage=100%", "--deadline=2h", "--priority=high")
    server = serve()
    action = server.ask(machineid="a").check.find("manifest/actions/action[@event='postinstall']")
    assert action.get("_priority") == "high" and int(action.get("_attempt")) > 0
    deadline = datetime.datetime.strptime(action.get("deadline"), "%Y-%m-%dT%H:%M:%S%z")
    left = deadline - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(minutes=119) < left <= datetime.timedelta(hours=2)
    again = server.ask(machineid="a").check.find("manifest/actions/action[@event='postinstall']")
    assert again.get("deadline") == action.get("deadline")


def test_channel_answers_in_its_own_words(serve, base, data):
    """A device that the rollout holds back gets the channel's release without the rollout's haste."""
    create(data, "--stage=1", "--stage=100%", "--deadline=2h", "--priority=high")
    server = serve()
    assert gets(server, "a") == "2.0"
    manifest = server.ask(machineid="b", version="0.9").check.find("manifest")
    assert manifest.get("version") == "1.0"
    action = manifest.find("actions/action[@event='postinstall']")
    assert not {"_priority", "_attempt", "deadline"} & set(action.keys()), action.attrib


def test_without_identity_nobody_is_counted(serve, base, data):
    create(data, "--stage=100%")
    server = serve()
    assert gets(server, None) is None
    assert info(server, None).startswith("device-has-no-id")
    assert show(data)["admitted"] == 0


def test_share_is_monotone(serve, base, data):
    create(data, "--stage=20%", "--stage=60%")
    server = serve()
    names = [f"m{i}" for i in range(60)]
    first = {name for name in names if gets(server, name)}
    assert 2 <= len(first) <= 25
    run(data, "rollout", "advance", "r")
    server.wait_for(lambda: show(data)["stage"] == 2 and any(
        gets(server, name) for name in names if name not in first))
    assert first < {name for name in names if gets(server, name)}


def test_concurrency_and_rate(serve, base, data):
    create(data, "--stage=100%:concurrency=2:rate=3/1h")
    server = serve()
    assert [gets(server, m) for m in "abc"] == ["2.0", "2.0", None]
    assert info(server, "c").startswith("too-many-at-the-same-time")
    server.ask(OK_EVENT, machineid="a", version="2.0")
    server.ask(OK_EVENT, machineid="b", version="2.0")
    assert gets(server, "c") == "2.0"
    assert info(server, "d").startswith("too-many-in-a-short-time")


def test_stepping_stone(serve, publish, data):
    for version in ("1.0", "1.5", "2.0"):
        publish(version, channel="stable")
    server = serve()
    assert gets(server, "a", version="0.9") == "2.0"
    run(data, "release", "set", "1.5", "--stepping-stone=yes")
    server.wait_for(lambda: gets(server, "a", version="0.9") == "1.5")
    assert gets(server, "a", version="1.5") == "2.0"
    run(data, "release", "set", "1.5", "--stepping-stone=no")
    server.wait_for(lambda: gets(server, "a", version="0.9") == "2.0")


def test_stepping_stone_in_a_rollout(serve, publish, data):
    publish("1.0")
    publish("1.5", channel=None)
    publish("2.0", channel=None)
    run(data, "release", "set", "1.5", "--stepping-stone=yes")
    create(data, "--stage=1")
    server = serve()
    assert gets(server, "a") == "1.5"
    assert gets(server, "b") is None
    assert gets(server, "a", version="1.5") == "2.0"
    server.ask(machineid="a", version="2.0")
    server.wait_for(lambda: (show(data)["admitted"], show(data)["ok"]) == (1, 1))


def test_pin_and_downgrade(serve, publish, data):
    for version in ("1.0", "1.1", "2.0"):
        publish(version, channel="stable")
    run(data, "group", "set", "careful", "--channel=stable", "--machine=p", "--pin=1.")
    server = serve()
    assert gets(server, "p") == "1.1"
    assert gets(server, "q") == "2.0"
    # Never back, unless the device allows it too.
    assert gets(server, "p", version="2.0") is None
    check = server.ask('<updatecheck rollback_allowed="true"/>', machineid="p", version="2.0").check
    assert (check.find("manifest").get("version"), check.get("_rollback")) == ("1.1", "true")


def test_blocked_by_hand(serve, publish, data):
    publish("2.0")
    run(data, "release", "block", "2.0", "--hardware-class=old", "--reason=no memory")
    server = serve()
    assert info(server, "a", hardware_class="old").startswith("release-is-blocked-for-this-hardware")
    assert gets(server, "b", hardware_class="new") == "2.0"


def test_commands(base, data):
    create(data, "--stage=1%")
    for arguments, words in (
            (("rollout", "create", "r", "--release=2.0"), "already"),
            (("rollout", "create", "r2", "--release=2.0"), "under way"),
            (("rollout", "create", "r3", "--release=9.9"), "no release"),
            (("rollout", "create", "bad name", "--release=2.0"), "rollout"),
            (("rollout", "create", "r4", "--release=2.0", "--stage=5%", "--stage=1%"), "smaller"),
            (("rollout", "create", "r5", "--release=2.0", "--time-zone=No/Where"), "No/Where"),
            (("rollout", "create", "r6", "--release=2.0", "--hours=always"), "hours"),
            (("rollout", "resume", "r"), "can't resume"),
            (("rollout", "advance", "r"), "last stage"),
            (("rollout", "remove", "r"), "recall or finish"),
            (("rollout", "show", "nix"), "no rollout"),
            (("release", "remove", "2.0"), "remove the rollout first")):
        result = run(data, *arguments, check=False)
        assert result.returncode in (1, 2), arguments
        assert words in result.stderr, (arguments, result.stderr)
    table = run(data, "rollout", "list").stdout
    assert re.search(r"r +stable +2\.0 +active +1/1: 1% +0 +0 +0 +-", table), table
    run(data, "rollout", "pause", "r", "--reason=lunch")
    assert (show(data)["status"], show(data)["reason"]) == ("paused", "lunch")
    run(data, "rollout", "finish", "r")
    run(data, "rollout", "remove", "r")
    result = run(data, "rollout", "create", "back", "--release=1.0", check=False)
    assert result.returncode == 2 and "higher version" in result.stderr
    assert run_json(data, "rollout", "list") == []


def explain(data, machineid, *options):
    return run_json(data, "explain", machineid, *options)


def test_explain_says_what_the_device_is_told(serve, base, data):
    create(data, "--stage=1", "--stage=100%")
    run(data, "group", "set", "frozen", "--channel=none", "--machine=f")
    server = serve()
    for name in ("a", "b", "f"):
        server.ask(machineid=name)
    server.wait_for(lambda: len(run_json(data, "devices")) == 3)
    told = explain(data, "a")
    assert (told["answer"], told["release"], told["rule"]) == ("update", "2.0", "update")
    assert "rollout 'r'" in told["info"]
    for name, rule in (("b", "stage-is-full"), ("f", "held-by-group")):
        told = explain(data, name)
        assert (told["answer"], told["rule"]) == ("noupdate", rule)
        assert told["info"] == info(server, name)
    text = run(data, "explain", "b").stdout
    assert "would be told: noupdate\n" in text and "stage 1 of 2 (1 devices)" in text
    # To look is not to take.
    for _ in range(3):
        assert explain(data, "new", "--running=1.0")["rule"] == "stage-is-full"
    assert show(data)["admitted"] == 1
    result = run(data, "explain", "new", check=False)
    assert result.returncode == 1 and "'running'" in result.stderr
