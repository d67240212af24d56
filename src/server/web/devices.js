// SPDX-License-Identifier: Apache-2.0
// Devices: the list with its filters, and one with its story and the answer to "why".
import { at, get, now, ready, send } from "./api.js";
import { ago, badge, bytes, card, element, empty, facts, link, moment, number, place, STATES, table } from "./dom.js";
import { actions, edit, say } from "./form.js";

export const title = "Devices";
const PAGE = 100;

function listTable(items) {
  return table("Devices", [
    { title: "Device", kind: "id", value: (row) => link(place("devices", row.app, row.id), row.id) },
    { title: "State", kind: "id", value: (row) => badge(row.state) },
    { title: "Runs", value: (row) => row.version },
    { title: "Offered", kind: "more", value: (row) => row.granted_version },
    { title: "Channel", kind: "more", value: (row) => row.channel },
    { title: "Hardware", kind: "more", value: (row) => row.hardware_class },
    { title: "Reason", kind: "more", value: (row) => row.reason },
    { title: "Heard of", kind: "when", value: (row) => (row.silent ? element("span", {}, ago(row.last_seen), ", silent") : ago(row.last_seen)) },
  ], items);
}

export async function mount(root, parameters, page) {
  const [app, id] = parameters.path;
  if (id) return mountOne(root, app, id, page);
  await ready();
  const query = parameters.query;
  const filter = { state: query.get("state") ?? "", version: query.get("version") || "", begins: query.get("begins") || "", app: query.get("app") || "" };
  const places = [""];
  const result = element("div"), counts = element("p", { class: "soft" });
  const versions = [...new Set(now.overview.versions.map((row) => row.version))];
  const apps = [...new Set(now.overview.versions.map((row) => row.app))];
  const choice = (name, label, options) => element("label", {}, label,
    element("select", { name, onchange: changed }, ...options.map(([value, words]) => element("option", { value, selected: value === filter[name] }, words))));
  if (filter.version && !versions.includes(filter.version)) versions.push(filter.version);
  const back = element("button", { type: "button", onclick: () => { places.pop(); load(); } }, "Back");
  const next = element("button", { type: "button", onclick: () => { places.push(next.dataset.cursor); load(); } }, "Next");
  root.append(element("div", { class: "head" }, element("h1", {}, title), counts),
    card(null, element("form", { class: "filter", role: "search", onsubmit: (event) => event.preventDefault() },
      choice("state", "State", [["", "any"], ...STATES.map((s) => [s, s])]),
      choice("version", "Version", [["", "any"], ...versions.map((v) => [v, v])]),
      apps.length > 1 ? choice("app", "App", [["", "any"], ...apps.map((a) => [a, a])]) : null,
      element("label", {}, "Id begins with", element("input", { name: "begins", type: "search", value: filter.begins, onchange: changed, autocomplete: "off", spellcheck: "false" }))),
    result, element("div", { class: "pager" }, back, next)));

  function changed(event) {
    filter[event.target.name] = event.target.value.trim();
    const words = new URLSearchParams(Object.entries(filter).filter(([, value]) => value));
    history.replaceState(null, "", `#/devices${words.size ? `?${words}` : ""}`);
    places.length = 1;
    load();
  }

  async function load() {
    const { value: items, next: cursor } = await get("devices", { ...filter, limit: PAGE, after: places.at(-1) });
    if (page.gone) return;
    result.replaceChildren(items.length ? listTable(items) : empty(now.overview.devices ? "No such device." : "No device has asked yet.",
      now.overview.devices ? "Loosen the filter to see more." : "A device is listed here when it first asks for an update."));
    const first = (places.length - 1) * PAGE;
    counts.textContent = items.length ? `${number(first + 1)} to ${number(first + items.length)}` : "";
    back.disabled = places.length < 2;
    next.disabled = !cursor;
    next.dataset.cursor = cursor || "";
  }

  await load();
}

// --- one device ---

const SAYS = { 0: "bad", 1: "good", 2: "good", 3: "bad", 4: "bad", 6: "busy" };
const toneOfEvent = (event) => (event.fault || SAYS[event.result] === "bad" ? "bad" : /complete|reboot/.test(event.summary) ? "good" : "busy");

const explain = (app, id) => get("explain", { app, device: id });

function why(answer) {
  const steps = [
    ["Group", answer.group || "none matches"],
    ["Channel", answer.channel ? `${answer.channel}, which gives ${answer.channel_release || "nothing"}` : "none"],
    ["Rollout", answer.rollout || "none in the way"],
    ["Rule", answer.rule],
    ...answer.urls.slice(0, 4).map((place, i) => [i ? "then" : "Loads from", element("span", { title: place.rule }, place.url, element("span", { class: "soft" }, ` (${place.rule})`))]),
  ];
  const words = answer.info.replace(/^[a-z-]+: /, "");
  return [element("p", { class: `answer ${answer.answer === "update" ? "busy" : "idle"}` },
    answer.answer === "update" ? `It would be offered ${answer.release}${answer.delta ? " as a delta" : ""}, ${bytes(answer.bytes)}.` : "It would be told that there is no update for it."),
  element("p", {}, words), answer.passed_over ? element("p", { class: "soft" }, `Passed over: ${answer.passed_over}.`) : null, answer.recall ? element("p", { class: "reason" }, "It is told to drop what it has installed and not started.") : null, facts(...steps)];
}

