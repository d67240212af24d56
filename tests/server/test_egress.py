# SPDX-License-Identifier: Apache-2.0
"""Caps of the bytes that are offered: they delay offers, on both stores and all servers together."""

from server_tools import run, run_json, sql

BOTH_STORES = True


def answer(server, machineid, **attributes):
    """The version that is offered, or the reason and when to ask again."""
    check = server.ask(machineid=machineid, **attributes).check
    if check.get("status") == "ok":
        return check.find("manifest").get("version")
    return check.get("info").split(":")[0], int(check.get("PollInterval", 0))


def caps(data):
    return run_json(data, "egress", "show")


def test_caps_delay_offers(serve, publish, data):
    size = publish("2.0").path.stat().st_size
    servers = [serve("--status"), serve("--status")]
    assert answer(servers[0], "free") == "2.0"
    assert caps(data)["today"] == 0  # nobody counts without a cap
    text = run(data, "egress", "set", f"--per-day={3 * size + 1}").stdout
    assert "per second: no cap" in text and f"per day: {3 * size + 1} bytes" in text

    # Until the servers follow, offers are free: devices that do not get one twice.
    def counted(server, name):
        before = caps(data)["today"]
        assert answer(server, f"{name}{counted.n}") == "2.0"
        counted.n += 1
        return caps(data)["today"] > before
    counted.n = 0
    servers[0].wait_for(lambda: counted(servers[0], "a"))
    servers[1].wait_for(lambda: counted(servers[1], "b"))
    assert caps(data)["today"] == 2 * size
    told = f"b{counted.n - 1}"
    assert answer(servers[0], "c") == "2.0"
    assert caps(data)["today"] == 3 * size

    # Whoever was told goes on, at any server; whoever was not waits, at any server.
    for server in servers:
        assert answer(server, told) == answer(server, "c") == answer(server, "free") == "2.0"
        reason, wait = answer(server, "d")
        assert reason == "egress-cap" and 60 <= wait <= 3600
        assert answer(server, None)[0] == "egress-cap"  # and who has no name
    # Not all of them come back at the same moment.
    waits = {answer(servers[0], f"g{number}")[1] for number in range(8)}
    assert len(waits) > 2 and min(waits) >= 60 and max(waits) <= 3600
    assert caps(data)["today"] == 3 * size
    assert "egress-cap: egress cap: 2.0 is there" in run(data, "explain", "d").stdout
    assert "would be told: update" in run(data, "explain", "c").stdout
    row = servers[0].wait_for(lambda: [d for d in run_json(data, "devices") if d["id"] == "d"])[0]
    assert (row["state"], row["reason"], row["granted_version"]) == ("held", "egress-cap", "")
    assert 'swb_checks_total{rule="egress-cap"}' in servers[0].get("/metrics").text

    # What is urgent comes, and counts.
    publish("3.0", channel=None)
    run(data, "rollout", "create", "fix", "--release=3.0", "--priority=high", "--stage=100%")
    servers[1].wait_for(lambda: answer(servers[1], "e") == "3.0")
    assert caps(data)["today"] == 4 * size
    run(data, "rollout", "finish", "fix")
    held = (f"f{i}" for i in range(10000))
    last = servers[1].wait_for(lambda: [name for name in [next(held)]
                                        if answer(servers[1], name)[0] == "egress-cap"])[0]

    # The next day.
    sql(data, "UPDATE egress SET day = day - 1")
    assert answer(servers[1], last) == "3.0"
    assert caps(data)["today"] == size


def test_cap_of_the_second_holds_a_rollout(serve, publish, data):
    """A place in a rollout that could not be used is given back."""
    publish("1.0")
    publish("2.0", channel=None)
    run(data, "egress", "set", "--per-second=1")  # the first offer takes hours
    run(data, "rollout", "create", "r", "--release=2.0", "--stage=2")
    server = serve("--status")
    assert answer(server, "m1") == "2.0"
    assert caps(data)["held_until"]
    for name in ("m2", "m3", "m4"):
        assert answer(server, name)[0] == "egress-cap"
    assert answer(server, "m1") == "2.0"
    assert run_json(data, "rollout", "show", "r")["admitted"] == 1
    run(data, "egress", "set", "--per-second=0")
    server.wait_for(lambda: answer(server, "m4") == "2.0")
    assert answer(server, "m2")[0] == "stage-is-full"


def test_wrong_caps(data):
    assert run(data, "egress", "set", check=False).returncode == 2
    assert "at most" in run(data, "egress", "set", f"--per-day={1 << 51}", check=False).stderr
