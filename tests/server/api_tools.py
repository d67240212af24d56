# SPDX-License-Identifier: Apache-2.0
"""A client of /api/v1, as a program or a browser would be one."""

import json

import openapi
from server_tools import run


class Client:
    """Speaks for a token, a session, or nobody."""

    def __init__(self, server, token=None):
        self.server = server
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.seen = set()  # operations that have succeeded

    def call(self, method, path, body=None, **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        all_headers = {**self.headers, **names}
        data = None
        if body is not None:
            data = body if isinstance(body, (str, bytes)) else json.dumps(body)
            all_headers.setdefault("Content-Type", "application/json")
        answer = self.server.http(method, f"/api/v1/{path}", data, all_headers)
        answer.json = json.loads(answer.body) if answer.body else None
        if answer.status >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json", answer.body
            assert answer.json["status"] == answer.status
            assert answer.json["type"].startswith("urn:switchback:")
            assert answer.json["title"] and answer.json["detail"]
        found = openapi.check_answer(method, path, answer)
        if found and answer.status < 400:
            self.seen.add(found)
        return answer

    def get(self, path, **headers):
        return self.call("GET", path, **headers)

    def ok(self, method, path, body=None, **headers):
        answer = self.call(method, path, body, **headers)
        assert answer.status < 300, answer.text
        return answer.json

    def log_in(self, user, password):
        answer = self.call("POST", "session", {"user": user, "password": password})
        assert answer.status == 200, answer.text
        cookie = answer.headers["Set-Cookie"]
        self.headers = {"Cookie": cookie.split(";")[0],
                        "X-CSRF-Token": answer.json["csrf_token"]}
        return answer


def make_token(data, name, scope, *options):
    return run(data, "token", "create", name, f"--scope={scope}", *options).stdout.strip()


def add_user(data, name, role, password="a long secret"):
    return run(data, "user", "add", name, f"--role={role}", "--password-file=-", input=password)
