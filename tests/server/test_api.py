# SPDX-License-Identifier: Apache-2.0
"""The API that changes things: who may, what it answers, and what the audit log keeps of it."""

import json

import pytest
from api_tools import Client, add_user, make_token
from server_tools import run, run_json

# pylint: disable=redefined-outer-name

BOTH_STORES = True


@pytest.fixture
def api(fleet, data):
    """A server with releases 2.0 (channel stable) and 3.0, and a client with an admin's token."""
    run(data, "rollout", "list")
    client = Client(fleet, make_token(data, "boss", "admin"))
    client.data = data
    return client


@pytest.fixture
def with_3(api, publish):
    publish("3.0", channel=None)
    return api


def test_who_may_what(api, data):
    server = api.server
    nobody, reader = Client(server), Client(server, make_token(data, "r", "read"))
    deployer = Client(server, make_token(data, "d", "deploy"))
    change = ("PUT", "channels/beta", {"release": "2.0"})
    assert nobody.get("channels").status == 200
    answer = nobody.call(*change)
    assert answer.status == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
    assert reader.call(*change).status == 403
    assert deployer.call(*change).status == 200
    assert deployer.get("tokens").status == 403
    assert nobody.get("audit").status == 401
    assert reader.get("audit").status == 200
    assert Client(server, "swb_" + "0" * 64).get("channels").status == 401
    assert nobody.get("channels", Authorization="Basic QTpC").status == 401
    assert [t["name"] for t in api.ok("GET", "tokens")] == ["boss", "d", "r"]
    assert "token" not in api.ok("GET", "tokens")[0]
    assert api.call("DELETE", "tokens/d").status == 204
    assert deployer.call(*change).status == 401


def test_private(serve, publish, data):
    publish("2.0")
    server = serve("--status", "--private")
    assert Client(server).get("channels").status == 401
    assert Client(server).ok("GET", "session")["user"] is None
    assert Client(server, make_token(data, "r", "read")).get("channels").status == 200
    assert server.ask().status == 200  # devices need nothing


def test_expired_token(api, data):
    made = api.ok("POST", "tokens", {"name": "short", "scope": "read", "expires_in_seconds": 1})
    client = Client(api.server, made["token"])
    api.server.wait_for(lambda: client.get("channels").status == 401)
    assert "expired" in client.get("channels").json["detail"]
    assert run_json(data, "token", "list")[1]["expires"] == made["expires"]


def test_rollout_life(with_3):
    api = with_3
    plan = {"name": "spring", "release": "3.0", "stages": ["1", "50%:bake=1h", "100%"],
            "need": 3, "max_failure_rate": "1%", "hours": "Mon-Fri 09:00-16:00"}
    answer = api.call("POST", "rollouts", plan)
    assert answer.status == 201
    assert answer.headers["Location"] == "/api/v1/rollouts/spring"
    made = answer.json
    assert (made["status"], made["stage"], made["channel"]) == ("active", 1, "stable")
    assert [s["size"] for s in made["stages"]] == ["1 devices", "50%", "100%"] or \
        made["stages"][0]["max_devices"] == 1
    assert made["stages"][1]["bake_seconds"] == 3600 and made["hours"] == plan["hours"]
    assert api.call("POST", "rollouts", plan).status == 409
    assert api.call("POST", "rollouts", {**plan, "name": "other"}).status == 409  # the channel's
    paused = api.ok("POST", "rollouts/spring/pause", {"reason": "lunch"})
    assert (paused["status"], paused["reason"]) == ("paused", "lunch")
    assert api.ok("GET", "rollouts")[0]["status"] == "paused"
    assert api.call("POST", "rollouts/spring/advance").status == 409
    assert api.ok("POST", "rollouts/spring/resume")["status"] == "active"
    assert api.ok("POST", "rollouts/spring/advance")["stage"] == 2
    assert api.ok("POST", "rollouts/spring/recall")["status"] == "recalled"
    assert api.call("DELETE", "rollouts/spring").status == 204
    assert api.get("rollouts/spring").status == 404
    log = api.ok("GET", "audit?object=rollouts/spring")
    assert [e["action"] for e in log] == [f"rollout.{v}" for v in (
        "remove", "recall", "advance", "resume", "pause", "create")]
    assert log[4]["who"] == "boss" and log[4]["via"] == "token"
    assert log[4]["before"]["status"] == "active" and log[4]["after"]["reason"] == "lunch"
    assert log[0]["after"] is None and log[-1]["before"] is None


