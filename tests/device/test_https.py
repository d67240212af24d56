# SPDX-License-Identifier: Apache-2.0
"""swb-fetch over TLS: whom it believes."""

import ssl
import subprocess

import pytest
from evil import EvilServer, file, redirect
from messages import Control

DATA = b"payload" * 1000


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A private authority and a server certificate for 127.0.0.1: (ca, cert, key)."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True, timeout=60)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem",
            "-out", "request.pem", "-subj", "/CN=server")
    (folder / "extensions").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", "extensions", "-out", "cert.pem")
    return folder / "ca.pem", folder / "cert.pem", folder / "key.pem"


class TlsServer(EvilServer):
    def __init__(self, certificates, *plan):
        super().__init__(*plan)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates[1], certificates[2])
        self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def url(self):
        return super().url.replace("http:", "https:")


def get(program, url, *args):
    with Control() as control:
        result = program("swb-fetch", "get", f"--url={url}", f"--size={len(DATA)}", "--retries=0",
                         *args, control.option, pass_fds=control.pass_fds)
        return result, control.messages()[-1]


def test_a_trusted_server(program, certificates):
    with TlsServer(certificates, file(DATA)) as server:
        result, outcome = get(program, server.url, f"--ca-file={certificates[0]}", "--offset=100")
    assert outcome["RESULT"] == "ok" and result.stdout == DATA[100:]


def test_a_stranger(program, certificates):
    with TlsServer(certificates, file(DATA)) as server:
        result, outcome = get(program, server.url)
    assert result.returncode == 1 and result.stdout == b""
    assert outcome["FAULT"] == "network" and "certificate" in outcome["TEXT"]
    assert not server.requests


def test_another_name(program, certificates):
    with TlsServer(certificates, file(DATA)) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        result, outcome = get(program, url, f"--ca-file={certificates[0]}")
    assert result.returncode == 1 and outcome["FAULT"] == "network"
    assert not server.requests


def test_no_way_back_to_http(program, certificates):
    with EvilServer(file(DATA)) as plain, TlsServer(certificates, redirect(plain.url)) as server:
        result, outcome = get(program, server.url, f"--ca-file={certificates[0]}")
    assert result.returncode == 1 and outcome["FAULT"] == "protocol"
    assert not plain.requests


def test_a_missing_ca_file(program, certificates):
    with TlsServer(certificates, file(DATA)) as server:
        result, outcome = get(program, server.url, "--ca-file=/nonexistent.pem")
    assert result.returncode == 1 and outcome["FAULT"] == "config"
    assert "/nonexistent.pem" in outcome["TEXT"]
