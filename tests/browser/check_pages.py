# SPDX-License-Identifier: Apache-2.0
"""The pages in a real browser: what they show, by which keys they are used, who can read them.

Run by `make check-browser`. Pictures of each page stay in BUILD/browser.
"""

import json
import pathlib

import pytest

from conftest import PASSWORD

AUDIT = (pathlib.Path(__file__).parent / "audit.js").read_text()
PAGES = {"overview": "#/", "rollouts": "#/rollouts", "rollout": "#/rollouts/app-1/spring", "stopped": "#/rollouts/app-1/candidate",
         "releases": "#/releases", "publishing": "#/publishing", "devices": "#/devices?state=failed", "device": "", "groups": "#/groups",
         "activity": "#/activity", "settings": "#/settings", "login": "#/login"}
SHOWN = "document.querySelector('main h1') && !document.querySelector('.waiting')"
PULSE = "document.getElementById('pulse-text').textContent"


def place(page, server, name):
    if name != "device":
        return PAGES[name]
    devices = json.loads(server.get("/api/v1/devices?state=failed&limit=1").text)
    return f"#/devices/{devices[0]['app']}/{devices[0]['id']}"


def show(page, server, where="#/"):
    page.open("about:blank")
    page.open(server.url + where)
    page.wait(SHOWN)
    page.wait(f"{PULSE} === 'live' || location.hash === '#/login' || document.querySelector('.login')")


def log_in(page, server, user="ada", password=PASSWORD):
    show(page, server, "#/login")
    page.run("document.getElementById('user').focus()")
    page.type(user)
    page.key("Tab")
    page.type(password)
    page.key("Enter")


def button(words):
    return f"[...document.querySelectorAll('button')].find((b) => b.checkVisibility() && b.textContent === {json.dumps(words)})"


