# SPDX-License-Identifier: Apache-2.0
"""What the pages change: forms by keyboard, errors beside their field, uploads, who sees which buttons.

Run by `make check-browser`, as check_pages.py is.
"""

import hashlib
import json

import pytest

from api_tools import Client, make_token
from check_pages import AUDIT, button, log_in, show
from conftest import PASSWORD
from server_payload import Payload, blocks
from server_tools import BUILD, Server, run

PACK = BUILD.resolve() / "src/bin/swb-pack/swb-pack"
DIALOG = "document.getElementById('dialog')"
REASON = f"[...{DIALOG}.querySelectorAll('.reason')].filter((n) => !n.hidden).map((n) => n.textContent).join()"
SAID = "document.getElementById('said').textContent"
EDITING = {"releases": "#/releases", "groups": "#/groups", "rollouts": "#/rollouts", "new-rollout": "#/rollouts?new=app-1&release=3.0",
           "plan": "#/rollouts/app-1/spring/plan", "publishing": "#/publishing", "job": "#/publishing/3", "settings": "#/settings",
           "device": "#/devices/app-1/kiosk-01"}


def image(version):
    content = bytearray(blocks(400, "common"))
    content[4096 * 30:4096 * 42] = blocks(12, version)
    return bytes(content)


@pytest.fixture(scope="module")
def works(tmp_path_factory):
    """A server that makes payloads, with three images, twenty devices, a rollout, and users."""
    folder = tmp_path_factory.mktemp("works")
    data = folder / "data"
    (folder / "password").write_text(PASSWORD + "\n")
    for version in ("1.0", "2.0"):
        (folder / version).write_bytes(image(version))
        run(data, "publish", folder / version, "--app-id={App-1}", f"--target-version={version}", "--channel=stable", f"--pack-program={PACK}")
    for name, role in (("ada", "admin"), ("dora", "deploy"), ("rita", "read")):
        run(data, "user", "add", name, f"--role={role}", f"--password-file={folder / 'password'}")
    server = Server(data, "--status", "--jobs", f"--pack-program={PACK}")
    server.url, server.folder = f"http://127.0.0.1:{server.port}/", folder
    server.api = Client(server, make_token(data, "checks", "admin"))
    for n in range(1, 21):
        server.ask(machineid=f"kiosk-{n:02}", version="2.0" if n > 8 else "1.0", hardware_class="kiosk-b" if n % 4 else "kiosk-a1", track="stable")
    server.wait_for(lambda: len(server.api.ok("GET", "devices")) == 20)
    (folder / "3.0").write_bytes(image("3.0"))
    run(data, "publish", folder / "3.0", "--app-id={App-1}", "--target-version=3.0", f"--pack-program={PACK}")
    server.api.ok("POST", "rollouts", {"name": "spring", "release": "3.0", "stages": ["2", "50%", "100%"]})
    server.api.ok("PUT", "groups/lab", {"channel": None, "machines": ["kiosk-20"], "tag": ""})
    server.api.ok("PUT", "mirrors/europe", {"kind": "tag", "value": "eu", "url": "https://eu.example/payloads/"})
    server.api.ok("PUT", "devices/kiosk-01/tags", {"tags": ["eu", "showroom"]})
    server.api.ok("PUT", "releases/1.0/blocks/kiosk-a1", {"reason": "screens stay dark"})
    (data / "payloads" / ("ab" * 32)).write_bytes(bytes(70000))
    yield server
    assert server.stop() == 0


@pytest.fixture
def admin(page, works):
    log_in(page, works, "ada")
    page.wait("document.getElementById('me').textContent.startsWith('ada')")
    page.works = works
    return page


def go(page, where, heading):
    page.run(f"location.hash = {json.dumps(where)}")
    page.wait(f"document.querySelector('main h1') && document.querySelector('main h1').textContent === {json.dumps(heading)}")


def press(page, words):
    page.wait(button(words))
    page.run(button(words) + ".click()")


