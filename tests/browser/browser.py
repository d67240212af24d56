# SPDX-License-Identifier: Apache-2.0
"""Debian's Chromium without a window, steered over its debugging pipe: no driver, no socket."""

import base64
import json
import os
import select
import shutil
import subprocess
import time

PATIENCE = 60
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
         "--disable-extensions", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--mute-audio", "--force-color-profile=srgb", "--remote-debugging-pipe"]
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39}


class PageError(AssertionError):
    """The page threw something."""


class Browser:
    """One Chromium process with one page."""

    def __init__(self, folder):
        program = shutil.which("chromium")
        assert program, "chromium is missing: tools/install-deps browser"
        ours, self.answers = os.pipe(), os.pipe()
        self.into, self.out = ours[1], self.answers[0]

        def hand_over():  # Chromium reads descriptor 3 and writes descriptor 4
            read, write = os.dup(ours[0]), os.dup(self.answers[1])
            os.dup2(read, 3)
            os.dup2(write, 4)

        # pylint: disable-next=subprocess-popen-preexec-fn
        self.process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={folder}", "about:blank"], preexec_fn=hand_over,
            close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(ours[0])
        os.close(self.answers[1])
        self.number, self.rest, self.session = 0, b"", None
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def read(self):
        """The next message, an answer or an event."""
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.out], [], [], PATIENCE)
            assert ready, "Chromium does not answer"
            data = os.read(self.out, 1 << 20)
            assert data, "Chromium has ended"
            self.rest += data
        text, _, self.rest = self.rest.partition(b"\0")
        return json.loads(text)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.into, data):]
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                assert "error" not in answer, (method, answer.get("error"))
                return answer["result"]
            self.events.append(answer)

    def complaints(self):
        """What the page's console holds: exceptions, errors, breaches of the content policy."""
        found = []
        self.call("Runtime.evaluate", expression="0")  # all events of before have come with it
        for event in self.events:
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(event["params"]["exceptionDetails"].get("exception", {}).get("description", "?"))
            if event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                found.append(event["params"]["entry"]["text"] + " " + event["params"]["entry"].get("url", ""))
            if event.get("method") == "Runtime.consoleAPICalled" and event["params"]["type"] == "error":
                found.append(str(event["params"]["args"]))
        self.events.clear()
        return found

    def window(self, width, height, *, dark=False, is_phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=is_phone)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, url):
        self.call("Page.navigate", url=url)

    def run(self, script):
        """The value of an expression in the page; promises are waited for."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise PageError(result["exceptionDetails"].get("exception", {}).get("description", script))
        return result["result"].get("value")

    def wait(self, script, seconds=PATIENCE):
        """Until the expression is true; its value."""
        end = time.monotonic() + seconds
        while True:
            try:
                value = self.run(f"((v) => (v instanceof Node ? true : v))({script})")
            except (PageError, AssertionError):  # between two pages
                value = None
            if value:
                return value
            assert time.monotonic() < end, f"it did not become true: {script}\n" + self.run("document.body.innerText")[:2000]
            time.sleep(0.05)

    def key(self, key, shift=False):
        modifiers = 8 if shift else 0
        # A key without its character activates nothing: Enter is "\r" as well.
        extra = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, modifiers=modifiers,
                      windowsVirtualKeyCode=KEYS[key], **(extra if kind == "keyDown" else {}))

    def type(self, text):
        self.call("Input.insertText", text=text)

    def picture(self, path, whole=True):
        height = self.run("document.documentElement.scrollHeight") if whole else 0
        metrics = self.call("Page.getLayoutMetrics")["cssLayoutViewport"]
        clip = {"x": 0, "y": 0, "width": metrics["clientWidth"], "height": max(height, metrics["clientHeight"]), "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)["data"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(data))

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.into)
        os.close(self.out)
