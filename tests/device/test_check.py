# SPDX-License-Identifier: Apache-2.0
"""swb-fetch check and report: what is asked, what of the answer is handed on, what is refused."""

import base64
import hashlib
import xml.etree.ElementTree as ET

import pytest
from evil import EvilServer, closed_port, endless, redirect, redirect_to_self, status, xml
from messages import Control, parse

SHA = hashlib.sha256(b"payload").digest()
DEVICE = ("--app-id={11111111-2222-3333-4444-555555555555}", "--device-id=unit-7",
          "--current-version=1.2.3")
APPID = "{11111111-2222-3333-4444-555555555555}"

OFFER = f"""<response protocol="3.0" server="test"><daystart elapsed_seconds="81" elapsed_days="7000"/>
<app appid="{APPID}" status="ok" cohort="1:2" cohorthint="" cohortname="Group A"><event status="ok"/><ping status="ok"/>
<updatecheck status="ok" PollInterval="3600"><urls><url codebase="http://a.example/x/"/><url codebase="https://b.example/y"/></urls>
<manifest version="1.3.0"><packages><package name="p-1.3.payload" size="123456" hash_sha256="{SHA.hex()}" required="true"/></packages>
<actions><action event="postinstall" sha256="{base64.b64encode(SHA).decode()}" IsDeltaPayload="true" MetadataSize="1234"
 MetadataSignatureRsa="c2ln" deadline="now" MaxFailureCountPerUrl="5" DisablePayloadBackoff="true"/></actions></manifest>
</updatecheck></app></response>"""

NOUPDATE = f"""<response protocol="3.0"><daystart elapsed_seconds="5"/><app appid="{APPID}" status="ok">
<updatecheck status="noupdate" info="rollout is paused" PollInterval="7200"/></app></response>"""

REPORTED = f"""<response protocol="3.0"><app appid="{APPID}" status="ok"><event status="ok"/></app></response>"""


def ask(program, url, *args, verb="check", **options):
    return program("swb-fetch", verb, f"--url={url}", *DEVICE, *args, **options)


def request_of(server):
    return ET.fromstring(server.requests[-1].body)


def test_request(program):
    with EvilServer(xml(NOUPDATE)) as server:
        result = ask(program, server.url, "--channel=beta", "--hardware-class=hw<1>", "--board=b&d",
                     "--cohort=1:2", "--cohort-hint=", "--ping-active-day=6999", "--ping-day=-1",
                     "--reads=1004 26 9 gzip")
    assert result.returncode == 0, result.stderr
    headers = server.requests[0].headers
    assert server.requests[0].command == "POST"
    assert headers["Content-Type"] == "text/xml"
    assert headers["X-Goog-Update-Interactivity"] == "bg"
    assert headers["X-Goog-Update-AppId"] == APPID
    root = request_of(server)
    assert root.tag == "request" and root.get("protocol") == "3.0"
    assert root.get("installsource") == "scheduler" and len(root.get("requestid")) >= 32
    app = root.find("app")
    assert app.get("appid") == APPID and app.get("version") == "1.2.3"
    assert app.get("track") == "beta" and app.get("machineid") == "unit-7"
    assert app.get("hardware_class") == "hw<1>" and app.get("board") == "b&d"
    assert app.get("delta_okay") == "true"
    assert app.get("cohort") == "1:2" and app.get("_reads") == "1004 26 9 gzip"
    assert app.find("updatecheck") is not None and app.find("event") is None
    ping = app.find("ping")
    assert ping.get("active") == "1" and ping.get("ad") == "6999" and ping.get("rd") == "-1"


def test_request_of_a_person_for_a_full_payload(program):
    with EvilServer(xml(NOUPDATE)) as server:
        assert ask(program, server.url, "--interactive", "--no-delta").returncode == 0
        first = request_of(server).get("requestid")
        assert ask(program, server.url, "--interactive", "--no-delta").returncode == 0
    assert server.requests[0].headers["X-Goog-Update-Interactivity"] == "fg"
    root = request_of(server)
    assert root.get("installsource") == "ondemandupdate"
    assert root.get("requestid") != first
    assert root.find("app").get("delta_okay") == "false"