function timeline(events) {
  const list = element("ol", { class: "timeline" });
  let day = "";
  for (const event of events) {
    const date = new Date(event.at);
    const here = date.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "long", year: "numeric" });
    if (here !== day) list.append(element("li", { class: "day" }, here));
    day = here;
    const versions = [event.previous_version && event.previous_version !== event.version ? `from ${event.previous_version}` : "", event.version ? `on ${event.version}` : "",
      event.next_version && event.next_version !== event.version ? `to ${event.next_version}` : "", event.slot ? `slot ${event.slot}` : ""].filter(Boolean).join(", ");
    list.append(element("li", { class: toneOfEvent(event) },
      element("time", { datetime: event.at }, date.toLocaleTimeString("en-GB")),
      element("div", {}, element("p", { class: "strong" }, event.summary), versions ? element("p", { class: "soft" }, versions) : null,
        event.fault || event.text ? element("p", { class: "detail" }, [event.fault, event.text].filter(Boolean).join(": ")) : null)));
  }
  return list;
}

async function changeTags(app, id, page) {
  const { value: { tags }, tag } = await get(at("", "devices", id, "tags"), { app });
  const done = await edit({ title: `Tags of ${id}`, words: ["Groups and mirrors can be for devices with a tag, as a region's."], fields: [{ name: "tags", label: "Tags", kind: "lines", value: tags, also: "tag", hint: "with blanks or new lines between" }],
    work: (values) => send("PUT", at(app, "devices", id, "tags"), values, tag) });
  if (!done) return;
  say("Its tags are saved.");
  page.reload();
}

async function mountOne(root, app, id, page) {
  const query = { app, device: id };
  const [{ value: found }, { value: events, next }, explained, { value: { tags } }] = await Promise.all([
    get("devices", { app, begins: id, limit: 1000 }), get("events", { ...query, limit: PAGE }), explain(app, id).catch((error) => ({ error })), get(at("", "devices", id, "tags"), { app }).catch(() => ({ value: { tags: [] } }))]);
  const device = found.find((row) => row.id === id);
  root.append(element("p", { class: "trail" }, link("#/devices", "Devices")));
  if (!device) {
    root.append(element("div", { class: "head" }, element("h1", {}, id)),
      card(null, empty("The server has not heard of this device.", "A device is known from its first request on.")));
    return;
  }
  const list = element("div", {}, events.length ? timeline(events) : empty("It has reported nothing yet.", "Downloads, installations, reboots and failures are listed here."));
  const more = element("button", { type: "button", hidden: !next, onclick: async () => {
    const older = await get("events", { ...query, limit: PAGE, before: more.dataset.before });
    list.append(timeline(older.value));
    more.dataset.before = older.next || "";
    more.hidden = !older.next;
  } }, "Older");
  more.dataset.before = next || "";
  root.append(element("div", { class: "head" }, element("h1", { class: "mono" }, device.id), badge(device.state), device.silent ? badge("silent") : null,
    element("p", { class: "soft" }, `runs ${device.version}, heard of `, ago(device.last_seen))),
  ...(device.reason ? [element("p", { class: "reason" }, device.reason)] : []),
  element("div", { class: "columns" },
    element("div", { class: "broad" }, card("What happened", list, more,
      device.dropped_events ? element("p", { class: "soft" }, `${number(device.dropped_events)} further events came too fast and were not stored.`) : null)),
    element("div", { class: "slim" },
      card("What it would be told now, and why", ...(explained.error ? [element("p", { class: "reason" }, explained.error.message)] : why(explained.value))),
      card("The device", facts(["App", device.app], ["Channel", device.channel], ["Hardware", device.hardware_class], ["Board", device.board], ["Tags", tags.join(", ")], ["Slot", device.slot], ["Reads", device.reads ? `minor versions up to ${device.reads.split(" ")[0]}; encoders ${device.reads.split(" ").slice(3).join(", ") || "none"}` : "it does not say"],
        ["Offered", device.granted_version], ["Offered at", moment(device.granted_at)], ["Updated", moment(device.updated_at)], ["First heard of", moment(device.first_seen)],
        ["Last heard of", moment(device.last_seen)], ["Events kept", number(device.events)]), actions("This device", ["deploy", "Change its tags…", () => changeTags(app, id, page)])))));
}