def in_row(page, row, words):
    """Presses the button of the table's row in which a text stands."""
    script = f"""[...document.querySelectorAll('main tr')].filter((r) => [...r.cells].some((c) => c.innerText.trim() === {json.dumps(row)}))
      .flatMap((r) => [...r.querySelectorAll('button')]).find((b) => b.textContent === {json.dumps(words)})"""
    page.wait(script)
    page.run(f"({script}).click()")


def fill(page, name, text, inside=DIALOG):
    page.wait(f"{inside}.querySelector('[name={name}]')")
    page.run(f"(() => {{ const n = {inside}.querySelector('[name={name}]'); n.focus(); if (n.select) n.select(); }})()")
    page.type(text)


def choose(page, name, value, inside=DIALOG):
    page.wait(f"{inside}.querySelector('select[name={name}]')")
    page.run(f"(() => {{ const n = {inside}.querySelector('select[name={name}]'); n.value = {json.dumps(value)}; n.dispatchEvent(new Event('input', {{bubbles: true}})); }})()")


def dialog_opens(page):
    page.wait(f"{DIALOG}.open")


def dialog_closes(page):
    page.wait(f"!{DIALOG}.open")


def open_dialog(page, words, row=None):
    """By the button of these words, anywhere or in the row of this text."""
    if row:
        in_row(page, row, words)
    else:
        press(page, words)
    dialog_opens(page)


def answer(page, words=None):
    """By a button, or with the enter key."""
    if words:
        press(page, words)
    else:
        page.key("Enter")
    dialog_closes(page)


def remove(page, row):
    open_dialog(page, "Remove…", row)
    answer(page, "Remove")


def reason(page):
    """What the dialog says of a refusal."""
    return page.wait(REASON)


def beside(page, name, inside=DIALOG):
    """What is told beside a field, which has the focus then."""
    words = page.wait(f"(() => {{ const n = {inside}.querySelector('[name={name}]'); const w = n && n.closest('.field').querySelector('.wrong'); return w && !w.hidden && w.textContent; }})()")
    assert page.run(f"document.activeElement.name === '{name}' && document.activeElement.getAttribute('aria-invalid') === 'true'")
    return words


def confirm_typed(page, word, yes):
    dialog_opens(page)
    page.run("document.getElementById('confirm-word').focus()")
    assert page.run(button(yes) + ".disabled")
    page.type(word)
    page.key("Enter")


def choose_file(page, name, path):
    node = page.call("Runtime.evaluate", expression=f"document.querySelector('main input[name={name}]')")["result"]["objectId"]
    page.call("DOM.setFileInputFiles", files=[str(path)], objectId=node)


def logged(works, action):
    return works.api.ok("GET", f"audit?action={action}&limit=1")[0]


# How they look, and who sees which buttons

