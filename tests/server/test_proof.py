# SPDX-License-Identifier: Apache-2.0
"""Signed answers: the server's signature by openssl's judgement, and the device behind a liar."""

import hashlib
import http.server
import subprocess
import threading
import urllib.parse

import pytest
from server_tools import BUILD

FETCH = BUILD.resolve() / "src/bin/swb-fetch/swb-fetch"
BODY = ('<request protocol="3.0"><app appid="{App-1}" version="1.0" machineid="m1"><updatecheck/>'
        "</app></request>")


def make_key(folder, name):
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private],
                   check=True, capture_output=True)
    subprocess.run(["openssl", "ec", "-in", private, "-pubout", "-out", public], check=True,
                   capture_output=True)
    return private, public


@pytest.fixture
def pair(tmp_path):
    return make_key(tmp_path, "one")


@pytest.fixture
def trusted(tmp_path, pair):
    """The device's folder of keys."""
    folder = tmp_path / "answer-keys"
    folder.mkdir()
    (folder / "7.pem").write_bytes(pair[1].read_bytes())
    return folder


def verify(public, request, answer, cup2key, proof, tmp_path):
    """As the protocol says, by openssl: the signature is over SHA-256 of this D."""
    signature, request_hash = proof.split(":")
    assert request_hash == hashlib.sha256(request).hexdigest()
    message = hashlib.sha256(request).digest() + hashlib.sha256(answer).digest() + cup2key.encode()
    (tmp_path / "d").write_bytes(hashlib.sha256(message).digest())
    (tmp_path / "sig").write_bytes(bytes.fromhex(signature))
    return subprocess.run(["openssl", "dgst", "-sha256", "-verify", public, "-signature",
                           tmp_path / "sig", tmp_path / "d"], capture_output=True,
                          check=False).returncode == 0


def ask(server, cup2key, body=BODY):
    query = urllib.parse.urlencode({"cup2key": cup2key, "cup2hreq": "00"})
    return server.post(body, path=f"/v1/update/?{query}")


def test_signature(serve, publish, pair, tmp_path):
    publish("2.0")
    other = make_key(tmp_path, "two")
    server = serve(f"--answer-key=7:{pair[0]}", f"--answer-key=8:{other[0]}")
    for key, public in ((7, pair[1]), (8, other[1])):
        # Once promised through the writer, once not.
        for machine in ("m1", ""):
            body = BODY.replace("m1", machine)
            answer = ask(server, f"{key}:a_b-C", body)
            proof = answer.headers["X-Cup-Server-Proof"]
            assert answer.status == 200 and answer.headers["ETag"] == f'W/"{proof}"'
            assert verify(public, body.encode(), answer.body, f"{key}:a_b-C", proof, tmp_path)
            assert not verify(public, body.encode(), answer.body, f"{key}:a_b-D", proof, tmp_path)
    assert server.post(BODY).headers["X-Cup-Server-Proof"] is None


@pytest.mark.parametrize("cup2key", ["9:x", "x", "7:", "", "7:" + "n" * 200])
def test_unknown_keys(serve, publish, data, pair, cup2key):
    publish("2.0")
    assert ask(serve(f"--answer-key=7:{pair[0]}"), cup2key).status == 400


def test_no_keys_at_all(serve, publish):
    publish("2.0")
    answer = ask(serve(), "7:x")
    assert answer.status == 200 and answer.headers["X-Cup-Server-Proof"] is None


class Liar(threading.Thread):
    """Passes requests on and does to the answers what it likes."""

    def __init__(self, server):
        super().__init__(daemon=True)
        outer, self.twist, self.seen = self, lambda status, headers, body: (status, headers, body), []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = server.post(body, path=self.path)
                headers = {k: v for k, v in answer.headers.items()
                           if k in ("X-Cup-Server-Proof", "ETag", "Content-Type")}
                outer.seen.append((answer.status, headers, answer.body))
                status, headers, body = outer.twist(answer.status, dict(headers), answer.body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.http = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1/update/"
        self.start()

    def run(self):
        self.http.serve_forever(poll_interval=0.05)

    def stop(self):
        self.http.shutdown()
        self.http.server_close()
        self.join()


@pytest.fixture
def liar(serve, publish, pair):
    publish("2.0")
    proxy = Liar(serve(f"--answer-key=7:{pair[0]}"))
    yield proxy
    proxy.stop()


def fetch(liar, trusted, verb="check", *options):
    return subprocess.run([FETCH, verb, f"--url={liar.url}", "--app-id={App-1}", "--device-id=m1",
                           "--current-version=1.0", f"--answer-keys={trusted}", *options],
                          capture_output=True, text=True, timeout=60, check=False)


def test_device_believes_the_server(liar, trusted):
    result = fetch(liar, trusted)
    assert result.returncode == 0, result.stderr
    assert "VERSION=2.0" in result.stdout
    assert fetch(liar, trusted, "report", "--event=13:1").returncode == 0


@pytest.mark.parametrize("name, twist", [
    ("altered", lambda s, h, b: (s, h, b.replace(b'"ok"', b'"no"'))),
    ("unsigned", lambda s, h, b: (s, {}, b)),
    ("only an entity tag", lambda s, h, b: (s, {"ETag": h["ETag"]}, b)),
    ("nonsense", lambda s, h, b: (s, {**h, "X-Cup-Server-Proof": "a:b"}, b)),
    ("longer", lambda s, h, b: (s, h, b + b" ")),
    ("not xml at all", lambda s, h, b: (s, h, b"hello")),
])
def test_device_refuses(liar, trusted, name, twist):
    liar.twist = twist
    for verb in (("check",), ("report", "--event=13:1")):
        result = fetch(liar, trusted, *verb)
        assert result.returncode == 1 and "VERSION" not in result.stdout, name
        assert "the server's answer" in result.stderr or "signed" in result.stderr, result.stderr


def test_device_refuses_an_old_answer(liar, trusted):
    assert fetch(liar, trusted).returncode == 0
    old = liar.seen[0]
    liar.twist = lambda *new: old
    result = fetch(liar, trusted)
    assert result.returncode == 1 and "replayed" in result.stderr
    # Not even with this request's hash in the proof.
    def mix(status, headers, body):
        fresh = headers["X-Cup-Server-Proof"].split(":")[1]
        stale = old[1]["X-Cup-Server-Proof"].split(":")[0]
        return old[0], {"X-Cup-Server-Proof": f"{stale}:{fresh}"}, old[2]
    liar.twist = mix
    result = fetch(liar, trusted)
    assert result.returncode == 1 and "replayed" in result.stderr


def test_keys_are_changed(serve, publish, trusted, pair, tmp_path):
    publish("2.0")
    private, public = make_key(tmp_path, "new")
    proxy = Liar(serve(f"--answer-key=7:{pair[0]}", f"--answer-key=8:{private}"))
    try:
        assert fetch(proxy, trusted).returncode == 0
        (trusted / "8.pem").write_bytes(public.read_bytes())
        assert fetch(proxy, trusted).returncode == 0
        # A key of the right number, but another one.
        (trusted / "8.pem").write_bytes(pair[1].read_bytes())
        assert fetch(proxy, trusted).returncode == 1
    finally:
        proxy.stop()
