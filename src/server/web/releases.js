// SPDX-License-Identifier: Apache-2.0
// Releases: what is there, who runs it, and what bringing it to everybody costs.
import { getApps, may, now, ready } from "./api.js";
import { block, changeApp, changeRelease, newApp, removeApp, removeChannel, removeRelease, setChannel, unblock } from "./apps.js";
import { ago, bar, bytes, card, compareVersions, element, empty, link, number, percent, place, plural, table } from "./dom.js";
import { actions, column } from "./form.js";
import { pin } from "./groups.js";
import { costOf } from "./rollout.js";

export const title = "Releases";

function sizes(release) {
  const full = release.payloads.find((p) => !p.is_delta);
  const deltas = release.payloads.filter((p) => p.is_delta).sort((a, b) => compareVersions(b.source_version, a.source_version));
  const whole = full ? full.size : Math.max(1, ...deltas.map((p) => p.size));
  const rows = [...release.payloads.filter((p) => !p.is_delta), ...deltas];
  if (!rows.length) return empty("No payload yet.", "Publish one to offer this release.");
  return table(`Payloads of ${release.version}`, [
    { title: "Payload", value: (p) => (p.is_delta ? `from ${p.source_version}` : "full") },
    { title: "For devices that read", kind: "more", value: (p) => (p.minor_version === null ? "" : p.minor_version < 1000 ? "any" : [p.minor_version, p.encoders].filter(Boolean).join(", ")) },
    { title: "", kind: "wide", value: (p) => bar([[p.is_delta ? "good" : "plain", p.size]], whole, `${percent(p.size, whole)} of the full payload`) },
    { title: "Size", kind: "n", value: (p) => bytes(p.size) },
    { title: "Of full", kind: "n more", value: (p) => (full && p.is_delta ? percent(p.size, full.size) : "") },
  ], rows);
}

function costLine(cost) {
  if (!cost.devices) return "No device runs something older.";
  const parts = [cost.delta_devices ? `${number(cost.delta_devices)} by delta (${bytes(cost.delta_bytes)})` : "",
    cost.full_devices ? `${number(cost.full_devices)} in full (${bytes(cost.full_bytes)})` : ""].filter(Boolean).join(", ");
  const saved = cost.full_only > cost.bytes ? `; without deltas ${bytes(cost.full_only)}` : "";
  return `${bytes(cost.bytes)} to bring it to all ${plural(cost.devices, "device")} that run something older: ${parts}${saved}.`;
}

function releaseCard(release, app, isOpen, page) {
  const here = now.overview.versions.filter((row) => row.app === app.app);
  const devices = here.filter((row) => row.version === release.version).reduce((sum, row) => sum + row.devices, 0);
  const all = here.reduce((sum, row) => sum + row.devices, 0);
  const cost = costOf(release, here);
  const full = release.payloads.find((p) => !p.is_delta);
  const deltas = release.payloads.filter((p) => p.is_delta);
  const channels = app.channels.filter((c) => c.release === release.version).map((c) => c.name);
  return element("details", { class: "card fold", open: isOpen },
    element("summary", {},
      element("span", { class: "fold-name" }, release.version),
      element("span", { class: "tags" }, ...channels.map((name) => element("span", { class: "tag" }, name)),
        release.stepping_stone ? element("span", { class: "tag" }, "can't be skipped") : null,
        release.blocked.length ? element("span", { class: "tag bad" }, `blocked for ${release.blocked.length > 1 ? `${release.blocked.length} hardware classes` : release.blocked[0].hardware_class}`) : null),
      element("span", { class: "n" }, all ? `${number(devices)} devices (${percent(devices, all)})` : ""),
      element("span", { class: "n more" }, full ? bytes(full.size) : "no full payload"),
      element("span", { class: "n more" }, deltas.length ? `${plural(deltas.length, "delta")}, ${deltas.length > 1 ? "least " : ""}${bytes(Math.min(...deltas.map((p) => p.size)))}` : "no delta"),
      element("span", { class: "n more soft" }, ago(release.created))),
    element("p", { class: "cost" }, costLine(cost)),
    cost.stranded ? element("p", { class: "reason" }, `${plural(cost.stranded, "device")} can't get it: no full payload, and no delta from what they run.`) : null,
    sizes(release),
    release.blocked.length ? table("Blocked hardware", [
      { title: "Hardware class", value: (b) => b.hardware_class },
      { title: "Because", value: (b) => b.reason },
      { title: "Since", kind: "when", value: (b) => ago(b.since) },
      ...column("deploy", { name: (b) => b.hardware_class, rows: (b) => [["deploy", "Unblock…", () => unblock(app.app, release, b, page)]] }),
    ], release.blocked) : null,
    element("p", {}, link(`#/devices?version=${encodeURIComponent(release.version)}&state=`, "Devices that run it")),
    actions(`Change release ${release.version}`,
      ["deploy", "Roll out…", () => { location.hash = `${place("rollouts")}?new=${encodeURIComponent(app.app)}&release=${encodeURIComponent(release.version)}`; }, "primary"],
      ["deploy", "Settings…", () => changeRelease(app.app, release, page)],
      app.groups.length ? ["deploy", "Pin a group…", () => pin(app.app, app.groups, release.version, page)] : null,
      ["deploy", "Block…", () => block(app.app, release, page)],
      ["deploy", "Remove…", () => removeRelease(app.app, release, page), "danger"]));
}

export async function mount(root, parameters, page) {
  const [apps] = await Promise.all([getApps(), ready()]);
  const toPublish = () => { location.hash = "#/publishing"; };
  root.append(element("div", { class: "head" }, element("h1", { class: "grow" }, title),
    actions("Releases", ["deploy", "Publish…", toPublish, "primary"], ["admin", "New app…", () => newApp(page)])));
  if (!apps.some((app) => app.releases.length))
    root.append(card(null, empty("Nothing is published yet.", may("deploy") ? "Publish an image, from which the server makes payloads, or a payload." : "Make a payload from an image, and publish it:",
      ...(may("deploy") ? [] : ["swb-pack full --output=update-1.0.bin --version=1.0 …", "swb-server publish --public-key=key.pem update-1.0.bin"]))));
  for (const app of apps) {
    const list = [...app.releases].sort((a, b) => compareVersions(b.version, a.version));
    root.append(element("section", { class: "stack", "aria-label": app.app },
      element("div", { class: "row" }, element("h2", { class: "app" }, app.app),
        actions(`App ${app.app}`, ["admin", "App settings…", () => changeApp(app.app, page)], ["admin", "Remove app…", () => removeApp(app.app, page), "danger"])),
      card("Channels", app.channels.length ? table("Channels", [
        { title: "Channel", value: (c) => element("span", { class: "strong" }, c.name) },
        { title: "Gives", value: (c) => c.release || "nothing" },
        { title: "", kind: "more", value: (c) => (c.name === app.default_channel ? "for devices that ask for none" : "") },
        { title: "Since", kind: "when more", value: (c) => ago(c.changed) },
        ...column("deploy", { name: (c) => c.name, rows: (c) => [["deploy", "Change…", () => setChannel(app, c, page)], ["deploy", "Remove…", () => removeChannel(app, c, page), "danger"]] }),
      ], app.channels) : empty("No channel yet.", "Devices ask for a channel; point one at a release.", ...(may("deploy") ? [] : ["swb-server channel set stable VERSION"])),
      actions(`Channels of ${app.app}`, ["deploy", "New channel…", () => setChannel(app, null, page)])),
      ...list.map((release, i) => releaseCard(release, app, i === 0, page))));
  }
}
