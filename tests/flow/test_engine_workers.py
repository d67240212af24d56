# SPDX-License-Identifier: Apache-2.0
"""Workers that lie, hang, flood and crash: an error of that attempt, never more."""

import os
import signal

import pytest

NEED = "TYPE=need\nOFFSET=0\n"
OK = "TYPE=outcome\nRESULT=ok\n"
APPLY = "TYPE=progress\nSTAGE=apply\nPERCENT={}\nBYTES_DONE={}\nBYTES_TOTAL=300012\n"

INSTALLERS = {
    "crashes at once": ({"signal": signal.SIGSEGV}, "internal"),
    "crashes on the way": ({"stop_after": 50000, "then_signal": signal.SIGABRT}, "internal"),
    "goes without a word": ({"exit": 0}, "internal"),
    "talks garbage": ({"say": ["garbage"], "hang": True}, "protocol"),
    "talks zeros": ({"say": ["\0\0\0"], "hang": True}, "protocol"),
    "talks too much at once": ({"say": ["A=" + "x" * 20000 + "\n"], "hang": True}, "protocol"),
    "says an unknown type": ({"say": ["TYPE=dance\n"], "hang": True}, "protocol"),
    "needs more than there is": ({"say": ["TYPE=need\nOFFSET=300013\n"], "hang": True}, "protocol"),
    "needs twice": ({"say": [NEED, NEED], "hang": True}, "protocol"),
    "goes back": ({"say": [NEED, APPLY.format(50, 5), APPLY.format(49, 6)], "hang": True}, "protocol"),
    "is done beyond all": ({"say": [NEED, APPLY.format(1, 300013)], "hang": True}, "protocol"),
    "is more than ready": ({"say": [NEED, APPLY.format(101, 1)], "hang": True}, "protocol"),
    "succeeds at once": ({"say": [OK], "exit": 0}, "protocol"),
    "succeeds without the bytes": ({"say": [NEED, OK], "exit": 0}, "protocol"),
    "succeeds half way": ({"stop_after": 100000, "then_ok": True}, "protocol"),
    "succeeds with status 1": ({"exit_after": 1}, "protocol"),
    "succeeds twice": ({"say": [NEED, OK, OK], "hang": True}, "protocol"),
    "fails for no known reason": ({"say": ["TYPE=outcome\nRESULT=failed\nFAULT=moon\nTEXT=x\n"],
                                   "exit": 1}, "protocol"),
    "fails with a reason": ({"fault": "hash"}, "hash"),
    "installs another version": ({"version": "6.6.6"}, "downgrade"),
    "floods": ({"say": [NEED], "flood": True}, "protocol"),
    "hangs": ({"hang": True}, "timeout"),
    "hangs on the way": ({"stop_after": 50000, "then_hang": True}, "timeout"),
}

GETTERS = {
    "crashes": ({"signal": signal.SIGSEGV}, "internal"),
    "goes without a word": ({"exit": 0}, "internal"),
    "talks garbage": ({"say": ["=\n"], "hang": True}, "protocol"),
    "needs": ({"say": [NEED], "hang": True}, "protocol"),
    "is beyond the end": ({"say": ["TYPE=progress\nBYTES_DONE=1\nOFFSET=400000\n"], "hang": True},
                          "protocol"),
    "claims the end too early": ({"stop_after": 100000, "short": True}, "format"),
    "succeeds without a byte": ({"say": [OK], "exit": 0}, "format"),
    "fails on the way": ({"stop_after": 100000, "fault": "network"}, "network"),
    "fails at once": ({"fault": "http", "http_status": 404}, "http"),
    "floods": ({"flood": True}, "protocol"),
    "hangs": ({"hang": True}, "timeout"),
}


def fails_then_succeeds(device, fault):
    """The slot never gets bootable by a failed attempt; the next one, soon after, does it."""
    device.offer("1.1")
    if fault == "timeout":
        device.set("workers", silence_limit="2s")
    device.set("reboot", automatic="no")
    device.start()
    device.wait(lambda: device.get("LastError") == fault, f"error {fault}")
    assert device.get("State") in ("available", "downloading", "verifying")
    assert device.flags()["B"] == (0, 0, 0)
    if fault == "timeout":  # a machine that is busy may let a good worker be silent for so long
        device.stop()
        device.set("workers", silence_limit="30m")
        device.start()
    device.wait_state("updated")
    device.wait_event(3, 0, fault)


@pytest.mark.parametrize("what", INSTALLERS)
def test_installer(device, what):
    step, fault = INSTALLERS[what]
    device.steps("install", step, {})
    if "then_ok" in step:  # otherwise all bytes may be in the pipe already
        device.steps("get", {"hang_after": step["stop_after"]}, {})
    fails_then_succeeds(device, fault)


