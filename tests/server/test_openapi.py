# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI file says what the server does: each path, method, status and shape."""

import hashlib
import re

import openapi
from api_tools import Client, add_user, make_token
from server_payload import Payload, blocks
from server_tools import run, sql

SOURCES = openapi.ROOT / "src/server/api"


def routes_of_the_source():
    found = set()
    for source in SOURCES.glob("*.c"):
        text = source.read_text()
        for method, path in re.findall(r'\{"([A-Z]+)",\s*"([^"]+)"', text):
            found.add((method, f"/{path}"))
        for verb in re.findall(r'^\s+ACTION\("(\w+)"\)', text, re.M):
            found.add(("POST", "/rollouts/{rollout}/" + verb))
    return found | {("GET", "/stream")}


def names_erased(routes):
    return {(method, re.sub(r"\{[^}]+\}", "{}", path)) for method, path in routes}


def test_all_routes_are_there():
    documented = {(method, path) for method, path, _ in openapi.operations()}
    assert names_erased(documented) == names_erased(routes_of_the_source())


def test_methods_are_those(fleet):
    """An odd method is answered with what is allowed."""
    client = Client(fleet)
    for path, methods in openapi.SPEC["paths"].items():
        answer = client.call("REPORT", re.sub(r"\{[^}]+\}", "x", path).removeprefix("/"))
        assert answer.status == 405, (path, answer.status)
        allowed = set(answer.headers["Allow"].split(", ")) - {"HEAD"}
        assert allowed == {m.upper() for m in methods}, path


def test_every_operation(fleet, publish, data, tmp_path):
    """Each one is asked at least once, and succeeds; Client.call() checks status and shape."""
    publish("3.0", channel=None)
    image = tmp_path / "image"
    image.write_bytes(b"not a payload" * 4096)
    run(data, "publish", image, "--app-id={App-1}", "--target-version=2.0", "--background")
    fleet.ask(machineid="m1", version="1.0")
    api = Client(fleet, make_token(data, "boss", "admin"))
    add_user(data, "ann", "read")
    fleet.wait_for(lambda: api.ok("GET", "devices"))
    for method, path, body in [
            ("GET", "overview", None), ("GET", "history", None),
            ("GET", "devices", None), ("GET", "devices/m1", None),
            ("GET", "devices/m1/explain", None),
            ("PUT", "devices/m1/tags", {"tags": ["lab"]}), ("GET", "devices/m1/tags", None), ("GET", "explain?device=m1", None),
            ("GET", "events", None), ("GET", "events/summary", None), ("GET", "apps", None), ("GET", "apps/only", None),
            ("PATCH", "apps/only", {"hash_sha256": "hex"}), ("GET", "releases", None),
            ("GET", "releases/3.0", None), ("PATCH", "releases/3.0", {"max_failures": 3}),
            ("PUT", "releases/3.0/blocks/hw", {"reason": "x"}),
            ("DELETE", "releases/3.0/blocks/hw", None),
            ("GET", "channels", None), ("PUT", "channels/beta", {"release": "2.0"}),
            ("GET", "channels/beta", None),
            ("PUT", "groups/g", {"channel": "beta", "machines": ["m2"]}),
            ("PUT", "groups/g", {"board": "b"}), ("GET", "groups", None),
            ("GET", "groups/g", None), ("DELETE", "groups/g", None),
            ("POST", "group-preview", {"tag": "lab"}),
            ("PUT", "mirrors/eu", {"kind": "tag", "value": "eu", "url": "http://eu/"}), ("GET", "mirrors", None),
            ("GET", "mirrors/eu", None), ("DELETE", "mirrors/eu", None),
            ("GET", "images", None), ("GET", "images/2.0", None), ("GET", "payload-files", None),
            ("GET", "delta-measures", None), ("PUT", "channels/gone", {"release": None}), ("DELETE", "channels/gone", None),
            ("PUT", "settings/egress", {"per_day": 1 << 40}), ("GET", "settings/egress", None),
            ("POST", "rollouts", {"name": "r", "release": "3.0"}), ("GET", "rollouts", None),
            ("GET", "rollouts/r", None), ("PATCH", "rollouts/r", {"max_failures": 9}),
            ("POST", "rollouts/r/pause", {"reason": "x"}), ("POST", "rollouts/r/resume", None),
            ("POST", "rollouts/r/advance", None), ("POST", "rollouts/r/recall", None),
            ("DELETE", "rollouts/r", None), ("POST", "rollouts", {"name": "s", "release": "3.0"}),
            ("POST", "rollouts/s/finish", None), ("PUT", "channels/stable", {"release": "2.0"}),
            ("DELETE", "releases/3.0", None), ("POST", "apps", {"app": "spare"}), ("DELETE", "apps/spare", None),
            ("POST", "apps", {"app": "other"}),
            ("POST", "tokens", {"name": "t"}), ("GET", "tokens", None),
            ("DELETE", "tokens/t", None), ("POST", "users", {"name": "eve"}),
            ("GET", "users", None), ("PATCH", "users/eve", {"role": "deploy"}),
            ("DELETE", "users/eve", None), ("POST", "webhooks", {"name": "w", "url": "http://127.0.0.1:9/"}), ("GET", "webhooks", None),
            ("PATCH", "webhooks/w", {"enabled": False}), ("DELETE", "webhooks/w", None),
            ("GET", "session", None), ("GET", "audit", None)]:
        api.ok(method, path, body)
    page = Client(fleet)
    page.log_in("ann", "a long secret")
    page.ok("PUT", "session/password", {"old_password": "a long secret",
                                        "new_password": "another secret"})
    page.log_in("ann", "another secret")
    page.ok("DELETE", "session")
    job = api.ok("GET", "jobs")[0]["id"]
    api.ok("GET", f"jobs/{job}")
    sql(data, "UPDATE jobs SET status = 'queued', ended = 0")
    api.ok("POST", f"jobs/{job}/cancel")
    api.ok("POST", "jobs?app=app-1", {"version": "2.0"})
    payload = Payload(tmp_path / "sent.bin", "7.0", blocks(3, "7.0"))
    api.ok("PUT", f"uploads/{payload.sha256}", payload.bytes, Content_Type="application/octet-stream")
    api.ok("POST", "releases", {"upload": payload.sha256, "manifest": payload.manifest})
    stray = data / "payloads" / ("0" * 64)
    stray.write_bytes(b"x")
    api.ok("DELETE", f"payload-files/{stray.name}")
    sent = image.read_bytes()
    api.ok("PUT", f"uploads/{hashlib.sha256(sent).hexdigest()}", sent, Content_Type="application/octet-stream")
    again = api.ok("POST", "images", {"upload": hashlib.sha256(sent).hexdigest(), "app": "app-1", "version": "9.0"})
    for number in (again["id"], again["id"] - 1):
        api.ok("POST", f"jobs/{number}/cancel")
    api.ok("DELETE", "images/9.0?app=app-1")
    documented = {(method, path) for method, path, _ in openapi.operations()}
    assert documented - api.seen - page.seen == {("GET", "/stream")}  # test_stream.py
