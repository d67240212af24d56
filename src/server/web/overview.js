// SPDX-License-Identifier: Apache-2.0
// The page for the second screen: how the fleet is, how it got there, and what is under way.
import { get, now, ready } from "./api.js";
import { Bars, Layers } from "./chart.js";
import { bar, card, compareVersions, drawn, element, empty, link, number, percent, place, plural, table } from "./dom.js";
import { bad, rolloutStrip } from "./rollout.js";

export const title = "Overview";

const RANGES = [["24 h", 24], ["7 days", 7 * 24], ["30 days", 30 * 24], ["90 days", 90 * 24], ["1 year", 365 * 24]];
const SHOWN_VERSIONS = 6;
const REFRESH_MSEC = 30000;
const ROD_SECONDS = 60;
let hours = 7 * 24;

function tile(name, tone, href) {
  const value = element("b", {}, "–"), note = element("span", { class: "note-line" }, "");
  const node = element(href ? "a" : "div", { class: `tile ${tone}`, href }, element("span", { class: "name" }, name), value, note);
  return { node, set(count, words = "", isQuiet = false) {
    value.textContent = count;
    note.textContent = words;
    node.classList.toggle("quiet", isQuiet);
  } };
}

// One sentence for whoever looks up from something else.
function verdict(live, overview) {
  if (live.writer_healthy === false) return ["bad", "The database can't be written: devices are told to come back later."];
  const stopped = live.rollouts.filter((r) => r.status === "paused" && r.reason);
  if (stopped.length > 1) return ["bad", `${number(stopped.length)} rollouts are stopped: ${stopped.map((r) => r.name).join(", ")}.`, "#/rollouts"];
  if (stopped.length) return ["bad", `Rollout ${stopped[0].name} is stopped: ${stopped[0].reason}`, place("rollouts", stopped[0].app, stopped[0].name)];
  const failed = live.states.failed || 0;
  if (overview.devices && failed / overview.devices > 0.05) return ["bad", `${percent(failed, overview.devices)} of the devices have failed to update.`, "#/devices?state=failed"];
  const active = live.rollouts.filter((r) => r.status === "active");
  if (active.length) return ["busy", `${plural(active.length, "rollout")} under way, nothing out of the ordinary.`];
  return ["good", "All quiet: no rollout under way."];
}

function firstSteps() {
  return [card(null, empty("Nothing is published yet.", "Make a payload from an image, publish it, and point a channel at it. Devices of that channel are then offered it.",
    "swb-pack full --output=update-1.0.bin --version=1.0 …",
    "swb-server publish --public-key=key.pem --channel=stable update-1.0.bin"))];
}

function versionTable(overview) {
  const rows = overview.versions.slice(0, 12);
  const apps = new Set(overview.versions.map((row) => row.app)).size;
  return table("Devices by version", [
    { title: "Version", value: (row) => link(`#/devices?version=${encodeURIComponent(row.version)}`, row.version) },
    apps > 1 ? { title: "App", kind: "id more", value: (row) => row.app } : null,
    { title: "", kind: "wide", value: (row) => bar([["plain", row.devices]], overview.devices, percent(row.devices, overview.devices)) },
    { title: "Devices", kind: "n", value: (row) => number(row.devices) },
    { title: "Share", kind: "n", value: (row) => percent(row.devices, overview.devices) },
  ].filter(Boolean), rows);
}

function failureTable(overview) {
  if (!overview.failures.length) return empty("No device is in trouble.", "What devices report as failed is listed here by its reason.");
  const most = overview.failures[0].devices;
  return table("Devices that failed, by reason", [
    { title: "Reason", value: (row) => row.reason || "not told" },
    { title: "", kind: "wide", value: (row) => bar([["bad", row.devices]], most, plural(row.devices, "device")) },
    { title: "Devices", kind: "n", value: (row) => number(row.devices) },
  ], overview.failures.slice(0, 8));
}

