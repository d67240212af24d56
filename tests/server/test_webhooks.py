# SPDX-License-Identifier: Apache-2.0
"""Webhooks: told of rollouts, signed, again when it failed."""

import hashlib
import hmac
import http.server
import json
import threading

import pytest
from api_tools import Client, make_token
from server_tools import run, run_json, sql

BOTH_STORES = True


@pytest.fixture
def receiver():
    """Keeps what it is sent; answers with the statuses of a list, then 204."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):  # pylint: disable=invalid-name
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.got.append((self.headers, body))
            self.send_response(server.statuses.pop(0) if server.statuses else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):  # pylint: disable=arguments-differ
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.statuses = [], []
    server.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_told_signed_and_in_order(serve, publish, data, receiver):
    publish("2.0")
    publish("3.0", channel=None)
    server = serve("--status")
    api = Client(server, make_token(data, "boss", "admin"))
    secret = run(data, "webhook", "add", "ci", f"--url={receiver.url}").stdout.strip()
    receiver.statuses = [500]
    api.ok("PUT", "channels/beta", {"release": "2.0"})  # not asked for
    api.ok("POST", "rollouts", {"name": "r", "release": "3.0"})
    server.wait_for(lambda: len(receiver.got) == 1)
    server.wait_for(lambda: run_json(data, "webhook", "list")[0]["failed_tries"] == 1)
    assert "500" in run_json(data, "webhook", "list")[0]["last_result"]
    api.ok("POST", "rollouts/r/pause", {"reason": "lunch"})
    sql(data, "UPDATE webhooks SET next_at = 0")  # as if the time had passed
    server.wait_for(lambda: len(receiver.got) == 3)
    bodies = [json.loads(body) for _, body in receiver.got]
    assert [b["action"] for b in bodies] == ["rollout.create", "rollout.create", "rollout.pause"]
    assert bodies[2]["after"]["reason"] == "lunch" and bodies[2]["who"] == "boss"
    headers, body = receiver.got[2]
    signed = headers["X-Switchback-Timestamp"].encode() + b"." + body
    assert headers["X-Switchback-Signature"] == \
        "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["X-Switchback-Event"] == "rollout.pause"
    assert headers["X-Switchback-Delivery"] == str(bodies[2]["number"])
    hook = run_json(data, "webhook", "list")[0]
    server.wait_for(lambda: run_json(data, "webhook", "list")[0]["delivered"] == 2)
    assert "secret" not in hook and secret not in json.dumps(api.ok("GET", "audit"))


def test_given_up_and_bounded(serve, publish, data, receiver):
    publish("2.0")
    publish("3.0", channel=None)
    server = serve("--status")
    api = Client(server, make_token(data, "boss", "admin"))
    assert api.call("POST", "webhooks", {"name": "x", "url": "file:///etc/passwd"}).status == 400
    api.ok("POST", "webhooks", {"name": "x", "url": receiver.url})
    assert api.call("POST", "webhooks", {"name": "x", "url": receiver.url}).status == 409
    receiver.statuses = [404] * 100
    sql(data, "UPDATE webhooks SET attempts = 15")
    api.ok("POST", "rollouts", {"name": "r", "release": "3.0"})
    server.wait_for(lambda: api.ok("GET", "webhooks")[0]["dropped"] == 1)
    assert api.ok("PATCH", "webhooks/x", {"enabled": False})["enabled"] is False
    assert api.call("DELETE", "webhooks/x").status == 204
