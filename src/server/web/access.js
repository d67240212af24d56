// SPDX-License-Identifier: Apache-2.0
// What an administrator sets: users, tokens, webhooks, mirrors and caps.
import { at, get, me, send } from "./api.js";
import { confirm } from "./actions.js";
import { ago, badge, bytes, card, element, empty, facts, moment, number, table } from "./dom.js";
import { actions, column, edit, FieldError, reveal, say, sizeText } from "./form.js";

const SCOPES = [["read", "read: see everything"], ["deploy", "deploy: releases, channels, groups, rollouts"], ["admin", "admin: everything"]];
const KINDS = [["tag", "that have the tag"], ["group", "of the group"], ["network", "of the network"], ["hardware_class", "of the hardware class"]];
const KIND_WORDS = { tag: "tag", group: "group", network: "network", hardware_class: "hardware" };

// --- users ---

async function newUser(page) {
  const done = await edit({ title: "New user", yes: "Make the user", fields: [
    { name: "name", label: "Name", required: true, also: "name of a user" },
    { name: "role", label: "May", kind: "select", value: "read", options: SCOPES },
    { name: "password", label: "Password", kind: "password", complete: "new-password", hint: "at least 8 characters; empty: only a trusted proxy can vouch for the user", also: "password" },
  ], work: (values) => send("POST", "users", values) });
  if (done) page.reload();
}

async function changeUser(user, page) {
  const done = await edit({ title: `User ${user.name}`, words: ["A changed role or password ends the user's sessions."], fields: [
    { name: "role", label: "May", kind: "select", value: user.role, options: SCOPES },
    { name: "password", label: "New password", kind: "password", complete: "new-password", hint: "empty: it stays", also: "password" },
  ], work: ({ role, password }) => send("PATCH", at("", "users", user.name), { role, ...(password ? { password } : {}) }) });
  if (!done) return;
  say(`User ${user.name} is saved.`);
  page.again();
}

async function removeUser(user, page) {
  const isMe = user.name === me.user;
  if (await confirm({ title: `Remove user ${user.name}?`, words: [isMe ? "This is you: you are logged out at once." : "The user's sessions end at once.", "What the user did stays in the log."], yes: "Remove", tone: "danger", type: isMe ? user.name : "",
    work: () => send("DELETE", at("", "users", user.name)) })) page.again();
}

// --- tokens ---

async function newToken(page) {
  const done = await edit({ title: "New token", yes: "Make the token", words: ["For a program: a build machine that publishes, for instance."], fields: [
    { name: "name", label: "Name", required: true, also: "name of a token" },
    { name: "scope", label: "May", kind: "select", value: "read", options: SCOPES },
    { name: "expires_in_seconds", label: "Expires after", kind: "duration", hint: "as 90d; empty: never" },
  ], work: (values) => send("POST", "tokens", values) });
  if (!done) return;
  await reveal(`Token ${done.name}`, "It is shown this once; the server keeps only a hash of it.", done.token);
  page.reload();
}

async function removeToken(token, page) {
  if (await confirm({ title: `Remove token ${token.name}?`, words: ["Programs that use it are refused at once.", token.last_used ? `It was last used ${moment(token.last_used)}.` : "It was never used."], yes: "Remove", tone: "danger",
    work: () => send("DELETE", at("", "tokens", token.name)) })) page.reload();
}

// --- webhooks ---

const hookFields = (hook) => [
  hook ? null : { name: "name", label: "Name", required: true, also: "name of a webhook" },
  { name: "url", label: "URL", value: hook ? hook.url : "", required: true, also: "URL", hint: "each change is POSTed there" },
  { name: "events", label: "Tells of actions that begin with", value: hook ? hook.events : "rollout.", hint: "as rollout. release., with blanks between" },
  { name: "enabled", label: "Enabled", kind: "check", value: hook ? hook.enabled : true },
];

async function newHook(page) {
  const done = await edit({ title: "New webhook", yes: "Make the webhook", fields: hookFields(null), work: (values) => send("POST", "webhooks", values) });
  if (!done) return;
  await reveal(`Webhook ${done.name}`, "With this secret each message is signed. It is shown this once.", done.secret);
  page.reload();
}

async function changeHook(hook, page) {
  if (await edit({ title: `Webhook ${hook.name}`, fields: hookFields(hook), work: (values) => send("PATCH", at("", "webhooks", hook.name), values) })) page.reload();
}

async function removeHook(hook, page) {
  if (await confirm({ title: `Remove webhook ${hook.name}?`, words: ["It is told of nothing more, also not of what waits."], yes: "Remove", tone: "danger", work: () => send("DELETE", at("", "webhooks", hook.name)) })) page.reload();
}

