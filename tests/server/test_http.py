# SPDX-License-Identifier: Apache-2.0
"""Downloads with ranges, and every kind of client that means no good."""

import concurrent.futures
import resource
import socket
import time

import pytest

GOOD = '<request protocol="3.0"><app appid="app-1"><updatecheck/></app></request>'


def raw(server, data, *, shut=False):
    """Sends bytes as they are; everything that comes back until the server closes."""
    with server.socket() as s:
        try:
            s.sendall(data)
            if shut:
                s.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it had enough before the end
        out = b""
        while chunk := s.recv(65536):
            out += chunk
        return out


def status_of(data):
    return int(data.split(b" ", 2)[1]) if data.startswith(b"HTTP/") else None


# Downloads

def test_whole_file(fleet):
    answer = fleet.get("/payloads/" + fleet.full.sha256)
    assert (answer.status, answer.body) == (200, fleet.full.bytes)
    assert answer.headers["ETag"] == f'"{fleet.full.sha256}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "immutable" in answer.headers["Cache-Control"]


def test_by_name(fleet):
    answer = fleet.get("/payloads/full-2.0.bin")
    assert (answer.status, answer.body) == (200, fleet.full.bytes)
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["ETag"] == f'"{fleet.full.sha256}"'


@pytest.mark.parametrize("header, first, last", [
    ("bytes=0-", 0, None), ("bytes=100-", 100, None), ("bytes=100-199", 100, 199),
    ("bytes=0-0", 0, 0), ("bytes=-10", -10, None), ("bytes=5-99999999", 5, None),
])
def test_range(fleet, header, first, last):
    content = fleet.full.bytes
    size = len(content)
    first = first if first >= 0 else size + first
    last = size - 1 if last is None else last
    answer = fleet.get("/payloads/" + fleet.full.sha256, Range=header)
    assert answer.status == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
    assert answer.headers["Content-Length"] == str(last - first + 1)
    assert answer.body == content[first:last + 1]


def test_range_at_every_offset_puts_the_file_together(fleet):
    connection = fleet.connect()
    content, step = fleet.full.bytes, 1000
    got = b""
    for offset in range(0, len(content), step):
        answer = fleet.http("GET", "/payloads/" + fleet.full.sha256, connection=connection,
                            headers={"Range": f"bytes={offset}-{offset + step - 1}"})
        assert answer.status == 206
        got += answer.body
    assert got == content


@pytest.mark.parametrize("header", ["bytes=999999999-", "bytes=-0"])
def test_unsatisfiable(fleet, header):
    answer = fleet.get("/payloads/" + fleet.full.sha256, Range=header)
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(fleet.full.bytes)}"


@pytest.mark.parametrize("header", ["bytes=5-6,1-2", "bytes=z", "octets=1-2", "bytes=9-3"])
def test_ranges_that_are_not_taken_give_the_whole(fleet, header):
    answer = fleet.get("/payloads/" + fleet.full.sha256, Range=header)
    assert (answer.status, answer.body) == (200, fleet.full.bytes)


def test_several_ranges(fleet):
    """One part each, in the order of the request; what a 206 without Content-Range is, the type says."""
    content = fleet.full.bytes
    answer = fleet.get("/payloads/" + fleet.full.sha256, Range="bytes=1-2,5-600,700-700")
    assert answer.status == 206 and "Content-Range" not in answer.headers
    kind, _, boundary = answer.headers["Content-Type"].partition("; boundary=")
    assert kind == "multipart/byteranges" and boundary
    parts = answer.body.split(f"\r\n--{boundary}".encode())
    assert parts[0] == b"" and parts[-1] == b"--\r\n"
    for part, (first, last) in zip(parts[1:-1], ((1, 2), (5, 600), (700, 700)), strict=True):
        head, _, body = part.partition(b"\r\n\r\n")
        assert f"Content-Range: bytes {first}-{last}/{len(content)}".encode() in head
        assert body == content[first:last + 1]


def test_conditions(fleet):
    path, etag = "/payloads/" + fleet.full.sha256, f'"{fleet.full.sha256}"'
    for value in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = fleet.get(path, If_None_Match=value)
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", etag)
    assert fleet.get(path, If_None_Match='"other"').status == 200
    assert fleet.get(path, If_Range=etag, Range="bytes=5-6").status == 206
    for value in ('"other"', f"W/{etag}", "Wed, 01 May 2024 12:00:00 GMT"):
        assert fleet.get(path, If_Range=value, Range="bytes=5-6").status == 200


def test_head(fleet):
    answer = fleet.http("HEAD", "/payloads/" + fleet.full.sha256, headers={"Range": "bytes=1-2"})
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(fleet.full.bytes))


@pytest.mark.parametrize("path", [
    "/payloads/", "/payloads/none", "/payloads/" + "0" * 64, "/payloads/../server.db",
    "/payloads/%2e%2e/server.db", "/payloads/lock", "/payloads//etc/passwd", "/nothing",
    "/payloads/%00", "/server.db", "/payloads/full-2.0.bin/", "//", "/api/v1/",
    "/api/v1/passwords",
])
def test_nothing_there(fleet, path):
    assert fleet.get(path).status == 404


