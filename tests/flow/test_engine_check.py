# SPDX-License-Identifier: Apache-2.0
"""When the engine checks, and what becomes of deltas that do not apply."""

import time

import pytest

HOUR = 3600


def seconds_to_check(device):
    return device.get("NextCheck") / 1e6 - time.time()


def checked(device, n=1):
    device.wait(lambda: len(device.calls("check")) >= n, f"check {n}")
    device.wait_state("idle", "available", "updated")


def fail(status, **more):
    return {"fault": "http", "http_status": status, **more}


def test_first_check_is_drawn_around_its_time(device):
    device.set("server", first_check="7m", first_check_jitter="5m")
    device.start()
    device.wait_state("idle")
    assert 110 < seconds_to_check(device) < 730


def test_interval(device):
    device.set("server", check_interval="45m", check_jitter="5m")
    device.start()
    checked(device)
    assert 2390 < seconds_to_check(device) < 3010


def test_checks_follow_each_other(device):
    device.set("server", check_interval="1s")
    device.start()
    checked(device, 3)
    assert device.get("State") in ("idle", "checking")


def test_waits_double_while_the_server_is_in_trouble(device):
    device.steps("check", fail(500), fail(502), fail(429), {"fault": "network"}, {})
    device.start()
    for low, high in ((1, 3), (2, 6), (2, 6), (0.99, 1.01), (0.99, 1.01)):
        before = device.get("LastCheck")
        device.call("Check")
        device.wait(lambda: device.get("LastCheck") > before, "the check")
        device.wait_state("idle")
        assert low * HOUR - 30 < seconds_to_check(device) < high * HOUR + 30


def test_retry_after_is_kept_over_restarts_and_reboots(device):
    device.steps("check", fail(503, retry_after=20000))
    device.start()
    checked(device)
    assert device.get("LastError") == "http"
    assert 19900 < seconds_to_check(device) < 25000
    wait = seconds_to_check(device)
    device.kill()
    device.start()
    device.wait_state("idle")
    assert wait - 60 < seconds_to_check(device) <= wait
    device.power_cycle()
    device.wait_state("idle")
    assert wait - 60 < seconds_to_check(device) <= wait
    assert len(device.calls("check")) == 1


def test_the_servers_interval_is_kept_over_restarts(device):
    device.steps("check", {"answer": {"STATUS": "noupdate", "POLL_INTERVAL": "10800"}},
                 {"fault": "network"})
    device.start()
    checked(device)
    assert 1.5 * HOUR - 30 < seconds_to_check(device) < 4.5 * HOUR + 30
    device.stop()
    device.start()
    device.call("Check")
    checked(device, 2)
    assert 1.5 * HOUR - 30 < seconds_to_check(device) < 4.5 * HOUR + 30


def test_a_crash_loop_does_not_poll(device):
    """Killed at each check: the next start does not check at once."""
    device.set("server", first_check="1s")
    device.steps("check", {"hang": True})
    device.start()
    device.wait(lambda: device.calls("check"), "the check")
    device.kill()
    device.set("server", first_check="1h")
    device.start()
    device.wait_state("idle")
    time.sleep(1)
    assert len(device.calls("check")) == 1


def test_check_beside_an_installed_update(device):
    device.offer("1.1")
    device.set("reboot", automatic="no")
    device.start()
    device.wait_state("updated")
    before = device.get("LastCheck")
    device.call("Check")
    device.wait(lambda: device.get("LastCheck") > before, "the check")
    assert device.get("State") == "updated" and device.get("AvailableVersion") == "1.1"
    assert len(device.calls("install")) == 1
    device.call("Reboot")
    assert device.reboot() == "B"
    device.wait_event(54, 1)
    device.offer("1.2")
    device.call("Check")
    device.wait_state("updated")
    assert device.get("AvailableVersion") == "1.2"


def no_delta(call):
    return "--no-delta" in call["args"]


