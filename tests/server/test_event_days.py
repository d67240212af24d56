# SPDX-License-Identifier: Apache-2.0
"""What is known of events that are not kept any more."""

import datetime

from api_tools import Client
from server_tools import run, run_json, sql

BOTH_STORES = True
DONE = '<event eventtype="3" eventresult="1" nextversion="2.0"/>'
FAILED = '<event eventtype="3" eventresult="0" errorcode="10" nextversion="2.0"/>'


def counts(rows):
    return {(row["day"], row["release"], row["result"], row["errorcode"]): row["events"] for row in rows}


def test_counts_outlive_events(serve, publish, data):
    publish("2.0")
    server = serve("--max-events=3", "--status")
    for i in range(10):
        assert server.ask(DONE, machineid=f"m{i}").status == 200
    for i in range(4):
        assert server.ask(FAILED, machineid=f"m{i}", request=f'requestid="r{i}"').status == 200
    assert server.ask(FAILED, machineid="m3", request='requestid="r3"').status == 200  # the same once more
    assert server.ask('<event eventtype="13" eventresult="1"/>', version="1.5").status == 200
    assert len(run_json(data, "events")) == 3
    rows = run_json(data, "events", "--summary")
    assert {row["app"] for row in rows} == {"app-1"} and {row["type"] for row in rows} == {3, 13}
    days = {row["day"] for row in rows}
    today = datetime.datetime.now(datetime.UTC).date()
    assert days <= {str(today), str(today - datetime.timedelta(days=1))}  # midnight may have passed
    total = {}
    for (_, *kind), n in counts(rows).items():
        total[tuple(kind)] = total.get(tuple(kind), 0) + n
    assert total == {("2.0", 1, 0): 10, ("2.0", 0, 10): 4, ("1.5", 1, 0): 1}
    text = run(data, "events", "--summary", "--release=2.0").stdout
    assert "1.5" not in text and "hash" in text and text.startswith("DAY")
    assert run(data, "events", "--summary", "--device=m1", check=False).returncode == 2
    api = Client(server)
    assert api.ok("GET", "events/summary") == rows
    assert [r["release"] for r in api.ok("GET", "events/summary?release=1.5")] == ["1.5"]
    first = api.get("events/summary?limit=1")
    assert first.json + api.ok("GET", f"events/summary?before={first.headers['X-Next-Cursor']}") == rows
    # Older days come only when they are asked for.
    sql(data, "UPDATE event_days SET day = day - 40 WHERE release = '1.5'")
    assert {r["release"] for r in run_json(data, "events", "--summary")} == {"2.0"}
    assert {r["release"] for r in run_json(data, "events", "--summary", "--days=42")} == {"1.5", "2.0"}
