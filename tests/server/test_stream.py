# SPDX-License-Identifier: Apache-2.0
"""Server-sent events, history and explanations: what the pages live from."""

import json

LISTENERS_MAX = 64


class Stream:
    """One listener."""

    def __init__(self, server):
        self.connection = server.connect()
        self.connection.request("GET", "/api/v1/stream")
        self.response = self.connection.getresponse()
        self.status = self.response.status

    def next(self, topic):
        """The next piece of this topic."""
        while True:
            name = self.response.readline().decode()
            if not name:
                return None
            data = self.response.readline().decode()
            assert name.startswith("event: ") and data.startswith("data: "), (name, data)
            assert self.response.readline() == b"\n"
            if name == f"event: {topic}\n":
                return json.loads(data[len("data: "):])

    def close(self):
        self.connection.close()


def test_stream(fleet):
    stream = Stream(fleet)
    assert stream.status == 200
    assert stream.response.headers["Content-Type"] == "text/event-stream"
    assert stream.next("live")["devices"] == 0
    fleet.ask(machineid="a")
    live = fleet.wait_for(lambda: (piece := stream.next("live"))["devices"] and piece)
    assert live["states"]["offered"] == 1 and live["rollouts"] == []
    overview = fleet.wait_for(lambda: (piece := stream.next("overview"))["devices"] and piece)
    assert overview["versions"] == [{"app": "app-1", "version": "1.0", "devices": 1}]
    assert overview["states"] == [{"app": "app-1", "state": 2, "devices": 1, "silent": 0}]
    stream.close()


def test_listeners_are_bounded(fleet):
    streams = [Stream(fleet) for _ in range(LISTENERS_MAX)]
    assert {stream.status for stream in streams} == {200}
    surplus = Stream(fleet)
    assert surplus.status == 503 and surplus.response.headers["Retry-After"]
    surplus.close()
    # All hear, and devices are answered meanwhile.
    assert all(stream.next("live") for stream in streams)
    assert fleet.ask(machineid="b").status == 200
    # Those who go make place: noticed when the next piece is sent to them.
    for stream in streams[1:]:
        stream.close()

    def joins():
        newcomer = Stream(fleet)
        newcomer.close()
        return newcomer.status == 200

    fleet.wait_for(joins)
    # A server that stops does not wait for listeners.
    fleet.process.terminate()
    while streams[0].next("live"):
        pass
    assert fleet.process.wait(30) == 0
    streams[0].close()


def test_a_stream_is_only_read(fleet):
    assert fleet.http("HEAD", "/api/v1/stream").status == 405
    assert fleet.post("x", path="/api/v1/stream").status == 405


def test_history(fleet):
    fleet.ask(machineid="a")
    history = json.loads(fleet.get("/api/v1/history?hours=1").text)
    assert history["step"] == 300 and history["to"] - history["from"] == 3600
    assert isinstance(history["versions"], list) and isinstance(history["load"], list)

    def recent():
        return sum(json.loads(fleet.get("/api/v1/history").text)["recent"]["checks"]) == 1

    fleet.wait_for(recent)
    assert fleet.get("/api/v1/history?hours=99999999999").status == 200
    assert fleet.get("/api/v1/history?app=nobody").status == 404


def test_samples(serve, publish):
    """A server that starts takes a sample of what it has."""
    publish("2.0")
    first = serve("--status")
    first.ask(machineid="a")
    first.stop()
    second = serve("--status")

    def versions():
        return json.loads(second.get("/api/v1/history?hours=1").text)["versions"]

    (series,) = second.wait_for(versions)
    assert (series["app"], series["version"]) == ("app-1", "1.0")
    assert series["points"][-1][1] == 1


def test_explain(fleet):
    fleet.ask(machineid="a")
    answer = json.loads(fleet.get("/api/v1/explain?device=a").text)
    assert answer["answer"] == "update" and answer["release"] == "2.0" and answer["delta"]
    assert answer["bytes"] == fleet.delta.path.stat().st_size
    assert answer["channel"] == "stable" and answer["known"]
    assert fleet.get("/api/v1/explain?device=nobody").status == 404
    assert fleet.get("/api/v1/explain").status == 400
