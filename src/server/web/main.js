// SPDX-License-Identifier: Apache-2.0
// The frame: which page is shown, and whether it still hears of the server.
import { connect, disconnect, follow, identify, logOut, may, me, now } from "./api.js";
import { card, element } from "./dom.js";
import * as activity from "./activity.js";
import * as devices from "./devices.js";
import * as groups from "./groups.js";
import * as login from "./login.js";
import * as overview from "./overview.js";
import * as publishing from "./publishing.js";
import * as releases from "./releases.js";
import * as rollouts from "./rollouts.js";
import * as settings from "./settings.js";

const pages = { "": overview, rollouts, releases, publishing, devices, groups, activity, settings, login };
const main = document.getElementById("main");
const menu = document.getElementById("menu");
const frame = document.getElementById("frame");
let shown = null;

// What a page holds while it is shown.
class Visit {
  constructor() {
    this.gone = false;
    this.ends = [];
  }

  follow(follower) {
    this.ends.push(follow(follower));
  }

  // Not while nobody looks.
  every(msec, work) {
    const timer = setInterval(() => document.hidden || Promise.resolve(work()).catch(() => {}), msec);
    this.ends.push(() => clearInterval(timer));
  }

  again() {
    begin();
  }

  // Anew, after something was changed.
  async reload() {
    if (this.hash !== location.hash) return; // they look at something else by now
    await show();
    main.focus({ preventScroll: true });
  }

  end() {
    this.gone = true;
    for (const end of this.ends) end();
  }
}

function where() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/").map(decodeURIComponent);
  return { name: name in pages ? name : "", path: rest, query: new URLSearchParams(query) };
}

function mark(name) {
  for (const anchor of document.querySelectorAll("#nav a"))
    if (anchor.hash === `#/${name}`) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
  document.title = `${pages[name].title} · Switchback`;
}

async function show() {
  const scroll = shown && shown.hash === location.hash ? window.scrollY : 0;
  const place = where(), visit = new Visit(), root = element("div", { class: `page page-${place.name || "overview"}` });
  if (shown) shown.end();
  shown = visit;
  visit.hash = location.hash;
  mark(place.name);
  toggleMenu(false);
  const slow = setTimeout(() => visit.gone || main.replaceChildren(element("p", { class: "waiting" }, "Asking the server…")), 400);
  try {
    await pages[may("read") ? place.name : "login"].mount(root, place, visit);
  } catch (error) {
    if (error.status === 401 && me.isKnown) {
      await identify(); // the session has ended
      if (!may("read") && !visit.gone) return show();
    }
    root.replaceChildren(element("div", { class: "head" }, element("h1", {}, pages[place.name].title)), card(null,
      element("p", { class: "strong" }, "This page could not be shown."), element("p", {}, error.message),
      element("button", { type: "button", onclick: show }, "Try again")));
  }
  clearTimeout(slow);
  if (visit.gone) return;
  main.replaceChildren(root);
  window.scrollTo(0, scroll);
}

function toggleMenu(isOpen) {
  frame.classList.toggle("open", isOpen);
  menu.setAttribute("aria-expanded", String(isOpen));
}

const PULSES = { live: "live", asking: "every 10 s", away: "no answer, trying again", connecting: "connecting" };

function showPulse() {
  document.getElementById("pulse").className = now.pulse;
  document.getElementById("pulse-text").textContent = PULSES[now.pulse];
}

function showMe() {
  const text = document.getElementById("me");
  text.hidden = !me.isKnown;
  text.replaceChildren(...(me.user ? [element("span", {}, `${me.user}, ${me.scope}`), element("button", { type: "button", class: "quiet", onclick: async () => {
    await logOut();
    begin();
  } }, "Log out")] : [element("a", { href: "#/login" }, "Log in")]));
}

// Anew with who we are now.
async function begin() {
  await identify().catch(() => {});
  showMe();
  disconnect();
  document.getElementById("pulse").hidden = !may("read");
  if (may("read")) connect();
  await show();
}

settings.applyTheme();
menu.addEventListener("click", () => toggleMenu(menu.getAttribute("aria-expanded") !== "true"));
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener("hashchange", async () => {
  showMe();
  await show();
  main.focus({ preventScroll: true }); // whoever reads by ear hears of the new page
});
follow((topic) => topic === "pulse" && showPulse());
// A page that is left but kept would hold its stream, and a browser opens only a few to one server.
window.addEventListener("pagehide", disconnect);
window.addEventListener("pageshow", (event) => event.persisted && begin());
begin();