def test_rollout_pause_reaches_devices(with_3):
    api = with_3
    api.ok("POST", "rollouts", {"name": "now", "release": "3.0", "stages": ["100%"]})
    offered = lambda machine: api.server.ask(machineid=machine, version="2.0").check.get("status")
    api.server.wait_for(lambda: offered("m1") == "ok")
    api.ok("POST", "rollouts/now/pause")
    api.server.wait_for(lambda: offered("m2") == "noupdate")
    assert api.ok("GET", "rollouts/now")["admitted"] in (1, 2)  # m2 may have been faster


def test_rollout_edit(with_3):
    api = with_3
    api.ok("POST", "rollouts", {"name": "e", "release": "3.0", "stages": ["1%", "10%", "100%"]})
    api.ok("POST", "rollouts/e/advance")
    edited = api.ok("PATCH", "rollouts/e", {"max_failures": 7, "priority": "high"})
    assert edited["limits"]["max_failures"] == 7 and edited["priority"] == "high"
    assert len(edited["stages"]) == 3 and edited["limits"]["min_sample"] == 25
    assert api.call("PATCH", "rollouts/e", {"stages": ["1%"]}).status == 400
    assert api.call("PATCH", "rollouts/e", {"stages": ["2%", "100%"]}).status == 400
    assert api.call("PATCH", "rollouts/e", {"stages": ["1%", "0.5%"]}).status == 400
    assert len(api.ok("PATCH", "rollouts/e", {"stages": ["1%", "100%"]})["stages"]) == 2
    api.ok("POST", "rollouts/e/finish")
    assert api.call("PATCH", "rollouts/e", {"max_failures": 8}).status == 400
    assert api.ok("GET", "channels/stable")["release"] == "3.0"
    assert [r["name"] for r in api.ok("GET", "rollouts?all=true")] == ["e"]
    assert api.ok("GET", "rollouts") == []


def test_safe_edits(with_3):
    """Two look, the second one to change is told to look again."""
    api = with_3
    tag = api.get("channels/stable").headers["ETag"]
    assert tag.startswith('"')
    answer = api.call("PUT", "channels/stable", {"release": "3.0"}, If_Match=tag)
    assert answer.status == 200 and answer.headers["ETag"] != tag
    assert api.call("PUT", "channels/stable", {"release": None}, If_Match=tag).status == 412
    assert api.ok("GET", "channels/stable")["release"] == "3.0"
    assert api.get("channels/stable").headers["ETag"] == answer.headers["ETag"]
    assert api.call("PUT", "channels/new", {"release": "3.0"}, If_Match="*").status == 412
    assert api.call("PUT", "channels/stable", {"release": None}, If_Match="*").status == 200


def test_sent_twice(with_3):
    api = with_3
    body = {"name": "once", "release": "3.0"}
    first = api.call("POST", "rollouts", body, Idempotency_Key="k1")
    again = api.call("POST", "rollouts", body, Idempotency_Key="k1")
    assert (first.status, first.body) == (again.status, again.body) and first.status == 201
    assert again.headers["Location"] == first.headers["Location"]
    assert api.call("POST", "rollouts", {**body, "need": 3}, Idempotency_Key="k1").status == 422
    assert api.call("POST", "rollouts", body, Idempotency_Key="k2").status == 409
    assert api.call("POST", "rollouts", body, Idempotency_Key="a b").status == 400
    made = api.call("POST", "tokens", {"name": "t"}, Idempotency_Key="k3")
    assert made.status == 201
    assert api.call("POST", "tokens", {"name": "t"}, Idempotency_Key="k3").status == 409
    assert len(api.ok("GET", "audit?action=rollout.create")) == 1


