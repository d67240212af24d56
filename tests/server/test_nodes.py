# SPDX-License-Identifier: Apache-2.0
"""Several servers on one database: any of them answers any device, and limits hold across them."""

import concurrent.futures
import http.client
import itertools
import signal
import threading

import pytest
from server_tools import run, run_json

OK_EVENT = '<event eventtype="3" eventresult="2" previousversion="1.0"/>'
STARTED = '<event eventtype="13" eventresult="1" nextversion="2.0"/>'
ILL = ('<event eventtype="3" eventresult="0" errorcode="5" nextversion="2.0" _fault="health" '
       '_text="health check \'modem\': exit status 1"/>')

BOTH_STORES = True


@pytest.fixture
def nodes(serve, publish, data):
    """Two servers; channel stable gives 1.0, and 2.0 is there."""
    publish("1.0")
    publish("2.0", channel=None)
    return serve(), serve()


def create(data, nodes, *options):
    run(data, "rollout", "create", "r", "--release=2.0", *options)
    for node in nodes:
        node.wait_for(lambda node=node: node.ask(machineid="").check.get("info").startswith("device-has-no-id"))


def show(data):
    return run_json(data, "rollout", "show", "r")


def gets(node, machineid, version="1.0", **attributes):
    check = node.ask(machineid=machineid, version=version, **attributes).check
    return check.find("manifest").get("version") if check.get("status") == "ok" else None


def test_one_count(nodes, data):
    create(data, nodes, "--stage=2", "--stage=100%")
    first, second = nodes
    assert [gets(first, "a"), gets(second, "b")] == ["2.0", "2.0"]
    assert [gets(first, "c"), gets(second, "c")] == [None, None]
    assert [gets(second, "a"), gets(first, "b")] == ["2.0", "2.0"]  # members, wherever they ask
    assert second.ask(OK_EVENT, machineid="a", version="2.0").status == 200
    assert (show(data)["admitted"], show(data)["ok"]) == (2, 1)
    run(data, "rollout", "advance", "r")
    for node, name in zip(nodes, "cd"):
        node.wait_for(lambda node=node, name=name: gets(node, name) == "2.0")


def test_number_is_exact_when_all_ask_at_once(nodes, data):
    create(data, nodes, "--stage=23", "--stage=100%")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: gets(nodes[i % 2], f"m{i}"), range(120)))
    assert answers.count("2.0") == 23
    assert show(data)["admitted"] == 23


def test_slots_are_shared(nodes, data):
    first, second = nodes
    create(data, nodes, "--stage=100%:concurrency=2")
    assert [gets(first, "a"), gets(second, "b"), gets(first, "c"), gets(second, "d")] == ["2.0", "2.0", None, None]
    second.ask(OK_EVENT, machineid="a", version="2.0")
    first.wait_for(lambda: gets(first, "c") == "2.0")
    assert gets(second, "d") is None


def test_failures_are_counted_together(nodes, data):
    first, second = nodes
    create(data, nodes, "--stage=100%", "--max-failures=2")
    for node, name in zip(nodes, "ab"):
        assert gets(node, name) == "2.0"
        node.ask(ILL, machineid=name)
    assert "modem" in first.wait_for(lambda: show(data)["status"] == "paused" and show(data)["reason"])
    assert [gets(first, "c"), gets(second, "d")] == [None, None]


def test_same_device_at_both(nodes, data):
    """A device whose answer was lost asks the other one."""
    create(data, nodes, "--stage=20")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda i: gets(nodes[i % 2], f"m{i // 2 % 20}"), range(160)))
    assert answers == ["2.0"] * 160
    assert show(data)["admitted"] == 20


def test_one_is_killed_in_the_middle(nodes, serve, data):
    """What it said is kept, what it had not said is no loss, and the other goes on to the limit."""
    create(data, nodes, "--stage=60", "--stage=100%")
    told, reported, lock, names = set(), set(), threading.Lock(), itertools.count()

    def live(node):
        for number in names:
            if number >= 200:
                return
            name = f"m{number}"
            try:
                if gets(node, name) != "2.0":
                    continue
                with lock:
                    told.add(name)
                if node.ask(STARTED, machineid=name).status == 200:
                    with lock:
                        reported.add(name)
            except Exception:  # killed, in the middle of an answer perhaps
                return

    threads = [threading.Thread(target=live, args=(nodes[i % 2],)) for i in range(8)]
    for thread in threads:
        thread.start()
    nodes[0].wait_for(lambda: len(told) > 20)
    nodes[0].kill()
    for thread in threads:
        thread.join()
    third = serve()
    # Grants that were stored and not told are of devices that ask again; the rest of the stage is free.
    for number in range(200, 400):
        if gets((nodes[1], third)[number % 2], f"m{number}") == "2.0":
            told.add(f"m{number}")
    stored = show(data)
    assert stored["admitted"] == 60
    assert len(told) <= 60
    for name in told:
        assert gets(third, name) == "2.0"
    events = {event["device"] for event in run_json(data, "events", "--limit=100000")}
    assert reported <= events


def test_changes_reach_all(nodes, data):
    create(data, nodes, "--stage=100%")
    assert [gets(node, "a") for node in nodes] == ["2.0", "2.0"]
    run(data, "rollout", "recall", "r")
    for node in nodes:
        node.wait_for(lambda node=node: node.ask(machineid="a").check.get("_invalidate_last_update") == "true")
        assert gets(node, "a") is None


def test_rolling_restart_without_an_error(nodes, serve, data):
    """What a proxy sees that asks the next one when the first is gone."""
    current, errors, asked, stop = list(nodes), [], [], threading.Event()

    def ask():
        for number in itertools.count():
            if stop.is_set():
                return
            asked.append(number)
            why = []
            for attempt in range(2):
                node = current[(number + attempt) % 2]
                try:
                    answer = node.ask(STARTED, machineid="m", request=f'requestid="{number}"')
                    if answer.status == 200:
                        break
                    why.append(answer.text)
                except (OSError, http.client.HTTPException) as error:
                    why.append(repr(error))
            else:
                errors.append((number, why))

    thread = threading.Thread(target=ask)
    thread.start()
    for i in range(2):
        fresh = serve()
        old, current[i] = current[i], fresh
        # On a busy machine one request could otherwise see both of them go.
        before = len(asked)
        fresh.wait_for(lambda before=before: len(asked) > before + 1)
        assert old.stop() == 0
    stop.set()
    thread.join()
    assert errors == []


def test_answers_what_it_has_taken(nodes):
    """Who is connected when a server ends gets an answer; a new one is refused."""
    node = nodes[0]
    body = ('<?xml version="1.0" encoding="UTF-8"?><request protocol="3.0"><app appid="{App-1}" version="1.0"'
            f' machineid="m%d">{STARTED}</app></request>')
    node.process.send_signal(signal.SIGSTOP)
    waiting = [node.socket() for _ in range(30)]  # the kernel takes them
    for number, one in enumerate(waiting):
        text = body % number
        one.sendall(f"POST /v1/update/ HTTP/1.0\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
    node.process.send_signal(signal.SIGTERM)
    node.process.send_signal(signal.SIGCONT)
    for one in waiting:
        with one, one.makefile("rb") as answer:
            assert b" 200 " in answer.readline()
    assert node.stop() == 0
    with pytest.raises(OSError):
        node.socket()
