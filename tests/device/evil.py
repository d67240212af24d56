# SPDX-License-Identifier: Apache-2.0
"""A small HTTP server that does what servers should not do.

EvilServer(plan) answers the n-th request with plan[n] (the last one again and again): a function
that gets the handler. `server.requests` keeps what was asked. Listens on 127.0.0.1 only.
"""

import http.server
import socket
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        self.body = self.rfile.read(length)
        with self.server.lock:
            index = len(self.server.requests)
            self.server.requests.append(self)
        plan = self.server.plan
        self.close_connection = True
        try:
            plan[min(index, len(plan) - 1)](self)
        except (BrokenPipeError, ConnectionResetError):
            pass

    do_GET = do_POST = answer

    @property
    def offset(self):
        """First byte of the Range that was asked for, or None."""
        text = self.headers.get("Range")
        return int(text.removeprefix("bytes=").split("-")[0]) if text else None

    def head(self, status, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Connection", "close")
        self.end_headers()


class EvilServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *plan):
        super().__init__(("127.0.0.1", 0), Handler)
        self.plan = plan
        self.requests = []
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/payload"

    def handle_error(self, request, client_address):
        pass

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.shutdown()
        self.thread.join()
        self.server_close()


# ---- what a plan is made of ----


def file(data, cut=None):
    """The file, with Range as it should be; cut: close after so many bytes of the body."""
    def answer(handler):
        offset = handler.offset or 0
        body = data[offset:]
        if handler.offset is None:
            handler.head(200, Content_Length=len(body))
        else:
            handler.head(206, Content_Length=len(body),
                         Content_Range=f"bytes {offset}-{len(data) - 1}/{len(data)}")
        handler.wfile.write(body[:cut])
    return answer


def whole(data):
    """Range? Never heard of it."""
    def answer(handler):
        handler.head(200, Content_Length=len(data))
        handler.wfile.write(data)
    return answer


def status(code, **headers):
    def answer(handler):
        handler.head(code, Content_Length=0, **headers)
    return answer


def wrong_range(data):
    def answer(handler):
        offset = handler.offset or 0
        handler.head(206, Content_Range=f"bytes {offset + 1}-{len(data) - 1}/{len(data)}")
        handler.wfile.write(data[offset + 1:])
    return answer


def endless(handler):
    handler.head(200)
    while True:
        handler.wfile.write(b"x" * 65536)


def stuck(data, at):
    """Sends up to a byte, then nothing, and keeps the connection."""
    def answer(handler):
        offset = handler.offset or 0
        if handler.offset is None:
            handler.head(200, Content_Length=len(data))
        else:
            handler.head(206, Content_Range=f"bytes {offset}-{len(data) - 1}/{len(data)}")
        handler.wfile.write(data[offset:at])
        handler.wfile.flush()
        time.sleep(60)
    return answer


def redirect(location, code=302):
    def answer(handler):
        handler.head(code, Location=location, Content_Length=0)
    return answer


def redirect_to_self(handler):
    handler.head(302, Location=handler.path, Content_Length=0)


def xml(text):
    def answer(handler):
        body = text.encode()
        handler.head(200, Content_Type="text/xml", Content_Length=len(body))
        handler.wfile.write(body)
    return answer


def closed_port():
    """A URL where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}/payload"