def test_events_go_with_the_check(program):
    with EvilServer(xml(NOUPDATE)) as server:
        result = ask(program, server.url, "--event=54:1::1.1", "--event=3:0:-9::1.4:B:hash:op 3: a: b",
                     "--previous-version=1.0")
    assert result.returncode == 0, result.stderr
    app = request_of(server).find("app")
    assert {child.tag for child in app} >= {"ping", "updatecheck", "event"}
    first, second = app.findall("event")
    assert (first.get("eventtype"), first.get("eventresult")) == ("54", "1")
    assert first.get("previousversion") == "1.1"
    assert second.get("errorcode") == "-9" and second.get("previousversion") == "1.0"
    assert second.get("nextversion") == "1.4" and second.get("_fault") == "hash"
    assert second.get("_text") == "op 3: a: b" and second.get("_slot") == "B"


def test_report(program):
    with EvilServer(xml(REPORTED)) as server, Control() as control:
        result = ask(program, server.url, "--event=13:1", "--event=14:1", control.option,
                     verb="report", pass_fds=control.pass_fds)
        messages = control.messages()
    assert result.returncode == 0, result.stderr
    assert messages == [{"TYPE": "outcome", "RESULT": "ok", "HTTP_STATUS": "200"}]
    app = request_of(server).find("app")
    assert [e.get("eventtype") for e in app.findall("event")] == ["13", "14"]
    assert app.find("updatecheck") is None and app.find("ping") is None


OFFERED = {
    "STATUS": "ok", "VERSION": "1.3.0", "URL_COUNT": "2", "URL_0": "http://a.example/x/p-1.3.payload",
    "URL_1": "https://b.example/y/p-1.3.payload", "SIZE": "123456", "SHA256": SHA.hex(), "DELTA": "true",
    "METADATA_SIZE": "1234", "METADATA_SIGNATURE": "c2ln", "DEADLINE": "now", "POLL_INTERVAL": "3600",
    "MAX_FAILURES": "5", "DISABLE_BACKOFF": "true", "COHORT": "1:2", "COHORT_HINT": "",
    "COHORT_NAME": "Group A", "DAYSTART_SECONDS": "81", "DAYSTART_DAYS": "7000"}


def test_offer_as_message_and_for_a_person(program):
    with EvilServer(xml(OFFER)) as server, Control() as control:
        assert ask(program, server.url, control.option, pass_fds=control.pass_fds).returncode == 0
        messages = control.messages()
        result = ask(program, server.url)
    assert messages == [{"TYPE": "outcome", "RESULT": "ok", "HTTP_STATUS": "200", **OFFERED}]
    assert parse(result.stdout) == OFFERED


def test_no_update(program):
    with EvilServer(xml(NOUPDATE)) as server:
        result = ask(program, server.url)
    assert parse(result.stdout) == {"STATUS": "noupdate", "INFO": "rollout is paused",
                                    "POLL_INTERVAL": "7200", "DAYSTART_SECONDS": "5"}


def failure(program, *plan, args=()):
    with EvilServer(*plan) as server, Control() as control:
        result = ask(program, server.url, control.option, *args, pass_fds=control.pass_fds)
        messages = control.messages()
    assert result.returncode == 1
    assert len(messages) == 1 and messages[0]["RESULT"] == "failed"
    assert "STATUS" not in messages[0] and messages[0]["TEXT"]
    return messages[0]


def test_http_errors(program):
    message = failure(program, status(503, Retry_After=600))
    assert message["FAULT"] == "http" and message["HTTP_STATUS"] == "503"
    assert message["RETRY_AFTER"] == "600"
    message = failure(program, status(429, X_Retry_After=50))
    assert message["HTTP_STATUS"] == "429" and message["RETRY_AFTER"] == "50"
    assert failure(program, status(404))["HTTP_STATUS"] == "404"