def test_large_file_while_others_ask(serve, publish):
    payload = publish("2.0", n_blocks=5000)  # 20 MB
    server = serve()
    with server.socket() as slow:
        slow.sendall(f"GET /payloads/{payload.sha256} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert slow.recv(1000).startswith(b"HTTP/1.1 200")
        for _ in range(20):  # nobody reads the rest, and that is nobody's problem
            assert server.ask().check.get("status") == "ok"
    assert server.get("/payloads/" + payload.sha256).body == payload.bytes


# Bad input

@pytest.mark.parametrize("body, reason", [
    ("", "no element found"),
    ("<request", "unclosed token"),
    ("<request protocol='3.0'><app appid='a'></request>", "mismatched tag"),
    ("<request protocol='3.0'><app/></request>", "has no appid"),
    ("<request/>", "protocol"),
    ("<request protocol='2.0'/>", "protocol '2.0'"),
    ("<response protocol='3.0'/>", "root element is 'response'"),
    ('{"request":{"protocol":"3.1"}}', "not well-formed"),
    ("<?xml version='1.0' encoding='latin1'?><request protocol='3.0'/>", "encoding"),
    ("<!DOCTYPE request><request protocol='3.0'/>", "document type"),
    ("<!DOCTYPE r [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;&a;&a;'>]><request>&b;</request>",
     "document type"),
    ("<!DOCTYPE r SYSTEM 'http://127.0.0.1:1/x.dtd'><request/>", "document type"),
    ("<request protocol='3.0'>" + "<a>" * 20 + "</a>" * 20 + "</request>", "nested deeper"),
    ("<request protocol='3.0'>" + "<app appid='a'/>" * 65 + "</request>", "more than 64 apps"),
    ("<request protocol='3.0'><app appid='a'>" + "<event/>" * 65 + "</app></request>",
     "more than 64 events"),
    ("<request protocol='3.0'><app " + " ".join(f"a{i}=''" for i in range(65)) + "/></request>",
     "more than 64 attributes"),
    ("<request protocol='3.0'><app appid='" + "x" * 4097 + "'/></request>", "longer than 4096"),
    (bytes(range(1, 256)), "not well-formed"),
    ("<request protocol='3.0'/>".encode("utf-16"), "not UTF-8"),
    ("<request protocol='3.0'/>".encode("utf-16-be"), "not UTF-8"),
    (b"<request protocol='3.0'><app appid='\xe4'/></request>", "not well-formed"),
    (b"\x00" * 1000, "not UTF-8"),
], ids=range(22))
def test_bad_bodies(fleet, body, reason):
    answer = fleet.post(body)
    assert answer.status == 400
    assert reason in answer.text
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert fleet.post(GOOD).status == 200


def test_too_large(fleet):
    assert fleet.post(GOOD + " " * (65536 - len(GOOD))).status == 200
    assert fleet.post(GOOD + " " * (65537 - len(GOOD))).status == 413
    chunked = b"".join(b"1000\r\n" + b"a" * 4096 + b"\r\n" for _ in range(20)) + b"0\r\n\r\n"
    head = b"POST /update HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert status_of(raw(fleet, head + chunked)) == 413
    for length in (b"99999999999999999999", b"-1", b"9223372036854775807"):
        answer = raw(fleet, b"POST /update HTTP/1.1\r\nHost: x\r\nContent-Length: " + length +
                     b"\r\n\r\nx", shut=True)
        assert status_of(answer) in (400, 413, None)
    assert fleet.post(GOOD).status == 200


def test_endless_body_is_cut_off(fleet):
    head = b"POST /update HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"8000\r\n" + b"a" * 32768 + b"\r\n"
    with fleet.socket() as s:
        s.sendall(head)
        with pytest.raises(OSError):
            for _ in range(3000):  # about 100 MB
                s.sendall(chunk)
    assert fleet.post(GOOD).status == 200


@pytest.mark.parametrize("request_bytes", [
    b"\r\n\r\n", b"GET\r\n\r\n", b"\x00\x01\x02\x03\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"H%d: v\r\n" % i for i in range(5000)) + b"\r\n",
    b"POST /update HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    b"POST /update HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
], ids=range(8))
def test_bad_http(serve, publish, request_bytes):
    publish("2.0")
    server = serve("--timeout=1")
    try:
        assert status_of(raw(server, request_bytes, shut=True)) not in (200, 206)
    except ConnectionResetError:
        pass
    assert server.post(GOOD).status == 200


@pytest.mark.parametrize("method, path, allow", [
    ("GET", "/v1/update/", "POST"), ("PUT", "/update", "POST"), ("DELETE", "/healthz", "GET, HEAD"),
    ("POST", "/healthz", "GET, HEAD"), ("POST", "/payloads/x", "GET, HEAD"),
    ("PATCH", "/nothing", "GET, HEAD"),
])
def test_methods(fleet, method, path, allow):
    answer = fleet.http(method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, allow)


def test_host_is_not_trusted(fleet):
    """What comes from the Host header goes into the answer's URL only if it looks like a host."""
    connection = fleet.connect()
    connection.putrequest("POST", "/update", skip_host=True)
    connection.putheader("Host", 'evil"><x y="')
    connection.putheader("Content-Length", str(len(GOOD)))
    connection.endheaders(GOOD.encode())
    answer = connection.getresponse().read()
    assert b"evil" not in answer
    assert f"http://127.0.0.1:{fleet.port}/payloads/".encode() in answer


# Slow and many

def test_drip_feeding_is_bounded(serve, publish):
    """One byte at a time keeps no connection for longer than the time-out: head, body, and idle."""
    publish("2.0")
    server = serve("--timeout=1")
    starts = [b"POST /update HTTP/1.1\r\nHost: x\r\nX-Slow: ",
              b"POST /update HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n<request a='",
              b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"]
    sockets = [server.socket() for _ in starts]
    for s, start in zip(sockets, starts):
        s.sendall(start)
    begin = time.monotonic()
    open_ones = set(sockets)
    while open_ones and time.monotonic() - begin < 20:
        for s in list(open_ones):
            try:
                s.sendall(b"a")
                s.setblocking(False)
                if s.recv(1000) == b"":
                    open_ones.discard(s)
            except BlockingIOError:
                pass
            except OSError:
                open_ones.discard(s)
            finally:
                s.setblocking(True)
        time.sleep(0.2)
    assert not open_ones
    assert time.monotonic() - begin < 10
    for s in sockets:
        s.close()
    assert server.post(GOOD).status == 200


def test_thousand_connections(serve, publish):
    """More clients than places: those over the limit wait or are dropped, the server lives on."""
    resource.setrlimit(resource.RLIMIT_NOFILE,
                       (min(4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
                        resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    publish("2.0")
    server = serve("--timeout=3", "--max-connections=200")
    sockets = []
    for _ in range(1000):
        s = socket.socket()
        s.settimeout(20)
        s.connect(("127.0.0.1", server.port))
        sockets.append(s)
    request = (f"POST /update HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(GOOD)}"
               f"\r\n\r\n{GOOD}").encode()

    def talk(s):
        try:
            s.sendall(request)
            return status_of(s.recv(65536))
        except OSError:
            return None
        finally:
            s.close()

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        results = list(pool.map(talk, sockets))
    assert results.count(200) >= 200
    assert set(results) <= {200, None}
    assert server.post(GOOD).status == 200
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as file:
        threads = next(int(line.split()[1]) for line in file if line.startswith("Threads:"))
    assert threads < 20


def test_connections_per_address(serve):
    server = serve("--max-connections-per-ip=3", "--timeout=5")
    held = [server.connect() for _ in range(3)]
    for connection in held:
        assert server.http("GET", "/healthz", connection=connection).status == 200
    with pytest.raises(OSError):
        server.get("/healthz")
    for connection in held:
        connection.close()
    server.wait_for(lambda: tries(server))


def tries(server):
    try:
        return server.get("/healthz").status == 200
    except OSError:
        return False


def test_keep_alive(fleet):
    connection = fleet.connect()
    for _ in range(50):
        assert fleet.http("POST", "/update", body=GOOD, connection=connection).status == 200
    assert connection.sock is not None


def test_pipelined(fleet):
    one = f"POST /update HTTP/1.1\r\nHost: x\r\nContent-Length: {len(GOOD)}\r\n\r\n{GOOD}".encode()
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = raw(fleet, one * 5 + last)
    assert answer.count(b"HTTP/1.1 200") == 6


def test_mirrors_and_redirects(serve, publish):
    """Near mirrors come first; a proxy that is trusted sends the files itself."""
    full = publish("2.0")
    server = serve("--mirror=127.0.0.0/8=http://near.example/p/", "--base-url=http://cdn.example/p",
                   "--mirror=10.9.0.0/16=http://far.example/p/", "--trusted-proxy=127.0.0.1",
                   "--accel-redirect=/internal/")
    urls = [u.get("codebase") for u in server.ask().check.findall("urls/url")]
    assert urls == ["http://near.example/p/", "http://cdn.example/p/"]
    body = ('<request protocol="3.0"><app appid="{App-1}" version="1.0" machineid="m9">'
            "<updatecheck/></app></request>")
    check = server.post(body, headers={"X-Forwarded-For": "1.1.1.1, 10.9.1.1"}).check
    assert [u.get("codebase") for u in check.findall("urls/url")] == [
        "http://far.example/p/", "http://cdn.example/p/"]
    answer = server.get(f"/payloads/{full.sha256}")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["X-Accel-Redirect"] == f"/internal/{full.sha256}"
    assert answer.headers["ETag"] == f'"{full.sha256}"'
    assert server.get("/payloads/" + "0" * 64).status == 404
    plain = serve("--accel-redirect=/internal/")
    assert plain.get(f"/payloads/{full.sha256}").body == full.bytes