// The versions that matter most as layers, newest at the bottom; the others as one.
function layersOf(history, overview) {
  const sums = new Map();
  for (const series of history.versions) {
    const name = series.version === null ? "others" : series.version;
    if (!sums.has(name)) sums.set(name, { name, points: new Map(), peak: 0 });
    const target = sums.get(name);
    for (const [t, devices] of series.points) target.points.set(t, (target.points.get(t) || 0) + devices);
  }
  // The table knows what samples don't yet: the present.
  if (overview.devices)
    for (const row of overview.versions) {
      if (!sums.has(row.version)) sums.set(row.version, { name: row.version, points: new Map(), peak: 0 });
      const points = sums.get(row.version).points;
      points.set(history.to, (points.get(history.to) || 0) + row.devices);
    }
  for (const series of sums.values()) series.peak = Math.max(...series.points.values());
  const others = { name: "others", tone: "rest", points: new Map() };
  const named = [...sums.values()].filter((s) => s.name !== "others").sort((a, b) => b.peak - a.peak);
  for (const series of [...named.slice(SHOWN_VERSIONS), ...(sums.has("others") ? [sums.get("others")] : [])])
    for (const [t, n] of series.points) others.points.set(t, (others.points.get(t) || 0) + n);
  const shown = named.slice(0, SHOWN_VERSIONS).sort((a, b) => compareVersions(b.name, a.name));
  shown.forEach((series, i) => { series.tone = `v${i}`; });
  if (others.points.size) shown.push(others);
  const times = shown.flatMap((s) => [...s.points.keys()]);
  return { series: shown, from: times.length ? Math.max(history.from, Math.min(...times)) : history.from, to: history.to };
}

function rodsOf(recent) {
  const group = ROD_SECONDS / recent.step;
  const values = [];
  for (let i = 0; i + group <= recent.checks.length; i += group)
    values.push(recent.checks.slice(i, i + group).reduce((sum, n) => sum + n, 0) / ROD_SECONDS);
  return { from: recent.from, to: recent.from + recent.checks.length * recent.step, step: ROD_SECONDS, unit: "checks a second", values };
}