@pytest.mark.parametrize("body", [
    "",
    "<html><body>Please log in</body></html>",
    "{}",
    OFFER[:-20],
    '<!DOCTYPE r [<!ENTITY a "b">]>' + OFFER,
    OFFER.replace(APPID, "other"),
    OFFER.replace('updatecheck status="ok"', 'updatecheck status="error-internal"'),
    OFFER.replace('size="123456"', 'size="-1"'),
    OFFER.replace(SHA.hex(), "00" * 32),
    OFFER.replace("http://a.example/x/", "file:///etc/").replace("https://b.example/y", "ftp://b"),
    REPORTED,
    "<response protocol='3.0'>" + "<a>" * 100 + "</a>" * 100 + "</response>",
    "<response protocol='3.0'>" + "<!-- long -->" * 40000 + "</response>",
], ids=["empty", "html", "json", "cut", "doctype", "other-app", "server-error", "size", "hash-differs",
        "urls", "no-offer", "deep", "long"])
def test_bad_answers(program, body):
    assert failure(program, xml(body))["FAULT"] == "protocol"


def test_endless_answer(program):
    assert failure(program, endless)["FAULT"] == "protocol"


def test_redirect_circle(program):
    assert failure(program, redirect_to_self)["FAULT"] == "protocol"


def test_redirect_keeps_the_question(program):
    with EvilServer(xml(NOUPDATE)) as good:
        with EvilServer(redirect(good.url, 301)) as server:
            assert ask(program, server.url).returncode == 0
    assert good.requests[0].command == "POST" and request_of(good).find("app") is not None


def test_no_server(program):
    result = ask(program, closed_port())
    assert result.returncode == 1 and result.stdout == b""


def test_texts_that_could_break_out(program):
    """What the server says becomes one line, whatever it holds."""
    evil = OFFER.replace("Group A", "x&#10;VERSION=6.6.6&#10;TYPE=need")
    with EvilServer(xml(evil)) as server, Control() as control:
        result = ask(program, server.url, control.option, pass_fds=control.pass_fds)
        messages = control.messages()
    if result.returncode == 0:
        assert messages[0]["VERSION"] == "1.3.0" and messages[0]["TYPE"] == "outcome"
    else:
        assert messages[0]["RESULT"] == "failed"


def test_an_app_id_that_would_be_two_headers(program):
    with EvilServer(xml(NOUPDATE)) as server:
        result = program("swb-fetch", "check", f"--url={server.url}", "--app-id=a\r\nX-Evil: 1",
                         "--device-id=d", "--current-version=1")
    assert result.returncode != 0 and not server.requests


def test_many_long_urls_leave_room_for_the_rest(program):
    urls = "".join(f'<url codebase="http://{i}.example/{"y" * 3000}/"/>' for i in range(12))
    offer = OFFER.replace('<url codebase="http://a.example/x/"/>', urls)
    with EvilServer(xml(offer)) as server, Control() as control:
        result = ask(program, server.url, control.option, pass_fds=control.pass_fds)
        message = control.messages()[0]
    assert result.returncode == 0, result.stderr
    assert 1 <= int(message["URL_COUNT"]) < 12 and message["SHA256"] == SHA.hex()
    assert f"URL_{int(message['URL_COUNT']) - 1}" in message


@pytest.mark.parametrize("event", ["", "3", "3:", "x:1", "3:1:y", "3:1:::::no-such-fault", "-1:1"])
def test_events_of_a_wrong_form(program, event):
    result = ask(program, closed_port(), f"--event={event}", verb="report")
    assert result.returncode == 2 and b"event" in result.stderr


def test_report_needs_an_event(program):
    assert ask(program, closed_port(), verb="report").returncode == 2
