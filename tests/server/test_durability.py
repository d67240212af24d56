# SPDX-License-Identifier: Apache-2.0
"""What was acknowledged is there, whatever happens to the server; what can't be kept is refused."""

import threading

import pytest
from server_tools import run_json

EVENT = '<event eventtype="13" eventresult="1"/>'

BOTH_STORES = True


@pytest.mark.parametrize("round_number", range(3))
def test_killed_while_devices_report(serve, publish, data, round_number):
    publish("2.0")
    server = serve("--max-events-per-hour=100000", "--max-events-per-device=100000")
    acknowledged, lock = [], threading.Lock()

    def report(name):
        number = 0
        while True:
            number += 1
            try:
                answer = server.ask(f'<event eventtype="{number}" eventresult="1"/>', machineid=name)
            except OSError:
                return
            except Exception:  # cut in the middle of an answer
                return
            if answer.status == 200:
                with lock:
                    acknowledged.append((name, number))

    threads = [threading.Thread(target=report, args=(f"m{i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    server.wait_for(lambda: len(acknowledged) > 40 + 150 * round_number)
    server.kill()
    for thread in threads:
        thread.join()
    again = serve()
    stored = {(e["device"], e["type"]) for e in run_json(data, "events", "--limit=1000000")}
    assert set(acknowledged) <= stored
    # At most the one that each device had under way was stored and not heard of.
    assert len(stored) <= len(acknowledged) + len(threads)
    assert again.ask(EVENT).status == 200


def test_grant_is_stored_before_it_is_told(serve, publish, data):
    publish("2.0")
    server = serve()
    assert server.ask(machineid="granted").check.get("status") == "ok"
    server.kill()
    device = run_json(data, "devices")[0]
    assert (device["id"], device["granted_version"]) == ("granted", "2.0")


def test_stop_writes_what_waits(serve, publish, data):
    publish("2.0")
    server = serve()
    for i in range(50):
        server.ask(machineid=f"m{i}", version="2.0")  # nobody waits for these
    assert server.stop() == 0
    assert len(run_json(data, "devices")) == 50


def test_two_servers_on_one_folder(serve, publish, data):
    """Not how it is meant to be run, but nothing breaks."""
    publish("2.0")
    first, second = serve(), serve()
    for i in range(20):
        assert (first if i % 2 else second).ask(EVENT, machineid=f"m{i}").status == 200
    assert len(run_json(data, "devices")) == 20


def test_events_of_a_lost_answer_come_again(serve, publish, data):
    publish("2.0")
    server = serve()
    for _ in range(2):
        server.ask(EVENT, request='requestid="once"')
        server.kill()
        server = serve()
    assert len(run_json(data, "events")) == 1