@pytest.mark.parametrize("form", ["desktop-light", "desktop-dark", "phone-light", "phone-dark"])
@pytest.mark.parametrize("name", EDITING)
def test_editing_page(admin, works, pictures, name, form):
    is_phone = form.startswith("phone")
    admin.window(*((390, 844) if is_phone else (1440, 900)), dark=form.endswith("dark"), is_phone=is_phone)
    show(admin, works, EDITING[name])
    admin.run("new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
    admin.picture(pictures / f"edit-{name}-{form}.png")
    assert admin.run(AUDIT) == []
    assert admin.complaints() == []
    assert admin.run("document.querySelectorAll('main .buttons button').length") > 0


@pytest.mark.parametrize("user", [None, "rita"])
def test_readers_see_no_buttons(page, works, user):
    if user:
        log_in(page, works, user)
        page.wait(f"document.getElementById('me').textContent.startsWith('{user}')")
    for name, where in EDITING.items():
        show(page, works, where)
        assert page.run("[...document.querySelectorAll('main .buttons button, main td.act button, main input[type=file]')].filter((b) => b.checkVisibility()).map((b) => b.textContent)") == [], name
    show(page, works, "#/rollouts/app-1/spring")
    assert page.run("[...document.querySelectorAll('main .buttons button')].filter((b) => b.checkVisibility()).length") == 0


def test_deployers_see_theirs(page, works):
    log_in(page, works, "dora")
    page.wait("document.getElementById('me').textContent.startsWith('dora')")
    show(page, works, "#/releases")
    words = page.run("[...document.querySelectorAll('main .buttons button')].map((b) => b.textContent)")
    assert "New channel…" in words and "App settings…" not in words
    show(page, works, "#/settings")
    assert page.run("document.querySelectorAll('main .card .buttons button').length") == 0


# Groups

@pytest.mark.parametrize("form", ["desktop-light", "phone-dark"])
def test_group_by_keyboard(admin, works, pictures, form):
    """Made without a mouse: how many devices fit is told on the way, what is wrong beside its field."""
    is_phone = form.startswith("phone")
    admin.window(*((390, 844) if is_phone else (1440, 900)), dark=form.endswith("dark"), is_phone=is_phone)
    go(admin, "#/groups", "Groups")
    admin.wait(button("New group…"))
    admin.run(button("New group…") + ".focus()")
    admin.key("Enter")
    dialog_opens(admin)
    assert admin.run("document.activeElement.name") == "name"
    admin.key("Enter")
    assert "needed" in beside(admin, "name")
    admin.type("canaries")
    fill(admin, "hardware_class", "kiosk-a1")
    admin.wait("document.querySelector('.preview').textContent.startsWith('Fits 5 of 20 known devices')")
    assert "1 of them belong to an earlier group, so it would have 4" in admin.run("document.querySelector('.preview').textContent")
    fill(admin, "versions", "1..2..3")
    admin.key("Enter")
    assert "1..2..3" in beside(admin, "versions")
    admin.run("new Promise((r) => setTimeout(r, 0))")
    admin.picture(pictures / f"edit-group-dialog-{form}.png", whole=False)
    assert admin.run(AUDIT) == []
    fill(admin, "versions", "1.0")
    answer(admin)
    assert "canaries" in admin.wait(f"{SAID}.includes('saved') && {SAID}")
    (group,) = [g for g in works.api.ok("GET", "groups") if g["name"] == "canaries"]
    assert (group["hardware_class"], group["versions"], group["channel"], group["only_machines"]) == ("kiosk-a1", "1.0", "stable", False)
    assert logged(works, "group.set")["who"] == "ada"
    remove(admin, "canaries")
    admin.wait("!document.querySelector('main').innerText.includes('canaries')")
    assert logged(works, "group.remove")["object"] == "groups/canaries"


def test_somebody_else_was_faster(admin, works):
    """What changed meanwhile is not overwritten."""
    works.api.ok("PUT", "groups/race", {"channel": "stable"})
    go(admin, "#/groups", "Groups")
    open_dialog(admin, "Edit…", row="race")
    fill(admin, "board", "x")
    works.api.ok("PUT", "groups/race", {"tag": "theirs"})
    admin.key("Enter")
    assert "Somebody else" in reason(admin)
    admin.key("Escape")
    dialog_closes(admin)
    assert works.api.ok("GET", "groups/race")["board"] == ""
    works.api.ok("DELETE", "groups/race")


# Channels, apps, releases

def test_channels(admin, works):
    go(admin, "#/releases", "Releases")
    open_dialog(admin, "New channel…")
    fill(admin, "name", "beta")
    choose(admin, "release", "2.0")
    admin.key("Tab")
    answer(admin, "Make the channel")
    assert works.api.ok("GET", "channels/beta")["release"] == "2.0"
    works.api.ok("PUT", "groups/holder", {"channel": "beta"})
    in_row(admin, "beta", "Remove…")
    confirm_typed(admin, "beta", "Remove")
    assert "group holder" in reason(admin)
    works.api.ok("DELETE", "groups/holder")
    answer(admin, "Remove")
    assert works.api.call("GET", "channels/beta").status == 404


def press_of_app(page, app, number):
    """The app's first or second button: its settings, its removal."""
    page.wait(f"[...document.querySelectorAll('h2.app')].some((h) => h.textContent === '{app}')")
    page.run(f"[...document.querySelectorAll('section.stack')].find((s) => s.getAttribute('aria-label') === '{app}').querySelectorAll('.row button')[{number}].click()")


def test_apps(admin, works):
    go(admin, "#/releases", "Releases")
    open_dialog(admin, "New app…")
    fill(admin, "app", "no good")
    admin.key("Enter")
    assert "app id" in beside(admin, "app")
    fill(admin, "app", "spare")
    answer(admin)
    press_of_app(admin, "spare", 0)
    dialog_opens(admin)
    fill(admin, "required_signatures", "99")
    admin.key("Enter")
    assert "required signatures" in beside(admin, "required_signatures")
    fill(admin, "required_signatures", "2")
    answer(admin)
    assert works.api.ok("GET", "apps/spare")["required_signatures"] == 2
    press_of_app(admin, "spare", 1)
    confirm_typed(admin, "spare", "Remove")
    dialog_closes(admin)
    assert works.api.call("GET", "apps/spare").status == 404


def test_block_pin_and_settings(admin, works):
    go(admin, "#/releases", "Releases")
    admin.wait("document.querySelector('.fold[open]')")  # 3.0, the newest
    open_dialog(admin, "Block…")
    fill(admin, "hardware", "kiosk-z")
    answer(admin)
    assert works.api.ok("GET", "releases/3.0")["blocked"][0]["hardware_class"] == "kiosk-z"
    open_dialog(admin, "Unblock…", row="kiosk-z")
    answer(admin, "Unblock")
    assert works.api.ok("GET", "releases/3.0")["blocked"] == []
    admin.wait("document.querySelector('.fold[open]') && !document.querySelector('main').innerText.includes('kiosk-z')")
    open_dialog(admin, "Pin a group…")
    answer(admin, "Pin")
    assert works.api.ok("GET", "groups/lab")["pin"] == "3.0$"
    admin.wait("document.querySelector('.fold[open]')")
    open_dialog(admin, "Settings…")
    fill(admin, "max_failures", "many")
    admin.key("Enter")
    assert "whole number" in beside(admin, "max_failures")
    fill(admin, "max_failures", "7")
    answer(admin)
    assert works.api.ok("GET", "releases/3.0")["max_failures"] == 7


# Rollouts

def test_rollout_from_beginning_to_end(admin, works, pictures):
    """The form says what it costs; then the plan is changed, the next stage opened, and all of it ended."""
    works.api.ok("PUT", "channels/pilot", {"release": "2.0"})
    go(admin, "#/rollouts?new=app-1&release=3.0", "New rollout")
    main = "document.querySelector('main')"
    full = [p["size"] for p in works.api.ok("GET", "releases/3.0")["payloads"] if not p["is_delta"]][0]
    assert full
    words = admin.wait("[...document.querySelectorAll('.slim .card')].map((c) => c.innerText).join(' ')")
    assert "Up to" in words and "20 devices" in words
    fill(admin, "name", "autumn", main)
    choose(admin, "channel", "pilot", main)
    admin.run("document.querySelector('.stages input').focus()")
    admin.run("document.querySelector('.stages input').select()")
    admin.type("5%%")
    admin.key("Enter")
    assert "5%%" in admin.wait("(() => { const w = document.querySelector('fieldset .wrong'); return w && !w.hidden && w.textContent; })()")
    admin.run("document.querySelector('.stages input').select()")
    admin.type("2")
    assert "2 devices" in admin.run("document.querySelector('.slim').innerText")
    fill(admin, "max_failure_rate", "200%", main)
    admin.key("Enter")
    assert "200%" in beside(admin, "max_failure_rate", main)
    admin.picture(pictures / "edit-new-rollout-wrong.png")
    fill(admin, "max_failure_rate", "3%", main)
    admin.key("Enter")
    admin.wait("location.hash === '#/rollouts/app-1/autumn' && document.querySelector('h1').textContent === 'autumn'")
    made = works.api.ok("GET", "rollouts/autumn")
    assert (made["channel"], made["stages"][0]["max_devices"], made["limits"]["max_failure_ppm"]) == ("pilot", 2, 30000)
    press(admin, "Change the plan…")
    admin.wait("document.querySelector('h1').textContent === 'Plan of autumn'")
    fill(admin, "hours", "Mon-Fri 08:00-16:00", main)
    fill(admin, "deadline_seconds", "7d", main)
    press(admin, "Save the plan")
    admin.wait("document.querySelector('h1').textContent === 'autumn'")
    changed = works.api.ok("GET", "rollouts/autumn")
    assert (changed["hours"], changed["deadline_seconds"], [s["size"] for s in changed["stages"]]) == (
        "Mon-Fri 08:00-16:00", 7 * 86400, [s["size"] for s in made["stages"]])
    open_dialog(admin, "Next stage…")
    answer(admin, "Next stage")
    works.wait_for(lambda: works.api.ok("GET", "rollouts/autumn")["stage"] == 2)
    press(admin, "Finish…")
    confirm_typed(admin, "autumn", "Finish")
    dialog_closes(admin)
    works.wait_for(lambda: works.api.ok("GET", "rollouts/autumn")["status"] == "finished")
    press(admin, "Remove…")
    confirm_typed(admin, "autumn", "Remove")
    admin.wait("location.hash === '#/rollouts'")
    assert works.api.call("GET", "rollouts/autumn").status == 404
    assert logged(works, "rollout.remove")["who"] == "ada"
    works.api.ok("DELETE", "channels/pilot")
    assert [c for c in admin.complaints() if "Failed to load resource" not in c] == []


# Publishing

def test_image(admin, works, pictures, tmp_path):
    """Sent from the browser; its payloads are made while somebody looks; then it goes again."""
    content = image("4.0") + bytes(4096 * 300)  # several pieces
    (tmp_path / "image.ext4").write_bytes(content)
    go(admin, "#/publishing", "Publishing")
    admin.wait("document.querySelector('main input[name=file]')")
    fill(admin, "version", "4.0", "document.querySelector('main')")
    admin.key("Enter")
    assert "Choose a file" in beside(admin, "file", "document.querySelector('main')")
    choose_file(admin, "file", tmp_path / "image.ext4")
    press(admin, "Send the image")
    admin.wait(f"{SAID}.includes('The image of 4.0 is here')")
    stored = [i for i in works.api.ok("GET", "images") if i["version"] == "4.0"][0]
    assert stored["sha256"] == hashlib.sha256(content).hexdigest()
    job = works.api.ok("GET", "jobs?limit=1")[0]["id"]
    go(admin, f"#/publishing/{job}", f"Job {job}")
    admin.wait("document.querySelector('.head .badge').textContent.includes('done')")
    words = admin.run("document.querySelector('main').innerText")
    rows = works.api.ok("GET", f"jobs/{job}")["payloads"]
    assert [r["outcome"] for r in rows].count("published") >= 2 and "Expected to save" in words
    admin.picture(pictures / "edit-job-done.png")
    go(admin, "#/publishing", "Publishing")
    remove(admin, "4.0")
    assert works.api.call("GET", "images/4.0").status == 404
    open_dialog(admin, "Remove…", row="2.0")
    assert "devices that run it" in admin.run(f"{DIALOG}.innerText")
    assert admin.run(button("Remove") + ".disabled")
    admin.key("Escape")
    works.api.ok("DELETE", "releases/4.0")
    assert admin.complaints() == []


def test_payload(admin, works, tmp_path):
    payload = Payload(tmp_path / "sent.bin", "5.0", blocks(3, "5.0"))
    go(admin, "#/publishing", "Publishing")
    admin.wait("document.querySelector('main input[value=payload]')")
    admin.run("document.querySelector('main input[value=payload]').click()")
    choose_file(admin, "file", payload.path)
    choose_file(admin, "manifest", payload.path)
    press(admin, "Send the payload")
    assert "not JSON" in beside(admin, "manifest", "document.querySelector('main')")
    choose_file(admin, "manifest", f"{payload.path}.json")
    press(admin, "Send the payload")
    assert "not checked" in admin.wait(f"{SAID}.includes('5.0 is published') && {SAID}")
    assert works.api.ok("GET", "releases/5.0")["payloads"][0]["sha256"] == payload.sha256
    works.api.ok("DELETE", "releases/5.0")


def test_hash(page, works):
    """The page's own SHA-256, of all lengths around a block and in odd pieces."""
    show(page, works)
    for n in (0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 100001):
        content = bytes((i * 7 + n) % 256 for i in range(n))
        script = f"""import('/web/sha256.js').then((m) => {{ const h = new m.Sha256(), b = Uint8Array.from({{length: {n}}}, (_, i) => (i * 7 + {n}) % 256);
          for (let at = 0; at < b.length; at += 97) h.update(b.subarray(at, at + 97)); return h.hex(); }})"""
        assert page.run(script) == hashlib.sha256(content).hexdigest(), n


def test_unused_files(admin, works):
    go(admin, "#/publishing", "Publishing")
    remove(admin, "abababababab…")
    works.wait_for(lambda: works.api.ok("GET", "payload-files?unused=true") == [])
    assert logged(works, "payload-file.remove")["who"] == "ada"


# Settings

def test_tokens_and_webhooks(admin, works, pictures):
    go(admin, "#/settings", "Settings")
    open_dialog(admin, "New token…")
    fill(admin, "name", "build")
    choose(admin, "scope", "deploy")
    fill(admin, "expires_in_seconds", "soon")
    admin.key("Enter")
    assert "30min" in beside(admin, "expires_in_seconds")
    fill(admin, "expires_in_seconds", "90d")
    admin.key("Enter")
    token = admin.wait("document.getElementById('secret') && document.getElementById('secret').textContent")
    admin.picture(pictures / "edit-token-dialog.png", whole=False)
    assert Client(works, token).call("GET", "session").status == 200
    answer(admin, "I have kept it")
    assert token not in admin.run("document.documentElement.outerHTML"), "it is not shown again"
    remove(admin, "build")
    assert Client(works, token).call("GET", "session").status == 401
    admin.wait(button("New webhook…"))
    open_dialog(admin, "New webhook…")
    fill(admin, "name", "chat")
    fill(admin, "url", "mailto:x")
    admin.key("Enter")
    beside(admin, "url")
    fill(admin, "url", "http://127.0.0.1:9/")
    admin.key("Enter")
    admin.wait("document.getElementById('secret')")
    answer(admin, "I have kept it")
    remove(admin, "chat")
    works.wait_for(lambda: works.api.ok("GET", "webhooks") == [])


def test_users(admin, works):
    go(admin, "#/settings", "Settings")
    open_dialog(admin, "New user…")
    fill(admin, "name", "eve")
    fill(admin, "password", "short")
    admin.key("Enter")
    beside(admin, "password")
    fill(admin, "password", "long enough to be one")
    answer(admin)
    open_dialog(admin, "Change…", row="eve")
    choose(admin, "role", "deploy")
    answer(admin, "Save")
    assert [u["role"] for u in works.api.ok("GET", "users") if u["name"] == "eve"] == ["deploy"]
    remove(admin, "eve")
    works.wait_for(lambda: "eve" not in [u["name"] for u in works.api.ok("GET", "users")])


def test_mirrors_and_caps(admin, works):
    go(admin, "#/settings", "Settings")
    open_dialog(admin, "New mirror…")
    fill(admin, "name", "office")
    choose(admin, "kind", "network")
    fill(admin, "value", "10.0.0.0/99")
    fill(admin, "url", "http://office/p/")
    admin.key("Enter")
    assert "10.0.0.0/99" in beside(admin, "value")
    fill(admin, "value", "10.0.0.0/8")
    answer(admin)
    assert works.api.ok("GET", "mirrors/office")["url"] == "http://office/p/"
    remove(admin, "office")
    open_dialog(admin, "Change the caps…")
    fill(admin, "per_day", "2 TB")
    answer(admin)
    assert works.api.ok("GET", "settings/egress")["per_day"] == 2 * 10**12
    works.api.ok("PUT", "settings/egress", {"per_day": 0})


def test_tags_of_a_device(admin, works):
    go(admin, "#/devices/app-1/kiosk-01", "kiosk-01")
    assert "eu.example" in admin.wait("document.querySelector('.facts') && document.querySelector('main').innerText")
    open_dialog(admin, "Change its tags…")
    fill(admin, "tags", "eu lab")
    answer(admin, "Save")
    assert works.api.ok("GET", "devices/kiosk-01/tags")["tags"] == ["eu", "lab"]
