# SPDX-License-Identifier: Apache-2.0
"""What lies between device and server: counts payload bytes, slows them down, damages them, fails.

    proxy = Proxy().start()
    proxy.upstream = server.port       all requests go there
    proxy.rate = 5 << 20               payload bytes a second
    proxy.flip = 123456                this byte of every payload arrives wrong
    proxy.cut_at = 100000              connections break when this byte of a payload comes
    proxy.refuse()                     connections break, and nobody listens any more
    proxy.busy = (503, 30)             status and Retry-After for whatever `busy_for` matches
"""

import http.client
import http.server
import re
import socket
import threading
import time

PIECE = 16384
PAYLOADS = "/payloads/"
SEND_BUFFER = 65536  # small, so that what was counted is about what the device got
TIMEOUT = 60


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT

    def setup(self):
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        super().setup()

    def log_message(self, *args):
        pass

    def forward(self):
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        proxy = self.server.proxy
        try:
            if proxy.busy and proxy.busy_for in self.path:
                self.say_busy(*proxy.busy)
            else:
                self.pass_on(proxy, body)
        except (OSError, http.client.HTTPException):
            pass  # either side went away; the other one sees it

    do_GET = do_POST = do_HEAD = forward

    def say_busy(self, status, retry_after):
        self.server.proxy.refused_at = time.monotonic()
        self.send_response(status)
        self.send_header("Retry-After", str(retry_after))
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def pass_on(self, proxy, body):
        connection = http.client.HTTPConnection("127.0.0.1", proxy.upstream, timeout=TIMEOUT)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
            connection.request(self.command, self.path, body=body or None, headers=headers)
            self.answer(proxy, connection.getresponse())
        finally:
            connection.close()

    def answer(self, proxy, response):
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        if not self.path.startswith(PAYLOADS):
            self.wfile.write(response.read())
            return
        part = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        proxy.send_payload(self, response, int(part.group(1)) if part else 0)


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, *args):
        self.open = set()
        super().__init__(*args)

    def process_request(self, request, client_address):
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.open.discard(request)
        super().shutdown_request(request)

    def hang_up(self):
        for request in list(self.open):
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # over meanwhile

    def handle_error(self, request, client_address):
        pass


class Proxy:
    def __init__(self):
        self.lock = threading.Lock()
        self.listener = self.thread = None
        self.port = 0
        self.upstream = None
        self.requests = []  # first byte of each payload request that was answered
        self.answered_at = []  # when; time.monotonic()
        self.refused_at = None  # when the last request was told to come later
        self.reset()

    def reset(self):
        """No faults, full speed; counts from 0."""
        self.rate, self.flip, self.cut_at = 0, None, None
        self.busy, self.busy_for = None, ""
        self.n_bytes = 0
        self.requests.clear()
        self.answered_at.clear()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        """Listens, on the port of the last time if there was one."""
        self.listener = Listener(("127.0.0.1", self.port), Handler)
        self.listener.proxy = self
        self.port = self.listener.server_address[1]
        self.thread = threading.Thread(target=self.listener.serve_forever,
                                       kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        return self

    def refuse(self):
        self.listener.shutdown()
        self.thread.join()
        self.listener.hang_up()
        self.listener.server_close()
        self.listener = None

    def stop(self):
        if self.listener:
            self.refuse()

    # ---- payloads ----

    def count(self, n):
        with self.lock:
            self.n_bytes += n

    def damage(self, offset, piece):
        if self.flip is None or not offset <= self.flip < offset + len(piece):
            return piece
        piece = bytearray(piece)
        piece[self.flip - offset] ^= 0x40
        return piece

    def send_payload(self, handler, response, offset):
        with self.lock:
            self.requests.append(offset)
            self.answered_at.append(time.monotonic())
        begin, n_sent = time.monotonic(), 0
        while piece := response.read(PIECE):
            if self.cut_at is not None and offset + len(piece) > self.cut_at:
                return
            handler.wfile.write(self.damage(offset, piece))
            offset += len(piece)
            n_sent += len(piece)
            self.count(len(piece))
            ahead = n_sent / self.rate - (time.monotonic() - begin) if self.rate else 0
            if ahead > 0:
                time.sleep(ahead)