REFUSED = [
    ("GET", "nowhere", None, 404),
    ("GET", "rollouts/none", None, 404),
    ("GET", "devices?state=odd", None, 400),
    ("GET", "devices?limit=many", None, 400),
    ("GET", "channels?app=other", None, 404),
    ("POST", "channels/stable", {}, 405),
    ("PUT", "channels/stable", "{", 400),
    ("PUT", "channels/stable", "[]", 400),
    ("PUT", "channels/stable", '{"release": "2.0", "release": "2.0"}', 400),
    ("PUT", "channels/stable", {}, 400),
    ("PUT", "channels/stable", {"release": 2}, 400),
    ("PUT", "channels/stable", {"release": "9"}, 404),
    ("PUT", "channels/a%20b", {"release": "2.0"}, 400),
    ("PUT", "channels/stable", {"release": "2.0", "else": 1}, 400),
    ("POST", "rollouts", {"name": "r"}, 400),
    ("POST", "rollouts", {"name": "r", "release": "9"}, 404),
    ("POST", "rollouts", {"name": "r", "release": "2.0"}, 400),
    ("POST", "rollouts", {"name": "r", "release": "2.0", "stages": ["1%"] * 17}, 400),
    ("POST", "rollouts", {"name": "r", "release": "2.0", "stages": [1]}, 400),
    ("POST", "rollouts", {"name": "r", "release": "2.0", "time_zone": "Mars"}, 404),
    ("POST", "rollouts", {"name": "r", "release": "2.0", "max_failures": -1}, 400),
    ("DELETE", "releases/2.0", None, 409),
    ("PATCH", "apps/only", {"required_signatures": 0}, 400),
    ("PATCH", "apps/only", {"add_keys": ["no key"]}, 422),
    ("PUT", "groups/g", {}, 400),
    ("PUT", "groups/g", {"channel": None, "machines": ["a b"]}, 400),
    ("POST", "users", {"name": "u", "password": "short"}, 400),
    ("POST", "users", {"name": "u", "role": "king"}, 400),
    ("POST", "tokens", {"name": "a/b"}, 400),
]


def test_refused(api):
    for method, path, body, status in REFUSED:
        answer = api.call(method, path, body)
        assert answer.status == status, (method, path, body, answer.text)
        if status == 405:
            assert "PUT" in answer.headers["Allow"] and "GET" in answer.headers["Allow"]


def test_bounded(api):
    assert api.call("PUT", "groups/g", b"{" + b" " * (1 << 20)).status == 413
    assert api.call("PUT", "groups/g", "channel=1", Content_Type="text/plain").status == 415
    assert api.get("devices?" + "&".join(f"a{i}=1" for i in range(17))).status == 400
    assert api.server.get("/healthz").status == 200