@pytest.mark.parametrize("what", GETTERS)
def test_getter(device, what):
    step, fault = GETTERS[what]
    device.steps("get", step, {})
    fails_then_succeeds(device, fault)


OFFER = {"STATUS": "ok", "VERSION": "1.1", "URL_COUNT": "1", "URL_0": "http://a/b", "SIZE": "5",
         "SHA256": "0" * 64}

CHECKS = {
    "crashes": ({"signal": signal.SIGSEGV}, "internal"),
    "goes without a word": ({"exit": 0}, "internal"),
    "talks garbage": ({"say": ["\x01\x02"], "hang": True}, "protocol"),
    "reports progress": ({"say": ["TYPE=progress\nBYTES_DONE=1\nOFFSET=1\n"], "hang": True},
                         "protocol"),
    "knows no answer": ({"say": [OK], "exit": 0}, "protocol"),
    "answers twice": ({"say": [OK + "STATUS=noupdate\n"] * 2, "hang": True}, "protocol"),
    "offers a file": ({"answer": {**OFFER, "URL_0": "file:///etc/shadow"}}, "protocol"),
    "offers an option": ({"answer": {**OFFER, "VERSION": "--config=x"}}, "protocol"),
    "offers nothing": ({"answer": {**OFFER, "SIZE": "0"}}, "protocol"),
    "offers half a hash": ({"answer": {**OFFER, "SHA256": "0" * 32}}, "protocol"),
    "offers a giant version": ({"answer": {**OFFER, "VERSION": "1" * 64}}, "protocol"),
    "fails": ({"fault": "network"}, "network"),
}


@pytest.mark.parametrize("what", CHECKS)
def test_checker(device, what):
    step, fault = CHECKS[what]
    device.steps("check", step, {})
    device.start()
    device.wait(lambda: device.get("LastError") == fault, f"error {fault}")
    device.wait_state("idle")
    assert not device.calls("install") and device.get("NextCheck") > 0
    device.offer("1.1")
    device.call("Check")
    assert device.reboot() == "B"


def test_reporter_that_fails_is_asked_again(device):
    """Events are best effort: they hold nothing up, wait in the queue, and survive a restart."""
    device.steps("report", {"exit": 7}, {"say": ["garbage"], "hang": True}, {"fault": "network"})
    device.offer("1.1")
    device.start()
    device.reboot()
    device.wait_state("idle")
    device.kill()
    device.steps("report", {})
    device.start()
    device.call("Check")
    device.wait_event(54, 1)
    assert [event[:2] for event in device.events()] == [("13", "1"), ("14", "1"), ("3", "1"),
                                                        ("54", "1")]


def test_reboot_waits_a_moment_for_events(device):
    device.steps("report", {}, {"say": [], "hang": True})
    device.offer("1.1")
    device.start()
    device.wait_state("updated")
    assert device.get("NeedsReboot")
    device.wait(device.reboot_flag.exists, "the reboot in spite of a hanging reporter", seconds=120)


def test_missing_worker_is_an_error_with_its_path(device):
    device.set("workers", fetch="/nonexistent/swb-fetch")
    device.start()
    device.wait(lambda: device.get("LastError") == "not-found", "the error")
    assert "/nonexistent/swb-fetch" in device.get("LastErrorText")
    device.wait_state("idle")


def test_missing_installer_is_an_error_with_its_path(device):
    device.offer("1.1")
    device.set("workers", install="/nonexistent/swb-install")
    device.start()
    device.wait(lambda: device.get("LastError") == "not-found", "the error")
    assert "/nonexistent/swb-install" in device.get("LastErrorText")
    device.wait_state("available")
    assert not device.calls("get")


def test_worker_that_does_not_end_after_its_outcome(device):
    device.steps("check", {"no_exit": True}, {})
    device.start()
    device.wait(lambda: device.get("LastError") == "timeout", "the error")


def test_unknown_user_for_the_fetcher(device):
    """Somebody without rights takes the place: no updates at all would be worse."""
    device.set("workers", fetch_user="no-such-user")
    device.offer("1.1")
    is_root = os.geteuid() == 0  # who else could become somebody?
    for folder in [device.folder, *device.folder.parents] if is_root else []:
        os.chmod(folder, os.stat(folder).st_mode | 0o011)
    os.chmod(device.folder, 0o777)
    device.start()
    device.wait_log("user 'no-such-user' does not exist: nobody")
    if is_root:
        device.wait(device.reboot_flag.exists, "the reboot command")
        assert os.stat(device.folder / "calls.jsonl").st_uid == 65534
