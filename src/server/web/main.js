// SPDX-License-Identifier: Apache-2.0
// The fleet's page. Everything that devices may have written goes into the page as text, never as markup.

const main = document.getElementById("main");
const fresh = document.getElementById("fresh");
const PAGE = 100;
const REFRESH_MSEC = 10000;

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const text = (value) => (value === null || value === undefined || value === "" ? "–" : String(value));
const number = (value) => Number(value).toLocaleString("en");
const time = (value) => (value ? value.replace("T", " ").replace("Z", "") : "–");
const percent = (part, whole) => (whole ? `${Math.round((1000 * part) / whole) / 10} %` : "–");

async function load(path, parameters = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value));
  const answer = await fetch(`api/v1/${path}?${query}`, { cache: "no-store" });
  if (!answer.ok) throw new Error((await answer.text()).trim() || `status ${answer.status}`);
  return { items: await answer.json(), next: answer.headers.get("X-Next-Cursor") };
}

function card(title, ...children) {
  return element("section", { class: "card" }, title ? element("h2", {}, title) : null, ...children);
}

function table(columns, rows) {
  const head = element("tr", {}, ...columns.map((c) => element("th", { scope: "col", class: c.kind }, c.title)));
  const body = rows.map((row) => element("tr", {}, ...columns.map((c) => {
    const value = c.value(row);
    return element("td", { class: c.kind }, value instanceof Node ? value : text(value));
  })));
  return element("div", { class: "scroll" },
    element("table", {}, element("thead", {}, head), element("tbody", {}, ...body)));
}

// What to do when there is nothing to see yet.
function empty(what, ...commands) {
  return element("div", { class: "empty" }, element("p", {}, what),
    commands.length ? element("pre", {}, commands.join("\n")) : null);
}

// Parts of a whole, side by side; the words beside it say the same.
function bar(parts, whole, label) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "bar");
  svg.setAttribute("viewBox", "0 0 1000 10");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  let x = 0;
  for (const [kind, count] of parts) {
    const width = whole ? (1000 * count) / whole : 0;
    const rect = document.createElementNS(space, "rect");
    rect.setAttribute("class", kind);
    rect.setAttribute("x", String(x));
    rect.setAttribute("width", String(width));
    rect.setAttribute("height", "10");
    svg.append(rect);
    x += width;
  }
  return svg;
}

const STATES = ["new", "up-to-date", "offered", "downloading", "installed", "failed", "held"];
const KINDS = { "up-to-date": "good", offered: "busy", downloading: "busy", installed: "busy", failed: "bad", held: "idle", new: "idle" };

function word(state) {
  return element("span", { class: `word ${KINDS[state] || "idle"}` }, state);
}

// --- overview ---

async function overview() {
  const [{ items: all }, { items: rollouts }] = await Promise.all([load("overview"), load("rollouts")]);
  if (!all.apps)
    return [card("Nothing is published yet", empty("Make a payload, publish it, and point a channel at it:",
      "swb-pack full --output=update-1.0.bin --version=1.0 …",
      "swb-server publish --public-key=key.pem --channel=stable update-1.0.bin"))];
  const counts = new Array(STATES.length).fill(0);
  for (const row of all.states) counts[row.state] += row.devices;
  const tiles = element("div", { class: "tiles" }, ...STATES.map((state, i) => element("div", { class: "tile" },
    element("b", { class: counts[i] ? KINDS[state] : "idle" }, number(counts[i])), element("span", {}, state))));
  const parts = [card(`${number(all.devices)} devices`, all.devices ? tiles :
    empty("No device has asked yet. Point one at this server:",
      `swb-fetch check --url=${location.origin}/v1/update/ --app-id=ID --device-id=test --current-version=0.1`))];
  if (all.devices)
    parts.push(card("Versions", table([
      { title: "Version", value: (row) => row.version },
      { title: "App", kind: "id", value: (row) => row.app },
      { title: "Devices", kind: "n", value: (row) => number(row.devices) },
      { title: "Share", kind: "n", value: (row) => percent(row.devices, all.devices) },
      { title: "", kind: "wide", value: (row) => bar([["good", row.devices]], all.devices, percent(row.devices, all.devices)) },
    ], all.versions)));
  parts.push(card("Rollouts", rollouts.length ? table([
    { title: "Rollout", value: (row) => row.name },
    { title: "Release", value: (row) => row.release },
    { title: "Channel", value: (row) => row.channel },
    { title: "Status", value: (row) => status(row) },
    { title: "Admitted", kind: "n", value: (row) => number(row.admitted) },
    { title: "Ok", kind: "n", value: (row) => number(row.ok) },
    { title: "Bad", kind: "n", value: (row) => number(bad(row)) },
  ], rollouts) : noRollouts()));
  if (all.failures.length)
    parts.push(card("Why devices failed", table([
      { title: "Reason", value: (row) => row.reason },
      { title: "App", kind: "id", value: (row) => row.app },
      { title: "Devices", kind: "n", value: (row) => number(row.devices) },
    ], all.failures)));
  return parts;
}

// --- rollouts ---

const bad = (tally) => tally.failed + tally.fell_back + tally.silent;

function status(rollout) {
  const kind = { active: "good", paused: "bad", recalled: "bad" }[rollout.status] || "idle";
  return element("span", { class: `word ${kind}` }, rollout.status);
}

function noRollouts() {
  return empty("No rollout is under way. This brings a release to one device in a hundred first, and stops by itself when it is bad:",
    "swb-server rollout create NAME --release=VERSION --stage=1% --stage=10% --stage=100%");
}

function stageState(rollout, index) {
  if (index + 1 < rollout.stage) return "passed";
  return index + 1 === rollout.stage ? "open" : "to come";
}

