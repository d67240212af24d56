// SPDX-License-Identifier: Apache-2.0
// Settings: of these pages in this browser, and what the server says of itself.
import { delivery, people } from "./access.js";
import { may, me, now, ready, send } from "./api.js";
import { card, element, facts, link, number, plural } from "./dom.js";

export const title = "Settings";
const THEMES = [["", "as the system"], ["light", "light"], ["dark", "dark"]];

export function applyTheme() {
  const theme = localStorage.getItem("theme") || "";
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

function themes() {
  const current = localStorage.getItem("theme") || "";
  return element("fieldset", { class: "options" }, element("legend", {}, "Colours"), ...THEMES.map(([value, words]) =>
    element("label", {}, element("input", { type: "radio", name: "theme", value, checked: value === current, onchange: () => {
      localStorage.setItem("theme", value);
      applyTheme();
    } }), words)));
}

function password() {
  const said = element("p", { role: "status" });
  const input = (id, words, complete) => [element("label", { for: id }, words), element("input", { id, type: "password", autocomplete: complete, required: true })];
  const [oldLabel, old] = input("old-password", "Password now", "current-password");
  const [newLabel, fresh] = input("new-password", "New password", "new-password");
  return element("form", { class: "login", onsubmit: async (event) => {
    event.preventDefault();
    try {
      await send("PUT", "session/password", { old_password: old.value, new_password: fresh.value });
      said.textContent = "Changed. Log in with it.";
    } catch (error) {
      said.textContent = error.message;
    }
  } }, oldLabel, old, newLabel, fresh, element("button", { type: "submit" }, "Change the password"), said);
}

export async function mount(root, parameters, page) {
  await ready();
  const server = element("div");
  root.append(element("div", { class: "head" }, element("h1", {}, title)),
    element("div", { class: "columns even" }, card("These pages", themes()), card("This server", server)),
    card("The same for programs", element("p", {}, "Everything on these pages comes from ", link("api/v1/overview", "/api/v1/"),
      "; ", link("metrics", "/metrics"), " is for Prometheus, ", link("healthz", "/healthz"), " for whoever watches the server.")));
  root.append(element("div", { class: "columns" }, ...await delivery(page)));
  if (me.user && may("admin")) root.append(...await people(page));
  if (me.user) root.append(card(`Your password, ${me.user}`, password()));
  const show = () => server.replaceChildren(facts(
    ["Address", location.host],
    ["Database", now.live.writer_healthy === false ? "can't be written" : "written without trouble"],
    ["Waiting to be written", now.live.writer_load_percent === undefined ? "–" : `${now.live.writer_load_percent} % of the queue`],
    ["Devices", number(now.live.devices)],
    ["Events kept", now.live.events === undefined ? "–" : number(now.live.events)],
    ["Rollouts under way", plural(now.live.rollouts.length, "rollout")],
    ["State of the catalog", now.live.generation === undefined ? "–" : `change ${number(now.live.generation)}`]));
  show();
  page.follow((topic) => topic === "live" && show());
}
