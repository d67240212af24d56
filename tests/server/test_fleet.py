# SPDX-License-Identifier: Apache-2.0
"""A simulated fleet and the server count the same."""

import json
import subprocess
import threading

from server_tools import BUILD, run, run_json

PROGRAM = BUILD.resolve() / "src/bin/swb-fleet/swb-fleet"

BOTH_STORES = True


def live(server, tmp_path, text):
    path = tmp_path / "scenario.ini"
    path.write_text("[fleet]\napp-id = {App-1}\npause-msec = 20\n" + text)
    return subprocess.run([PROGRAM, f"--server=http://127.0.0.1:{server.port}", path], timeout=120,
                          capture_output=True, text=True, check=False)


def test_numbers_agree(serve, publish, data, tmp_path):
    publish("1.0")
    publish("2.0", channel=None)
    run(data, "rollout", "create", "r", "--release=2.0", "--stage=150:concurrency=60", "--max-failures=1000",
        "--max-failure-rate=0%")
    server = serve("--metrics")
    result = live(server, tmp_path, "devices = 200\nrounds = 14\nseed = 3\n"
                  "[release 2.0]\nfall-back = 5%\nfail = 5%\nsilent = 3%\n")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "differs" not in result.stdout
    shown = run_json(data, "rollout", "show", "r")
    assert shown["admitted"] == 150
    assert shown["ok"] > 100 and shown["failed"] > 0 and shown["fell_back"] > 0
    line = [words.split() for words in result.stdout.splitlines() if words.startswith("  admitted")]
    assert line == [["admitted", "150", "150"]]


def test_a_bad_release_stops(serve, publish, data, tmp_path):
    publish("1.0")
    publish("2.0", channel=None)
    run(data, "rollout", "create", "r", "--release=2.0", "--stage=100%:concurrency=30", "--max-failures=10",
        "--max-failure-rate=0%")
    result = live(serve("--metrics"), tmp_path, "devices = 300\nrounds = 10\n[release 2.0]\nfall-back = 40%\n")
    assert result.returncode == 0, result.stdout + result.stderr
    shown = run_json(data, "rollout", "show", "r")
    assert shown["status"] == "paused" and "fell-back" in shown["reason"]
    assert shown["admitted"] < 120


def test_a_difference_is_seen(serve, publish, data, tmp_path):
    publish("1.0")
    publish("2.0", channel=None)
    run(data, "rollout", "create", "r", "--release=2.0", "--stage=100%")
    server = serve("--metrics")
    intruder = threading.Timer(0.2, lambda: server.ask(machineid="intruder"))
    intruder.start()
    result = live(server, tmp_path, "devices = 20\nrounds = 30\n")
    intruder.join()
    assert result.returncode == 1 and "differs" in result.stdout


def test_bad_scenarios(serve, publish, tmp_path):
    publish("1.0")
    server = serve("--metrics")
    for text in ("devices = 0\n", "devices = x\n", "colour = red\n", "[release 2.0]\nfall-back = 101%\n",
                 "[planet]\na = b\n"):
        result = live(server, tmp_path, text)
        assert result.returncode == 1 and "scenario.ini" in result.stderr, text


def test_what_devices_read(serve, publish, data, tmp_path):
    """A share of the fleet says what it can apply; the others say nothing."""
    publish("1.0")
    server = serve("--status", "--metrics")
    result = live(server, tmp_path, "devices = 60\nrounds = 1\nseed = 7\n"
                  "reads = 1004 26 1024 gzip\nreads-share = 75%\n")
    assert result.returncode == 0, result.stdout + result.stderr

    def says():
        return [device["reads"] for device in json.loads(server.get("/api/v1/devices?limit=100").body)]

    server.wait_for(lambda: len(says()) == 60)
    told = says()
    assert set(told) == {"", "1004 26 1024 gzip"}
    assert 35 < sum(map(bool, told)) < 55