def test_groups_apps_releases(with_3):
    api = with_3
    made = api.call("PUT", "groups/lab", {"channel": "beta", "machines": ["m1", "m2"]})
    assert made.status == 201 and made.json["machines"] == ["m1", "m2"]
    changed = api.ok("PUT", "groups/lab", {"add_machines": ["m3"], "remove_machines": ["m1"],
                                           "board": "b"})
    assert changed["machines"] == ["m2", "m3"] and changed["channel"] == "beta"
    assert api.ok("PUT", "groups/lab", {"machines": ["m9"]})["machines"] == ["m9"]
    assert api.ok("PUT", "groups/lab", {"channel": None})["channel"] is None
    assert [g["name"] for g in api.ok("GET", "groups")] == ["lab"]
    assert api.call("DELETE", "groups/lab").status == 204
    assert api.ok("GET", "apps")[0]["app"] == "app-1"
    assert api.ok("PATCH", "apps/app-1", {"default_channel": "beta"})["default_channel"] == "beta"
    assert api.call("POST", "apps", {"app": "App-1"}).status == 409
    assert api.call("POST", "apps", {"app": "two"}).status == 201
    assert api.get("channels").status == 400  # which one?
    assert api.ok("PATCH", "releases/3.0?app=app-1", {"stepping_stone": True})["stepping_stone"]
    blocked = api.ok("PUT", "releases/3.0/blocks/hw-1?app=app-1", {"reason": "smoke"})
    assert blocked["blocked"][0]["reason"] == "smoke"
    assert api.ok("DELETE", "releases/3.0/blocks/hw-1?app=app-1")["blocked"] == []
    sha = api.ok("GET", "releases/3.0?app=app-1")["payloads"][0]["sha256"]
    assert api.server.get(f"/payloads/{sha}").status == 200
    assert api.call("DELETE", "releases/3.0?app=app-1").status == 204
    assert api.server.get(f"/payloads/{sha}").status == 404


def test_devices(api):
    for i in range(5):
        api.server.ask(machineid=f"m{i}")
    api.server.wait_for(lambda: api.ok("GET", "overview")["devices"] == 5)
    first = api.get("devices?limit=3")
    assert [d["id"] for d in first.json] == ["m0", "m1", "m2"]
    rest = api.get(f"devices?limit=3&after={first.headers['X-Next-Cursor']}")
    assert [d["id"] for d in rest.json] == ["m3", "m4"] and "X-Next-Cursor" not in rest.headers
    assert api.ok("GET", "devices/m1")["version"] == "1.0"
    assert api.get("devices/m7").status == 404
    why = api.ok("GET", "devices/m1/explain")
    assert (why["answer"], why["release"], why["channel"]) == ("update", "2.0", "stable")
    assert api.ok("GET", "devices/m7/explain?running=2.0")["answer"] == "noupdate"


def test_log_in(api, data):
    add_user(data, "ann", "deploy")
    page = Client(api.server)
    answer = page.log_in("ann", "a long secret")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Secure" not in cookie
    assert page.ok("GET", "session") == answer.json
    assert (answer.json["user"], answer.json["scope"]) == ("ann", "deploy")
    change = ("PUT", "channels/beta", {"release": "2.0"})
    assert page.call(*change).status == 200
    own = f"http://127.0.0.1:{api.server.port}"
    assert page.call(*change, Origin=own).status == 200
    assert page.call(*change, Origin="http://evil.example").status == 403
    assert page.call(*change, X_CSRF_Token="0" * 64).status == 403
    bare = Client(api.server)
    bare.headers = {"Cookie": page.headers["Cookie"]}
    assert bare.call(*change).status == 403 and bare.get("audit").status == 200
    assert bare.get("audit").json[0]["who"] == "ann"
    assert page.call("DELETE", "session").status == 204
    assert page.call(*change).status == 401
    assert Client(api.server).call("POST", "session", {"user": "ann", "password": "a long secret"},
                                   Origin="http://evil.example").status == 403


def test_guesses_wait(api, data):
    add_user(data, "ann", "deploy")
    add_user(data, "bob", "read")
    guess = lambda user: api.call("POST", "session", {"user": user, "password": "wrong"})
    wrong = [guess("ann") for _ in range(5)]
    assert {a.status for a in wrong} == {401}
    assert guess("nobody").status == 429  # by the address
    answer = guess("ann")
    assert answer.status == 429 and int(answer.headers["Retry-After"]) >= 1
    assert api.ok("GET", "session")["via"] == "token"