function rolloutCard(rollout) {
  const tally = [["good", rollout.ok], ["bad", bad(rollout)], ["busy", rollout.under_way]];
  const legend = element("p", { class: "legend" },
    element("span", { class: "good" }, `${number(rollout.ok)} ok`),
    element("span", { class: "bad" }, `${number(bad(rollout))} bad`),
    element("span", { class: "busy" }, `${number(rollout.under_way)} under way`),
    element("span", {}, `${number(rollout.at_it)} at it now`));
  const reasons = rollout.reasons.sort((a, b) => b.devices - a.devices);
  return element("section", { class: "card" },
    element("div", { class: "row" },
      element("h2", {}, `${rollout.name}: ${rollout.release} to channel ${rollout.channel}`), status(rollout)),
    rollout.reason ? element("p", { class: "reason" }, rollout.reason) : null,
    bar(tally, rollout.admitted, `${rollout.ok} ok, ${bad(rollout)} bad, ${rollout.under_way} under way`), legend,
    table([
      { title: "Stage", value: (row) => row.size },
      { title: "", kind: "id", value: (row) => stageState(rollout, rollout.stages.indexOf(row)) },
      { title: "Admitted", kind: "n", value: (row) => number(row.admitted) },
      { title: "Under way", kind: "n", value: (row) => number(row.under_way) },
      { title: "Ok", kind: "n", value: (row) => number(row.ok) },
      { title: "Failed", kind: "n", value: (row) => number(row.failed) },
      { title: "Fell back", kind: "n", value: (row) => number(row.fell_back) },
      { title: "Silent", kind: "n", value: (row) => number(row.silent) },
    ], rollout.stages),
    reasons.length ? element("p", {}, "Went badly: ", reasons.map((r) => `${r.reason} (${number(r.devices)})`).join(", ")) : null,
    rollout.blocked_hardware.length ? element("p", {}, "Blocked for hardware: ", rollout.blocked_hardware.join(", ")) : null);
}

async function rollouts() {
  const { items } = await load("rollouts");
  return items.length ? items.map(rolloutCard) : [card("Rollouts", noRollouts())];
}

// --- devices and events ---

// A page of a long list remembers where the pages before it began.
const cursors = { devices: [""], events: [""] };
const filter = { state: "failed", begins: "" };

function pager(list, next) {
  const places = cursors[list];
  const go = (change) => () => { change(); show(); };
  return element("div", { class: "pager" },
    element("button", { type: "button", disabled: places.length < 2 ? "" : null, onclick: go(() => places.pop()) }, "Back"),
    element("button", { type: "button", disabled: next ? null : "", onclick: go(() => places.push(next)) }, "Next"));
}

function filters() {
  const change = (event) => {
    filter[event.target.name] = event.target.value.trim();
    cursors.devices = [""];
    show();
  };
  return element("form", { onsubmit: (event) => event.preventDefault() },
    element("label", {}, "State", element("select", { name: "state", onchange: change },
      ...["", ...STATES].map((state) =>
        element("option", { value: state, selected: state === filter.state ? "" : null }, state || "any")))),
    element("label", {}, "Id begins with",
      element("input", { name: "begins", value: filter.begins, onchange: change, autocomplete: "off", spellcheck: "false" })));
}

async function devices() {
  const { items, next } = await load("devices", { ...filter, limit: PAGE, after: cursors.devices.at(-1) });
  const none = filter.state === "failed" ? "No device has failed." : "No such device.";
  return [card("Devices", filters(), items.length ? table([
    { title: "Device", kind: "id", value: (row) => row.id },
    { title: "Runs", value: (row) => row.version },
    { title: "Offered", value: (row) => row.granted_version },
    { title: "Channel", value: (row) => row.channel },
    { title: "State", value: (row) => word(row.state) },
    { title: "Reason", value: (row) => row.reason },
    { title: "Last event", value: (row) => row.last_event && row.last_event.text },
    { title: "Last seen (UTC)", kind: "when", value: (row) => time(row.last_seen) + (row.silent ? ", silent" : "") },
  ], items) : empty(none), pager("devices", next))];
}

async function events() {
  const { items, next } = await load("events", { limit: PAGE, before: cursors.events.at(-1) });
  return [card("Events", items.length ? table([
    { title: "At (UTC)", kind: "when", value: (row) => time(row.at) },
    { title: "Device", kind: "id", value: (row) => row.device },
    { title: "Version", value: (row) => row.version },
    { title: "To", value: (row) => row.next_version },
    { title: "What", value: (row) => row.summary },
    { title: "Fault", value: (row) => row.fault },
    { title: "Text", value: (row) => row.text },
  ], items) : empty("No device has reported anything yet."), pager("events", next))];
}

// --- the frame ---

const views = { overview, rollouts, devices, events };
let turn = 0;

async function show() {
  const mine = ++turn;
  const name = location.hash.slice(1) in views ? location.hash.slice(1) : "overview";
  for (const link of document.querySelectorAll("nav a"))
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  try {
    const parts = await views[name]();
    if (mine !== turn) return; // something newer is on its way
    main.replaceChildren(...parts);
    fresh.textContent = `as of ${new Date().toLocaleTimeString("en-GB")}`;
  } catch (error) {
    if (mine === turn) fresh.textContent = `no answer from the server: ${error.message}; trying again`;
  }
}

function refresh() {
  // Not under somebody's hands.
  if (!document.hidden && !(document.activeElement && document.activeElement.closest("form"))) show();
}

window.addEventListener("hashchange", show);
setInterval(refresh, REFRESH_MSEC);
show();
