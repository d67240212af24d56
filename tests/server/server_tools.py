# SPDX-License-Identifier: Apache-2.0
"""Starting swb-server and talking to it."""

import contextlib
import http.client
import json
import os
import pathlib
import select
import socket
import sqlite3
import subprocess
import time
import xml.etree.ElementTree as ET

BUILD = pathlib.Path(os.environ.get("SWB_BUILD", "build"))
PROGRAM = BUILD.resolve() / "src/bin/swb-server/swb-server"
# Builds with sanitizers are slow; nothing below measures speed.
PATIENCE = 30


class Data(type(pathlib.Path())):
    """A server's folder, and the database if that is not in it."""

    store = None


def where(data):
    """The options that name them."""
    store = getattr(data, "store", None)
    return [f"--data={data}", *([f"--store={store}"] if store else [])]


def sql(data, text):
    """Straight into the database; rows as text, one a line, columns with | between."""
    if getattr(data, "store", None):
        return data.postgresql.sql(text, schema=data.schema)
    with contextlib.closing(sqlite3.connect(data / "server.db")) as db, db:
        return "\n".join("|".join(map(str, row)) for row in db.execute(text))


def run(data, *args, check=True, **options):
    """One command of swb-server on this data folder."""
    result = subprocess.run([PROGRAM, *map(str, args), *where(data)], capture_output=True,
                            text=True, timeout=PATIENCE, check=False, **options)
    if check:
        assert result.returncode == 0, result.stderr
    return result


def run_json(data, *args):
    return json.loads(run(data, *args, "--json").stdout)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode()

    @property
    def xml(self):
        return ET.fromstring(self.body)

    @property
    def app(self):
        return self.xml.find("app")

    @property
    def check(self):
        return self.app.find("updatecheck")


class Server:
    """A running server; its process belongs to us."""

    def __init__(self, data, *options):
        self.data = data
        self.log = open(pathlib.Path(data).parent / "server.log", "ab")
        self.process = subprocess.Popen(
            [PROGRAM, "serve", *where(data), "--listen=127.0.0.1:0", *options],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if ready else ""
        assert line.startswith("listening on http://127.0.0.1:"), line
        self.port = int(line.rstrip("/\n").rsplit(":", 1)[1])

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def socket(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def http(self, method, path, body=None, headers=None, connection=None):
        own = connection or self.connect()
        own.request(method, path, body=body, headers=headers or {})
        answer = Answer(own.getresponse())
        if not connection:
            own.close()
        return answer

    def get(self, path, **headers):
        return self.http("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, body, path="/v1/update/", **options):
        return self.http("POST", path, body=body, **options)

    def ask(self, inside="<updatecheck/>", app="", request="", **attributes):
        """One app in one request; keyword arguments are attributes of the app."""
        attributes = {"appid": "{App-1}", "version": "1.0", "machineid": "m1", **attributes}
        text = " ".join(f'{k}="{v}"' for k, v in attributes.items() if v is not None)
        return self.post(f'<?xml version="1.0" encoding="UTF-8"?><request protocol="3.0" {request}>'
                         f"<app {text} {app}>{inside}</app></request>")

    def wait_for(self, what, seconds=PATIENCE):
        """Until what() is true."""
        end = time.monotonic() + seconds
        while True:
            result = what()
            if result:
                return result
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.05)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        self.process.stdout.close()
        self.log.close()
        return self.process.returncode