export async function people(page) {
  const [users, tokens, hooks] = await Promise.all([get("users"), get("tokens"), get("webhooks")]);
  return [card("Users", users.value.length ? table("Users", [
    { title: "User", value: (u) => element("span", { class: "strong" }, u.name) },
    { title: "May", value: (u) => u.role },
    { title: "Logs in", kind: "more", value: (u) => (u.has_password ? "with a password" : "through a proxy") },
    { title: "Since", kind: "when more", value: (u) => ago(u.created) },
    ...column("admin", { name: (u) => u.name, rows: (u) => [["admin", "Change…", () => changeUser(u, page)], ["admin", "Remove…", () => removeUser(u, page), "danger"]] }),
  ], users.value) : empty("No user."), actions("Users", ["admin", "New user…", () => newUser(page)])),
  card("Tokens for programs", tokens.value.length ? table("Tokens", [
    { title: "Token", value: (t) => element("span", { class: "strong" }, t.name) },
    { title: "May", value: (t) => t.scope },
    { title: "Expires", kind: "when more", value: (t) => (t.expires ? new Date(t.expires).toLocaleDateString("en-GB") : "never") },
    { title: "Used", kind: "more", value: (t) => (t.last_used ? ago(t.last_used) : "never") },
    ...column("admin", { name: (t) => t.name, rows: (t) => [["admin", "Remove…", () => removeToken(t, page), "danger"]] }),
  ], tokens.value) : empty("No token.", "A program that publishes or deploys needs one."), actions("Tokens", ["admin", "New token…", () => newToken(page)])),
  card("Webhooks", hooks.value.length ? table("Webhooks", [
    { title: "Webhook", value: (h) => element("span", { class: "strong" }, h.name) },
    { title: "Tells of", kind: "more", value: (h) => h.events },
    { title: "URL", kind: "more", value: (h) => h.url },
    { title: "", kind: "id", value: (h) => badge(h.enabled ? (h.failed_tries ? "failing" : "enabled") : "disabled", h.enabled ? (h.failed_tries ? "bad" : "good") : "idle") },
    { title: "Told", kind: "n more", value: (h) => number(h.delivered) },
    ...column("admin", { name: (h) => h.name, rows: (h) => [["admin", "Change…", () => changeHook(h, page)], ["admin", "Remove…", () => removeHook(h, page), "danger"]] }),
  ], hooks.value) : empty("No webhook.", "A webhook is told what happens to rollouts, or of any other change."), actions("Webhooks", ["admin", "New webhook…", () => newHook(page)]))];
}

// --- where payloads come from, and how fast ---

async function changeMirror(shown, mirrors, page) {
  const { value: mirror, tag } = shown ? await get(at("", "mirrors", shown.name)) : { value: { kind: "tag" }, tag: "" };
  const done = await edit({ title: shown ? `Mirror ${shown.name}` : "New mirror", yes: shown ? "Save" : "Make the mirror",
    words: ["A folder with the same files as this server's payloads, nearer to some devices. They try it before what every device is told."], fields: [
      shown ? null : { name: "name", label: "Name", required: true, also: "name of a mirror" },
      { name: "kind", label: "For devices", kind: "select", value: mirror.kind, options: KINDS },
      { name: "value", label: "Tag, group, network or hardware class", value: mirror.value, required: true, also: "network, as", hint: "a network is written as 10.0.0.0/8" },
      { name: "url", label: "URL of the folder", value: mirror.url, required: true },
      { name: "position", label: "Place in the order", kind: "number", value: mirror.position, hint: shown ? "" : "empty: behind all others" },
    ], work: ({ name = mirror.name, ...values }) => {
      if (!shown && mirrors.some((m) => m.name === name)) throw new FieldError("name", `There is a mirror ${name} already.`);
      return send("PUT", at("", "mirrors", name), values, tag);
    } });
  if (!done) return;
  say(`Mirror ${done.name} is saved.`);
  page.reload();
}

async function removeMirror(mirror, page) {
  const { tag } = await get(at("", "mirrors", mirror.name));
  if (await confirm({ title: `Remove mirror ${mirror.name}?`, words: ["Its devices load from where all others do, from their next check on. Downloads that are under way go on."], yes: "Remove", tone: "danger",
    work: () => send("DELETE", at("", "mirrors", mirror.name), undefined, tag) })) page.reload();
}

async function changeCaps(page) {
  const { value: caps, tag } = await get("settings/egress");
  const done = await edit({ title: "Caps of what is offered", words: ["By all servers together. Devices that have to wait are told when to ask again; downloads that are under way go on."], fields: [
    { name: "per_second", label: "Bytes in a second", kind: "size", value: sizeText(caps.per_second), empty: 0, hint: "as 50 MB; empty: no cap" },
    { name: "per_day", label: "Bytes in a day (UTC)", kind: "size", value: sizeText(caps.per_day), empty: 0, hint: "as 2 TB; empty: no cap" },
  ], work: (values) => send("PUT", "settings/egress", values, tag) });
  if (!done) return;
  say("The caps are saved.");
  page.reload();
}

export async function delivery(page) {
  const [mirrors, caps] = await Promise.all([get("mirrors"), get("settings/egress")]);
  const { per_second: perSecond, per_day: perDay, today, held_until: held } = caps.value;
  return [card("Mirrors of payloads", mirrors.value.length ? table("Mirrors", [
    { title: "#", kind: "n", value: (m) => m.position },
    { title: "Mirror", value: (m) => element("span", { class: "strong" }, m.name) },
    { title: "For", value: (m) => `${KIND_WORDS[m.kind]} ${m.value}` },
    { title: "URL", kind: "more", value: (m) => m.url },
    ...column("admin", { name: (m) => m.name, rows: (m) => [["admin", "Change…", () => changeMirror(m, mirrors.value, page)], ["admin", "Remove…", () => removeMirror(m, page), "danger"]] }),
  ], mirrors.value) : empty("No mirror.", "All devices load from the same place. A mirror is for those of a region (by a tag), a group, a network or a hardware class."),
  actions("Mirrors", ["admin", "New mirror…", () => changeMirror(null, mirrors.value, page)])),
  card("Caps of what is offered", facts(["In a second", perSecond ? bytes(perSecond) : "no cap"], ["In a day", perDay ? bytes(perDay) : "no cap"], ["Offered today", bytes(today)],
    held ? ["No more offers until", moment(held)] : null), actions("Caps", ["admin", "Change the caps…", () => changeCaps(page)]))];
}