@pytest.mark.parametrize("fault", ["source", "unsupported"])
def test_delta_that_can_never_apply(device, fault):
    """The full payload is asked for at once."""
    device.offer("1.1")
    device.offer("1.1", delta=True)
    device.steps("install", {"fault": fault}, {})
    device.start()
    assert device.reboot() == "B"
    device.wait_event(54, 1)
    device.wait_event(3, 0, fault)
    assert [no_delta(call) for call in device.calls("check")] == [False, True]
    assert len(device.calls("install")) == 2
    device.call("Check")
    checked(device, 3)
    assert not no_delta(device.calls("check")[2]), "after a success deltas are fine again"


@pytest.mark.parametrize("fault", ["hash", "format", "io"])
def test_delta_that_fails_too_often(device, fault):
    device.offer("1.1")
    device.offer("1.1", delta=True)
    device.set("update", max_delta_failures="2")
    device.steps("install", {"fault": fault}, {"fault": fault}, {})
    device.start()
    assert device.reboot() == "B"
    device.wait_event(54, 1)
    assert [no_delta(call) for call in device.calls("check")] == [False, True]
    assert len(device.calls("install")) == 3


def test_delta_that_lacks_memory_twice(device):
    """The second time it gives way, whatever max-delta-failures says; the full payload does not."""
    device.offer("1.1")
    device.offer("1.1", delta=True)
    device.steps("install", *4 * [{"fault": "no-memory"}], {})
    device.start()
    assert device.reboot() == "B"
    device.wait_event(54, 1)
    assert [no_delta(call) for call in device.calls("check")] == [False, True]
    assert len(device.calls("install")) == 5


def test_delta_failures_are_remembered_over_restarts(device):
    device.offer("1.1")
    device.offer("1.1", delta=True)
    device.set("update", max_delta_failures="2")
    device.steps("install", {"fault": "hash"}, {"fault": "hash"}, {})
    device.start()
    device.wait(lambda: device.get("LastError") == "hash", "the first failure")
    device.kill()
    device.start()
    assert device.reboot() == "B"
    assert no_delta(device.calls("check")[-1])


def test_server_that_insists_on_a_delta(device):
    """No loop: the delta is refused, and the next planned check asks again."""
    device.offer("1.1", delta=True)
    answer = {"STATUS": "ok", "VERSION": "1.1", "URL_COUNT": "1", "URL_0": "http://127.0.0.1:9/x",
              "SIZE": "5", "SHA256": "0" * 64, "DELTA": "true"}
    device.steps("check", {}, {"answer": answer})
    device.steps("install", {"fault": "source"})
    device.start()
    device.wait(lambda: device.get("LastError") == "protocol", "the refusal")
    time.sleep(3)
    assert len(device.calls("check")) == 2 and len(device.calls("install")) == 1


def test_deltas_switched_off(device):
    device.offer("1.1")
    device.offer("1.1", delta=True)
    device.set("update", delta="no")
    device.start()
    device.reboot()
    assert no_delta(device.calls("check")[0])


def test_bad_full_payload_is_paced(device):
    """Two more attempts, then it is left alone for a day; somebody who asks for it gets it."""
    device.offer("1.1")
    device.steps("install", {"fault": "hash"}, {"fault": "hash"}, {"fault": "hash"}, {})
    device.start()
    device.wait(lambda: len(device.calls("install")) == 3, "the third attempt")
    device.wait_state("available")
    device.call("Check")
    checked(device, 2)
    device.stop()
    device.start()
    device.wait_state("available")
    device.power_cycle()
    device.wait_state("available")
    assert len(device.calls("install")) == 3
    assert "download: not now, backoff:" in device.log()
    device.call("Install")
    assert device.reboot() == "B"


def test_retry_after_of_a_download(device):
    device.offer("1.1")
    device.steps("get", {"stop_after": 100000, "fault": "http", "http_status": 503,
                         "retry_after": 3}, {})
    device.start()
    device.wait(lambda: device.get("LastError") == "http", "the error")
    start = time.monotonic()
    device.wait(lambda: len(device.calls("get")) == 2, "the next download")
    assert time.monotonic() - start > 2
    assert any(event[2] == "2503" for event in device.events())
    device.reboot()
