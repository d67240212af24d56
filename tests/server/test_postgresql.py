# SPDX-License-Identifier: Apache-2.0
"""A database on a server of its own, that may be slow, refuse, or go away."""

import os
import subprocess
import threading

import pytest
from postgresql import PostgreSQL
from server_tools import BUILD, PROGRAM, run, run_json, sql, where

EVENT = '<event eventtype="13" eventresult="1"/>'


@pytest.fixture
def data(data_on_postgresql):
    return data_on_postgresql


@pytest.mark.parametrize("module", ["schema", "writer", "history", "catalog"])
def test_units(postgresql, module):
    """The unit tests of the store, on this one."""
    result = subprocess.run([BUILD.resolve() / f"src/server/test-server-{module}"], capture_output=True, text=True,
                            timeout=300, check=False,
                            env={**os.environ, "SWB_TEST_STORE": postgresql.url(None)})
    assert result.returncode == 0, result.stdout + result.stderr


def test_foreign_tables_are_left_alone(data):
    sql(data, "CREATE TABLE theirs (x int)")
    result = run(data, "app", "list", check=False)
    assert result.returncode == 1 and "another program's tables" in result.stderr


def test_newer_schema_is_refused(publish, data):
    publish("2.0")
    sql(data, "UPDATE swb_schema SET version = 1000")
    result = run(data, "app", "list", check=False)
    assert result.returncode == 1 and "use the newer program" in result.stderr


def test_no_database(data):
    data.store = "postgresql://swb:secret@/nix?host=/nonexistent"
    for verb in (("app", "list"), ("serve",)):
        result = run(data, *verb, check=False)
        assert result.returncode == 1 and "/nonexistent" in result.stderr
        assert "secret" not in result.stderr


def test_refused_rows_delay_and_do_not_lose(serve, publish, data):
    publish("2.0")
    server = serve()
    assert server.ask(EVENT).status == 200
    sql(data, "ALTER TABLE events ADD CONSTRAINT stop CHECK (false) NOT VALID")
    assert server.ask(EVENT).status == 503
    assert server.get("/healthz").status == 503
    assert server.ask(version="2.0").status == 200  # nothing is promised here
    sql(data, "ALTER TABLE events DROP CONSTRAINT stop")
    assert server.ask(EVENT).status == 200
    assert server.get("/healthz").status == 200
    assert len(run_json(data, "events")) == 2


def test_locked_table_delays(serve, publish, data):
    publish("2.0")
    server = serve()
    other = subprocess.Popen(data.postgresql.psql(schema=data.schema), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             text=True)
    other.stdin.write("BEGIN; LOCK TABLE events; SELECT 'locked';\n")
    other.stdin.flush()
    while other.stdout.readline().strip() != "locked":
        pass
    answers = []
    threads = [threading.Thread(target=lambda i=i: answers.append(server.ask(EVENT, machineid=f"m{i}").status))
               for i in range(5)]
    for thread in threads:
        thread.start()
    assert server.get("/healthz").status == 200
    assert not answers
    other.communicate("ROLLBACK;\n")
    for thread in threads:
        thread.join()
    assert answers == [200] * 5
    assert len(run_json(data, "events")) == 5


def test_wrong_bytes_do_not_stop_the_rest(serve, publish, data):
    """A text that is cut in the middle of a character is stored all the same."""
    publish("2.0")
    server = serve()
    assert server.ask(f'<event eventtype="3" _text="{"&#228;" * 400}x"/>').status == 200
    assert server.ask(f'<event eventtype="3" _text="x{"&#228;" * 400}"/>', machineid="m2").status == 200
    assert len(run_json(data, "events")) == 2


def test_several_start_at_once(data):
    processes = [subprocess.Popen([PROGRAM, "serve", *where(data), "--listen=127.0.0.1:0"], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True) for _ in range(3)]
    try:
        for process in processes:
            assert process.stdout.readline().startswith("listening"), process.communicate()[1]
    finally:
        for process in processes:
            process.terminate()
            process.communicate()
    assert [process.returncode for process in processes] == [0, 0, 0]


def test_database_goes_away_and_comes_back(serve, publish, data_on_postgresql):
    """Checks are answered from memory, what must be stored is refused, and nothing has to be restarted."""
    data = data_on_postgresql
    data.postgresql = own = PostgreSQL()
    try:
        data.store = own.url()
        publish("2.0")
        server = serve()
        assert server.ask(EVENT).status == 200
        own.stop()
        server.wait_for(lambda: server.ask(EVENT).status == 503)
        assert server.ask(version="2.0").status == 200  # nothing is promised here
        own.start()
        server.wait_for(lambda: server.ask(EVENT, machineid="after").status == 200)
        server.wait_for(lambda: server.get("/healthz").status == 200)
        publish("3.0")
        server.wait_for(lambda: server.ask().check.find("manifest").get("version") == "3.0")
        assert {event["device"] for event in run_json(data, "events")} == {"m1", "after"}
        assert server.stop() == 0
    finally:
        own.remove()