def test_users(api, data):
    assert api.call("POST", "users", {"name": "ann", "role": "read",
                                      "password": "a long secret"}).status == 201
    assert api.call("POST", "users", {"name": "ann"}).status == 409
    page = Client(api.server)
    page.log_in("ann", "a long secret")
    change = {"old_password": "a long secret", "new_password": "a longer secret"}
    assert page.call("PUT", "session/password", {**change, "old_password": "no"}).status == 401
    assert page.call("PUT", "session/password", change).status == 204
    assert page.get("audit").status == 401  # its sessions have ended
    page.log_in("ann", "a longer secret")
    assert page.get("users").status == 403
    assert api.ok("PATCH", "users/ann", {"role": "admin"})["role"] == "admin"
    assert page.get("users").status == 401
    assert api.call("DELETE", "users/ann").status == 204
    assert run_json(data, "user", "list") == []
    text = json.dumps(api.ok("GET", "audit"))
    assert "a long" not in text and "$y$" not in text


def test_proxy(serve, publish, data):
    publish("2.0")
    add_user(data, "ann", "deploy")
    server = serve("--status", "--https", "--identity-header=X-User", "--trusted-proxy=127.0.0.1")
    ann = Client(server)
    ann.headers = {"X-User": "ann", "X-CSRF-Token": "1", "X-Forwarded-For": "6.6.6.6, 10.0.0.7"}
    assert ann.ok("PUT", "channels/beta", {"release": "2.0"})
    entry = ann.ok("GET", "audit")[0]
    assert (entry["who"], entry["via"], entry["address"]) == ("ann", "proxy", "10.0.0.7")
    assert ann.get("audit", X_User="eve").status == 401
    assert "Secure" in Client(server).log_in("ann", "a long secret").headers["Set-Cookie"]
    plain = serve("--status", "--identity-header=X-User")
    assert Client(plain).get("audit", X_User="ann").status == 401


def test_same_by_the_command_line(api, data, tmp_path):
    """Local and remote: one code, one audit log."""
    token = tmp_path / "token"
    token.write_text(make_token(data, "remote", "admin") + "\n")
    remote = [f"--server=http://127.0.0.1:{api.server.port}", f"--token-file={token}"]
    made = run(data, "token", "create", "x", *remote)
    assert made.stdout.startswith("swb_")
    assert [t["name"] for t in run_json(data, "token", "list")] == ["boss", "remote", "x"]
    assert run(data, "token", "list", *remote, "--json").stdout == \
        run(data, "token", "list", "--json").stdout
    run(data, "token", "remove", "x")
    log = run_json(data, "audit", *remote)
    assert [(e["action"], e["via"], e["who"] == "remote") for e in log[:2]] == [
        ("token.remove", "local", False), ("token.create", "token", True)]
    result = run(data, "token", "remove", "x", *remote, check=False)
    assert result.returncode == 1 and "there is no token 'x'" in result.stderr
    api.server.ask(machineid="m1")
    api.server.wait_for(lambda: run_json(data, "devices", *remote))
    run(data, "group", "set", "lab", "--channel=beta", "--machine=m1", *remote)
    asked, own = run(data, "explain", "m1", *remote).stdout, run(data, "explain", "m1").stdout
    assert asked.startswith(own), "only a running server knows its own URLs"
    for verb in (["devices"], ["events"], ["image", "list"], ["image", "files"], ["mirror", "list"], ["release", "list"],
                 ["release", "show", "2.0"], ["channel", "list"], ["group", "list"],
                 ["group", "show", "lab"], ["rollout", "list"], ["app", "list"], ["app", "show"],
                 ["user", "list"]):
        for option in ([], ["--json"]):
            assert run(data, *verb, *option, *remote).stdout == \
                run(data, *verb, *option).stdout, verb
    run(data, "channel", "set", "beta", "--release=2.0", *remote)
    assert "gives 2.0" in run(data, "explain", "m1").stdout
    token.write_text("swb_bad")
    assert "not known" in run(data, "token", "list", *remote, check=False).stderr