@pytest.mark.parametrize("form", ["desktop-light", "desktop-dark", "phone-light", "phone-dark"])
@pytest.mark.parametrize("name", PAGES)
def test_page(page, fleet, pictures, name, form):
    """Each page in each form: complete, legible, named, no wider than the window, nothing in the console."""
    is_phone = form.startswith("phone")
    page.window(*((390, 844) if is_phone else (1440, 900)), dark=form.endswith("dark"), is_phone=is_phone)
    show(page, fleet, place(page, fleet, name))
    page.run("new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
    page.picture(pictures / f"{name}-{form}.png")
    assert page.run(AUDIT) == []
    assert page.complaints() == []


def test_contents(page, fleet):
    show(page, fleet)
    overview = json.loads(fleet.get("/api/v1/overview").text)
    words = page.run("document.body.innerText")
    assert f"{overview['devices']:,}" in words
    for row in overview["versions"]:
        assert f"{row['devices']:,}" in words and row["version"] in words
    assert page.run("document.querySelectorAll('.plot path.layer').length") >= 4
    show(page, fleet, "#/rollouts/app-1/candidate")
    (rollout,) = [r for r in json.loads(fleet.get("/api/v1/rollouts").text) if r["name"] == "candidate"]
    words = page.run("document.body.innerText")
    assert rollout["status"] == "paused" and rollout["reason"] in words
    assert f"{rollout['admitted']:,}" in words
    show(page, fleet, "#/releases")
    assert "82.9 MB" in page.run("document.body.innerText")


def test_cost(page, fleet):
    """Delta where there is one from what a device runs, else the full payload."""
    show(page, fleet, "#/releases")
    overview = json.loads(fleet.get("/api/v1/overview").text)
    sizes = {"4.2.1": 9_800_000, "4.2.0": 12_700_000, "4.1.0": 82_900_000, "4.0.2": 82_900_000}
    cost = sum(row["devices"] * sizes.get(row["version"], 0) for row in overview["versions"])
    page.run("[...document.querySelectorAll('.fold-name')].find((n) => n.textContent === '4.3.0').click()")
    words = page.run("[...document.querySelectorAll('.fold[open] .cost')].at(-1).innerText")
    assert words.startswith(page.run(f"import('/web/dom.js').then((m) => m.bytes({cost}))")), (words, cost)


def test_why(page, fleet):
    show(page, fleet, place(page, fleet, "device"))
    device = json.loads(fleet.get("/api/v1/devices?state=failed&limit=1").text)[0]
    answer = json.loads(fleet.get(f"/api/v1/explain?app=app-1&device={device['id']}").text)
    words = page.run("document.body.innerText")
    assert answer["rule"] in words and answer["info"].split(": ", 1)[1] in words
    assert page.run("document.querySelectorAll('.timeline li:not(.day)').length") == min(device["events"], 100)


def test_live(page, fleet):
    """What happens is shown without anybody asking for it."""
    show(page, fleet)
    before = page.run("document.querySelector('.tile b').textContent")
    fleet.ask(machineid="newcomer", version="4.2.1")
    page.wait(f"document.querySelector('.tile b').textContent !== '{before}'")
    assert page.complaints() == []


def test_text_of_devices_stays_text(page, fleet):
    fleet.ask('<event eventtype="3" eventresult="0" _fault="hash" _text="&lt;img src=x onerror=alert(1)&gt;"/>',
              machineid="&lt;b&gt;bold", version="4.2.1")
    show(page, fleet, "#/devices?begins=%3Cb%3E")
    assert "<b>bold" in page.wait("document.querySelector('td.id') && document.body.innerText")
    page.run("document.querySelector('td.id a').click()")
    assert "<img src=x" in page.wait("document.querySelector('.timeline') && document.body.innerText")
    assert page.run("document.querySelectorAll('main img, main b b').length") == 0
    assert page.complaints() == []


def test_keyboard(page, fleet):
    """The content is reached by one key, the chart is read by arrows, each stop of the way can be seen."""
    show(page, fleet)
    page.key("Tab")
    assert page.run("document.activeElement.id") == "skip"
    page.key("Enter")
    assert page.run("document.activeElement.id") == "main"
    stops = []
    for _ in range(200):
        page.key("Tab")
        stop = page.run("""(() => { const n = document.activeElement, s = getComputedStyle(n), b = n.getBoundingClientRect();
          return [n.tagName, n.className.baseVal ?? n.className, s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2, b.width > 0 && b.top < innerHeight]; })()""")
        if stop[0] == "BODY":
            break
        stops.append(stop)
    assert all(stop[2] and stop[3] for stop in stops), [s for s in stops if not (s[2] and s[3])]
    assert [s for s in stops if s[1] == "plot"]
    page.run("document.querySelector('.plot').focus()")
    page.key("End")
    assert "4.2.1" in page.run("document.querySelector('.chart [aria-live]').textContent")
    page.key("ArrowLeft")
    assert not page.run("document.querySelector('.note').hidden")
    page.key("Escape")
    assert page.run("document.querySelector('.note').hidden")


def test_phone_menu(page, fleet):
    page.window(390, 844, is_phone=True)
    show(page, fleet)
    assert not page.run("document.querySelector('nav').checkVisibility()")
    page.run("document.getElementById('menu').click()")
    assert page.run("document.querySelector('nav').checkVisibility() && document.getElementById('menu').getAttribute('aria-expanded')") == "true"
    page.run("[...document.querySelectorAll('nav a')].at(1).click()")
    page.wait("document.querySelector('h1').textContent === 'Rollouts'")
    assert not page.run("document.querySelector('nav').checkVisibility()")


def test_filters(page, fleet):
    show(page, fleet, "#/devices?state=")
    page.run("(() => { const s = document.querySelector('select[name=state]'); s.value = 'held'; s.dispatchEvent(new Event('change')); })()")
    page.wait("[...document.querySelectorAll('tbody .badge')].length && [...document.querySelectorAll('tbody .badge')].every((b) => b.textContent.includes('held'))")
    assert page.run("location.hash") == "#/devices?state=held"
    show(page, fleet, "#/devices?version=4.0.2")
    assert page.run("[...document.querySelectorAll('tbody tr')].every((r) => r.innerText.includes('4.0.2'))")


def test_theme_by_choice(page, fleet):
    show(page, fleet, "#/settings")
    page.run("document.querySelector('input[value=dark]').click()")
    dark = page.run("getComputedStyle(document.body).backgroundColor")
    show(page, fleet)
    assert page.run("getComputedStyle(document.body).backgroundColor") == dark != "rgb(244, 246, 248)"
    page.run("localStorage.clear()")


# Who may what

def test_wrong_password(page, fleet):
    log_in(page, fleet, password="wrong")
    assert "wrong" in page.wait("(() => { const n = document.querySelector('[role=alert]'); return n && !n.hidden && n.textContent; })()")


def test_levers(page, fleet, pictures):
    """Pause with a reason, resume, recall by its name; all of it in the log with who did it."""
    log_in(page, fleet)
    page.wait("document.getElementById('me').textContent.startsWith('ada')")
    page.run("location.hash = '#/rollouts/app-1/spring'")
    page.wait("document.querySelector('h1').textContent === 'spring'")
    if page.run(f"Boolean({button('Resume…')})"):
        page.run(button("Resume…") + ".click()")
        page.wait(button("Resume"))
        page.run(button("Resume") + ".click()")
    page.wait(button("Pause…"))
    page.run(button("Pause…") + ".click()")
    page.wait("document.activeElement && document.getElementById('dialog').open")
    page.run("document.getElementById('confirm-reason').focus()")
    page.type("screens stay dark")
    page.picture(pictures / "pause-desktop-light.png", whole=False)
    page.key("Enter")
    page.wait("!document.getElementById('dialog').open")
    page.wait("document.querySelector('.reason').textContent === 'screens stay dark'")
    page.run(button("Recall…") + ".click()")
    page.wait("document.getElementById('confirm-word')")
    assert page.run(button("Recall") + ".disabled")
    page.run("document.getElementById('confirm-word').focus()")
    page.type("spring")
    assert not page.run(button("Recall") + ".disabled")
    page.run(button("Cancel") + ".click()")
    page.wait("!document.getElementById('dialog').open")
    page.run("location.hash = '#/activity'")
    words = page.wait("document.querySelector('main table caption') && document.body.innerText.includes('rollout pause') && document.body.innerText")
    assert "ada" in words and "spring" in words
    page.picture(pictures / "log-desktop-light.png", whole=False)
    page.run(button("Log out") + ".click()")
    page.wait("document.getElementById('me').textContent === 'Log in'")
    assert page.complaints() == []


def test_a_conflict_is_told(page, fleet):
    """Somebody else was faster: the dialog stays and says so."""
    log_in(page, fleet)
    page.wait("document.getElementById('me').textContent.startsWith('ada')")
    message = page.run("""import('/web/api.js').then((m) => m.send('POST', 'rollouts/none/pause?app=app-1')).then(() => '', (e) => `${e.status} ${e.message}`)""")
    assert message.startswith("404 ") and "none" in message


def test_private(page, bare, tmp_path):
    """Nothing is shown before the login, and then everything."""
    server = bare("--private")
    (tmp_path / "password").write_text(PASSWORD)
    from server_tools import run  # pylint: disable=import-outside-toplevel
    run(tmp_path / "data", "user", "add", "rita", "--role=read", f"--password-file={tmp_path / 'password'}")
    page.open("about:blank")
    page.open(server.url)
    page.wait("document.getElementById('user')")
    assert page.run(AUDIT) == []
    page.run("document.getElementById('user').focus()")
    page.type("rita")
    page.key("Tab")
    page.type(PASSWORD)
    page.key("Enter")
    page.wait("document.body.innerText.includes('Nothing is published yet')")
    page.wait(f"{PULSE} === 'live'")


# When there is nothing, and when there is nobody

@pytest.mark.parametrize("where,words", [
    ("#/", "swb-server publish"), ("#/rollouts", "swb-server rollout create"), ("#/releases", "swb-pack full"),
    ("#/devices", "No device has asked yet"), ("#/groups", "Nothing is published yet"), ("#/activity", "No device has reported"),
    ("#/rollouts/app-1/none", "There is no such rollout")])
def test_first_steps(page, bare, pictures, where, words):
    server = bare()
    show(page, server, where)
    page.picture(pictures / f"empty{where.replace('#', '').replace('/', '-')}.png", whole=False)
    assert words in page.run("document.body.innerText")
    wrong = page.run(AUDIT)
    assert wrong == []


def test_a_server_that_goes(page, bare):
    server = bare()
    show(page, server)
    page.wait(f"{PULSE} === 'live'")
    server.kill()
    page.wait(f"{PULSE} === 'no answer, trying again'")
    assert "Nothing is published yet" in page.run("document.body.innerText"), "what was known stays"
