// SPDX-License-Identifier: Apache-2.0
// Apps, their channels and what is set of a release: what the page of releases changes.
import { at, get, send } from "./api.js";
import { confirm } from "./actions.js";
import { edit, FieldError, say } from "./form.js";
import { plural } from "./dom.js";

const FORMS = [["hex", "hex, as the protocol says"], ["base64", "base64, for clients of go-omaha"], ["omit", "not at all"]];
const NONE = "";

// --- apps ---

export async function newApp(page) {
  const done = await edit({ title: "New app", yes: "Make the app", words: ["Publishing makes an app by itself; this is for one whose channels, groups or keys shall be there before."],
    fields: [{ name: "app", label: "Its id, as devices name it", required: true, also: "app id" }, { name: "default_channel", label: "Channel of devices that ask for none", value: "stable" }],
    work: (values) => send("POST", "apps", values) });
  if (done) page.reload();
}

export async function changeApp(appid, page) {
  const { value: app, tag } = await get(at("", "apps", appid));
  const done = await edit({ title: `App ${appid}`, wide: true, fields: [
    { name: "default_channel", label: "Channel of devices that ask for none", value: app.default_channel, also: "channel" },
    { name: "hash_sha256", label: "How hash_sha256 stands in answers", kind: "select", value: app.hash_sha256, options: FORMS },
    { name: "required_signatures", label: "Keys that must have signed a payload", kind: "number", value: app.required_signatures, also: "required signatures" },
    { name: "add_key", label: "Trust another key (PEM)", kind: "area", also: "'add_keys'", hint: "-----BEGIN PUBLIC KEY----- …; payloads that are there already stay as they are" },
    app.keys.length ? { name: "remove_key", label: "Trust a key no longer", kind: "select", options: [["", "none of them"], ...app.keys.map((key) => [key, key])] } : null,
  ], words: [app.keys.length ? `${plural(app.keys.length, "key")} may sign its payloads.` : "No key is trusted yet: signatures are not checked."],
  work: ({ add_key: add, remove_key: drop, ...values }) => send("PATCH", at("", "apps", appid), { ...values, ...(add && add.trim() ? { add_keys: [add] } : {}), ...(drop ? { remove_keys: [drop] } : {}) }, tag) });
  if (!done) return;
  say(`App ${appid} is saved.`);
  page.reload();
}

export async function removeApp(appid, page) {
  const ok = await confirm({ title: `Remove app ${appid}?`, words: ["With its channels, groups, keys and tags. An app that has releases, images or devices can't be removed.", "Devices that ask for it are told that it is unknown."],
    yes: "Remove", tone: "danger", type: appid, work: () => send("DELETE", at("", "apps", appid)) });
  if (ok) page.reload();
}

// --- channels ---

const releasesOf = (app) => [[NONE, "nothing"], ...app.releases.map((release) => [release.version, release.version])];

export async function setChannel(app, channel, page) {
  const { tag } = channel ? await get(at("", "channels", channel.name), { app: app.app }) : { tag: "" };
  const done = await edit({ title: channel ? `Channel ${channel.name}` : "New channel", yes: channel ? "Change it now" : "Make the channel", tone: channel ? "danger" : "primary",
    words: channel ? ["All devices of the channel are offered this at their next check, without stages. A rollout brings it to some of them first."] : [],
    fields: [channel ? null : { name: "name", label: "Name", required: true, also: "name of a channel" },
      { name: "release", label: "Gives", kind: "select", value: channel ? channel.release ?? NONE : NONE, options: releasesOf(app) }],
    work: ({ name = channel.name, release }) => {
      if (!channel && app.channels.some((c) => c.name === name)) throw new FieldError("name", `There is a channel ${name} already.`);
      return send("PUT", at(app.app, "channels", name), { release: release || null }, tag);
    } });
  if (!done) return;
  say(`Channel ${done.name} gives ${done.release ?? "nothing"} now.`);
  page.reload();
}

export async function removeChannel(app, channel, page) {
  const { tag } = await get(at("", "channels", channel.name), { app: app.app });
  const ok = await confirm({ title: `Remove channel ${channel.name}?`, words: ["Devices that ask for it get no updates until there is such a channel again.", "What it has carried is forgotten."],
    yes: "Remove", tone: "danger", type: channel.name, work: () => send("DELETE", at(app.app, "channels", channel.name), undefined, tag) });
  if (ok) page.reload();
}

// --- releases ---

export async function changeRelease(app, shown, page) {
  const { value: release, tag } = await get(at("", "releases", shown.version), { app });
  const done = await edit({ title: `Release ${release.version}`, fields: [
    { name: "stepping_stone", label: "Devices below it must take it first", kind: "check", value: release.stepping_stone },
    { name: "deadline", label: "Deadline, told to devices", value: release.deadline, hint: "a time as 2027-01-31T00:00:00Z, or now; empty: none" },
    { name: "disable_backoff", label: "Devices try again at once after failures", kind: "check", value: release.disable_backoff },
    { name: "max_failures", label: "Failures after which devices take the next URL", kind: "number", value: release.max_failures, hint: "0: the devices' own number" },
  ], work: (values) => send("PATCH", at(app, "releases", release.version), values, tag) });
  if (!done) return;
  say(`Release ${release.version} is saved.`);
  page.reload();
}

export async function block(app, release, page) {
  const done = await edit({ title: `Block ${release.version} for some hardware`, yes: "Block", tone: "danger", words: ["Devices of this hardware class are not offered it any more, on any channel."],
    fields: [{ name: "hardware", label: "Hardware class", required: true, also: "hardware class" }, { name: "reason", label: "Why", value: "by hand" }],
    work: ({ hardware, reason }) => send("PUT", at(app, "releases", release.version, "blocks", hardware), { reason }) });
  if (!done) return;
  say(`${release.version} is blocked.`);
  page.reload();
}

export async function unblock(app, release, row, page) {
  const ok = await confirm({ title: `Let ${row.hardware_class} have ${release.version} again?`, words: [`It was blocked because: ${row.reason}.`, "A rollout does not block it for this hardware again by itself."],
    yes: "Unblock", work: () => send("DELETE", at(app, "releases", release.version, "blocks", row.hardware_class)) });
  if (ok) page.reload();
}

export async function removeRelease(app, release, page) {
  const { tag } = await get(at("", "releases", release.version), { app });
  const ok = await confirm({ title: `Remove release ${release.version}?`, words: ["Its payloads are deleted, also their files where no other release uses them. Devices that are loading one fail and ask again.", "A release that a channel or a rollout carries can't be removed."],
    yes: "Remove", tone: "danger", type: release.version, work: () => send("DELETE", at(app, "releases", release.version), undefined, tag) });
  if (ok) page.reload();
}
