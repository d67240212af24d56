# SPDX-License-Identifier: Apache-2.0
"""A database in the folder that somebody else holds, or that refuses."""

import sqlite3
import threading

from server_tools import run_json

EVENT = '<event eventtype="13" eventresult="1"/>'


def test_busy_database_delays_and_does_not_lose(serve, publish, data):
    """Somebody else holds the write lock: answers wait, nothing fails."""
    publish("2.0")
    server = serve()
    other = sqlite3.connect(data / "server.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answers = []
    threads = [threading.Thread(target=lambda i=i: answers.append(
        server.ask(EVENT, machineid=f"m{i}").status)) for i in range(5)]
    for thread in threads:
        thread.start()
    assert server.get("/healthz").status == 200
    assert not answers
    other.execute("ROLLBACK")
    for thread in threads:
        thread.join()
    assert answers == [200] * 5
    assert len(run_json(data, "events")) == 5


def test_database_that_cannot_be_written(serve, publish, data):
    """Nothing is acknowledged that was not stored; devices are told to come again; it recovers."""
    publish("2.0")
    server = serve()
    assert server.ask(EVENT).status == 200
    other = sqlite3.connect(data / "server.db", isolation_level=None)
    other.execute("CREATE TRIGGER stop BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'full'); END")
    answer = server.ask(EVENT)
    assert answer.status == 503
    assert answer.headers["Retry-After"] and answer.headers["X-Retry-After"]
    assert server.get("/healthz").status == 503
    assert server.ask(version="2.0").status == 200  # nothing is promised here
    other.execute("DROP TRIGGER stop")
    assert server.ask(EVENT).status == 200
    assert server.get("/healthz").status == 200
    assert len(run_json(data, "events")) == 2
