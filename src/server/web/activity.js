// SPDX-License-Identifier: Apache-2.0
// Activity: what people changed, and what devices reported, newest first.
import { get, me } from "./api.js";
import { ago, card, element, empty, link, place, table } from "./dom.js";

export const title = "Activity";
const PAGE = 100;
const REFRESH_MSEC = 10000;

function auditTable(items) {
  return table("Changes", [
    { title: "When", kind: "when", value: (row) => ago(row.at) },
    { title: "Who", value: (row) => row.who || "nobody" },
    { title: "What", value: (row) => row.action.replace(".", " ") },
    { title: "Which", value: (row) => row.object },
    { title: "By", kind: "more", value: (row) => [row.via, row.address].filter(Boolean).join(", ") },
  ], items);
}

export async function mount(root, parameters, page) {
  const places = [""];
  const result = element("div");
  const back = element("button", { type: "button", onclick: () => { places.pop(); load(); } }, "Newer");
  const next = element("button", { type: "button", onclick: () => { places.push(next.dataset.cursor); load(); } }, "Older");
  const changes = element("div");
  root.append(element("div", { class: "head" }, element("h1", {}, title)), changes,
    card("What devices reported", result, element("div", { class: "pager" }, back, next)));

  async function load() {
    const { value: items, next: cursor } = await get("events", { limit: PAGE, before: places.at(-1) });
    if (page.gone) return;
    result.replaceChildren(items.length ? table("Events of devices", [
      { title: "When", kind: "when", value: (row) => ago(row.at) },
      { title: "Device", kind: "id", value: (row) => link(place("devices", row.app, row.device), row.device) },
      { title: "What", value: (row) => row.summary },
      { title: "On", kind: "more", value: (row) => row.version },
      { title: "To", kind: "more", value: (row) => row.next_version },
      { title: "Details", kind: "more", value: (row) => [row.fault, row.text].filter(Boolean).join(": ") },
    ], items) : empty("No device has reported anything yet.", "Downloads, installations, reboots and failures are listed here as devices tell of them."));
    back.disabled = places.length < 2;
    next.disabled = !cursor;
    next.dataset.cursor = cursor || "";
  }

  // The server has this log for those whom it knows.
  async function audit() {
    if (!me.user) return;
    const { value: items } = await get("audit", { limit: 20 });
    if (!page.gone) changes.replaceChildren(card("What people and programs changed", items.length ? auditTable(items) :
      empty("Nothing was changed yet.", "Whoever publishes, starts a rollout or stops one is named here.")));
  }

  await Promise.all([load(), audit()]);
  page.every(REFRESH_MSEC, () => Promise.all([audit(), places.length === 1 ? load() : null]));
}
