#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""look.py FOLDER [DEVICES [DATA]] - pictures of every page with a simulated fleet, for a human eye

DATA: a folder for the server that is filled the first time, and then kept.
"""

import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "server"))

# pylint: disable=wrong-import-position
from browser import Browser  # noqa: E402
import scene  # noqa: E402
from server_tools import Server, run  # noqa: E402

PAGES = {"overview": "#/", "rollouts": "#/rollouts", "rollout": "#/rollouts/app-1/spring", "stopped": "#/rollouts/app-1/candidate",
         "releases": "#/releases", "devices": "#/devices?state=failed", "groups": "#/groups", "activity": "#/activity",
         "settings": "#/settings"}
EDITING = {"new-rollout": "#/rollouts?new=app-1&release=4.3.0", "releases-admin": "#/releases", "publishing": "#/publishing"}
PASSWORD = "only for these pictures"
SHOWN = "document.querySelector('main h1') && !document.querySelector('.waiting')"


def look(browser, base, folder):
    browser.window(1440, 900)
    browser.open(base)
    browser.wait(SHOWN)
    device = browser.run("fetch('api/v1/devices?state=failed&limit=1').then((a) => a.json()).then((l) => l.length ? `#/devices/${l[0].app}/${l[0].id}` : '#/devices/app-1/none')")
    for name, place in {**PAGES, "device": device}.items():
        for form, width, height, is_phone in (("desktop", 1440, 900, False), ("phone", 390, 844, True)):
            for tone in ("light", "dark"):
                browser.window(width, height, dark=tone == "dark", is_phone=is_phone)
                browser.open("about:blank")
                browser.open(base + place)
                browser.wait(SHOWN)
                browser.run("new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
                browser.picture(folder / f"{name}-{form}-{tone}.png")


def look_as_admin(browser, base, folder):
    browser.window(1440, 900)
    browser.open(base + "#/login")
    browser.wait("document.getElementById('password')")
    browser.run(f"import('/web/api.js').then((m) => m.logIn('ada', '{PASSWORD}'))")
    for name, place in EDITING.items():
        browser.open("about:blank")
        browser.open(base + place)
        browser.wait(SHOWN)
        browser.wait("document.getElementById('me').textContent.startsWith('ada')")
        browser.picture(folder / f"{name}-desktop-light.png")


def main(folder, devices=100_000, data=None):
    with tempfile.TemporaryDirectory() as temporary:
        top = pathlib.Path(temporary)
        data = pathlib.Path(data) if data else top / "data"
        is_new = not data.exists()
        if is_new:
            scene.prepare(data, top)
            run(data, "user", "add", "ada", "--role=admin", "--password-file=-", input=PASSWORD)
        server = Server(data, "--status")
        if is_new:
            scene.populate(server, top, int(devices))
            scene.write_past(data, int(devices))
        crowd = scene.keep_asking(server, top)
        browser = Browser(top / "profile")
        try:
            look(browser, f"http://127.0.0.1:{server.port}/", pathlib.Path(folder))
            look_as_admin(browser, f"http://127.0.0.1:{server.port}/", pathlib.Path(folder))
            for complaint in browser.complaints():
                print("complaint:", complaint)
        finally:
            browser.close()
            crowd.terminate()
            crowd.wait()
            server.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