function spark(values) {
  const most = Math.max(1, ...values), n = values.length;
  const points = values.map((v, i) => `${((i / (n - 1)) * 100).toFixed(1)},${(22 - (v / most) * 20).toFixed(1)}`);
  return drawn("svg", { class: "spark", viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true" },
    drawn("polyline", { points: points.join(" ") }));
}

export async function mount(root, parameters, page) {
  await ready();
  if (!now.overview.apps) {
    root.append(element("h1", {}, title), ...firstSteps());
    page.follow((topic) => {
      if (topic === "overview" && now.overview.apps) page.again();
    });
    return;
  }
  const tiles = {
    devices: tile("Devices", "plain", "#/devices?state="),
    current: tile("Up to date", "good", "#/devices?state=up-to-date"),
    busy: tile("Under way", "busy", "#/devices?state=downloading"),
    failed: tile("Failed", "bad", "#/devices?state=failed"),
    held: tile("Held", "idle", "#/devices?state=held"),
    silent: tile("Silent", "idle"),
    rate: tile("Checks a second", "plain"),
  };
  const sentence = element("p", { class: "verdict" });
  const layers = new Layers({ label: "Devices by version", labels: true, height: 300 });
  const rods = new Bars({ label: "Update checks a second, last hour", height: 132, least: 1 });
  const versions = element("div"), failures = element("div"), rollouts = element("div", { class: "strips" });
  const ranges = element("div", { class: "choice", role: "group", "aria-label": "Time span" }, ...RANGES.map(([name, value]) =>
    element("button", { type: "button", "aria-pressed": String(value === hours), onclick: (event) => choose(value, event.target) }, name)));
  const legend = element("ul", { class: "legend keys" });
  const none = element("div", { hidden: true }, empty("No device has asked yet.", "Point one at this server:",
    `swb-fetch check --url=${location.origin}/v1/update/ --app-id=ID --device-id=test --current-version=0.1`));
  let history = null;

  root.append(element("div", { class: "head" }, element("h1", {}, title), sentence),
    element("div", { class: "tiles" }, ...Object.values(tiles).map((t) => t.node)), none,
    element("div", { class: "columns" },
      element("div", { class: "broad" },
        element("section", { class: "card" }, element("div", { class: "row" }, element("h2", {}, "Devices by version"), ranges), layers.node, legend),
        element("div", { class: "columns even" },
          element("section", { class: "card" }, element("h2", {}, "Versions now"), versions),
          element("section", { class: "card" }, element("h2", {}, "Why devices failed"), failures))),
      element("div", { class: "slim" },
        element("section", { class: "card" }, element("h2", {}, "Rollouts"), rollouts),
        element("section", { class: "card" }, element("h2", {}, "Update checks a second, last hour"), rods.node))));

  function choose(value, button) {
    hours = value;
    for (const other of ranges.children) other.setAttribute("aria-pressed", String(other === button));
    refresh();
  }

  async function refresh() {
    history = (await get("history", { hours })).value;
    if (page.gone) return;
    const data = layersOf(history, now.overview);
    layers.show(data);
    legend.replaceChildren(...data.series.map((s) => element("li", {}, element("span", { class: `key ${s.tone}`, "aria-hidden": "true" }), s.name)));
    rods.show(rodsOf(history.recent));
    const old = tiles.rate.node.querySelector("svg");
    if (old) old.remove();
    tiles.rate.node.append(spark(rodsOf(history.recent).values));
  }

  function showLive() {
    const live = now.live, states = live.states;
    const busy = states.offered + states.downloading + states.installed;
    tiles.devices.set(number(live.devices), `${number(new Set(now.overview.versions.map((v) => v.version)).size)} versions`);
    tiles.current.set(percent(states["up-to-date"], live.devices), number(states["up-to-date"]));
    tiles.busy.set(number(busy), [["offered", states.offered], ["downloading", states.downloading], ["to reboot", states.installed]]
      .filter(([, n]) => n).map(([word, n]) => `${number(n)} ${word}`).join(", ") || "nobody at it", !busy);
    tiles.failed.set(number(states.failed), percent(states.failed, live.devices), !states.failed);
    tiles.held.set(number(states.held), "get nothing now", !states.held);
    tiles.rate.set(live.checks_per_second === null ? "–" : number(+live.checks_per_second.toFixed(live.checks_per_second < 10 ? 1 : 0)), "");
    const [tone, words, href] = verdict(live, now.overview);
    sentence.className = `verdict ${tone}`;
    sentence.replaceChildren(href ? link(href, words) : words);
    none.hidden = live.devices > 0;
    const running = [...live.rollouts].sort((a, b) => (b.status === "active") - (a.status === "active") || bad(b) - bad(a));
    rollouts.replaceChildren(...(running.length ? running.slice(0, 6).map((r) => rolloutStrip(r)) :
      [empty("No rollout is under way.", "A rollout brings a release to one device in a hundred first, and stops by itself when it is bad.")]));
    if (running.length > 6) rollouts.append(link("#/rollouts", `and ${number(running.length - 6)} more`));
  }

  function showOverview() {
    const silent = now.overview.states.reduce((sum, row) => sum + (row.silent || 0), 0);
    tiles.silent.set(number(silent), "not heard of for a day", !silent);
    versions.replaceChildren(now.overview.devices ? versionTable(now.overview) : empty("No device yet."));
    failures.replaceChildren(failureTable(now.overview));
  }

  showLive();
  showOverview();
  page.follow((topic) => {
    if (topic === "live") showLive();
    if (topic === "overview") showOverview();
  });
  page.every(REFRESH_MSEC, refresh);
  await refresh();
}

