// SPDX-License-Identifier: Apache-2.0
// Groups: which devices get which channel, in the order in which they are asked.
import { at, get, getApps, may, send } from "./api.js";
import { confirm } from "./actions.js";
import { card, element, empty, number, plural, table } from "./dom.js";
import { actions, column, edit, FieldError, say } from "./form.js";

export const title = "Groups";
const SHOWN_MACHINES = 6;
const PREVIEW_MSEC = 350;

function rule(group) {
  const parts = [group.hardware_class ? `hardware ${group.hardware_class}` : "", group.board ? `board ${group.board}` : "", group.track ? `asks for ${group.track}` : "", group.versions ? `runs ${group.versions}` : "",
    group.tag ? `tag ${group.tag}` : "",
    group.only_machines ? `${number(group.machines.length)} listed devices` : ""].filter(Boolean);
  return parts.length ? parts.join(", ") : "every device";
}

const fieldsOf = (group, app) => [
  group.name ? null : { name: "name", label: "Name", required: true, also: "name of a group" },
  { name: "channel", label: "Gets", kind: "select", value: group.channel ?? "", options: [...app.channels.map((c) => [c.name, `channel ${c.name}`]), ["", "no updates"]] },
  { name: "hardware_class", label: "Hardware class", value: group.hardware_class, hint: "Empty: any. A device must fit all rules that are set." },
  { name: "board", label: "Board", value: group.board },
  { name: "track", label: "Asks for the track", value: group.track },
  { name: "versions", label: "Runs", value: group.versions, also: "version", hint: "as 1.2, 1.2.* or 1.2..1.4, with commas between" },
  { name: "tag", label: "Has the tag", value: group.tag, also: "name of a tag" },
  { name: "only_machines", label: "Only the devices of this list", kind: "check", value: group.only_machines },
  { name: "machines", label: "Ids of devices", kind: "lines", value: group.machines, also: "machine id", hint: "one a line; counts when the box above is ticked" },
  { name: "pin", label: "Pinned to versions that begin with", value: group.pin, hint: "as 4.2. or exactly 4.2.1$; empty: any" },
  { name: "time_zone", label: "Time zone, for the hours of rollouts", value: group.time_zone, hint: "as Europe/Berlin; empty: the rollout's" },
  { name: "position", label: "Place in the order", kind: "number", value: group.position, hint: group.name ? "" : "empty: behind all others" },
];

function words(answer) {
  const taken = answer.taken_by_earlier_groups, rest = answer.matching - taken;
  const some = answer.examples.length ? `, as ${answer.examples.slice(0, 3).join(", ")}` : "";
  return `Fits ${number(answer.matching)} of ${plural(answer.devices, "known device")}${some}.` +
    (taken ? ` ${number(taken)} of them belong to an earlier group, so it would have ${number(rest)}.` : "");
}

// Counts while somebody types, but not at each key.
function preview(fields, group, app) {
  const text = element("p", { class: "preview", role: "status" }, "Counting devices…");
  let timer = 0, asked = 0;
  async function ask() {
    const mine = ++asked;
    try {
      const rules = fields.read(true);
      const { name, ...rest } = rules;
      const answer = await send("POST", at(app.app, "group-preview"), { ...rest, name: group.name ?? name, channel: rules.channel || null });
      if (mine === asked) text.textContent = words(answer);
    } catch (error) {
      if (mine === asked) text.textContent = error.message;
    }
  }
  for (const field of fields.list) field.input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PREVIEW_MSEC);
  });
  ask();
  return text;
}

async function change(app, shown, page) {
  const { value: group, tag } = shown ? await get(at("", "groups", shown.name), { app: app.app }) : { value: { channel: app.default_channel, machines: [] }, tag: "" };
  const done = await edit({ title: shown ? `Group ${shown.name}` : "New group", yes: shown ? "Save" : "Make the group", wide: true,
    fields: fieldsOf(group, app), beside: (fields) => preview(fields, group, app),
    work: ({ name = group.name, channel, ...rules }) => {
      if (!shown && app.groups.some((g) => g.name === name)) throw new FieldError("name", `There is a group ${name} already.`);
      return send("PUT", at(app.app, "groups", name), { ...rules, channel: channel || null }, tag);
    } });
  if (!done) return;
  say(`Group ${done.name} is saved: ${rule(done)} ${done.channel ? `get channel ${done.channel}` : "get no updates"}.`);
  page.reload();
}

// The release's page has this, too.
export async function pin(app, groups, version, page) {
  const done = await edit({ title: `Pin a group to ${version}`, yes: "Pin", words: ["Its devices get this version and no other, whatever its channel gives later."],
    fields: [{ name: "group", label: "Group", kind: "select", options: groups.map((g) => [g.name, g.pin ? `${g.name}, pinned to ${g.pin}` : g.name]) }],
    work: ({ group }) => send("PUT", at(app, "groups", group), { pin: `${version}$` }) });
  if (!done) return;
  say(`Group ${done.name} is pinned to ${version}.`);
  page.reload();
}

async function remove(app, group, page) {
  const { tag } = await get(at("", "groups", group.name), { app: app.app });
  const ok = await confirm({ title: `Remove group ${group.name}?`, words: ["Its devices belong to the next group that fits, or get the channel that they ask for.", group.machines.length ? `Its list of ${plural(group.machines.length, "device")} is gone then.` : ""].filter(Boolean),
    yes: "Remove", tone: "danger", type: group.machines.length ? group.name : "", work: () => send("DELETE", at(app.app, "groups", group.name), undefined, tag) });
  if (ok) page.reload();
}

export async function mount(root, parameters, page) {
  const apps = await getApps();
  root.append(element("div", { class: "head" }, element("h1", {}, title),
    element("p", { class: "soft grow" }, "A device belongs to the first group that matches; one that none matches gets the channel it asks for.")));
  for (const app of apps)
    root.append(card(app.app, app.groups.length ? table(`Groups of ${app.app}`, [
      { title: "#", kind: "n", value: (g) => g.position },
      { title: "Group", value: (g) => element("span", { class: "strong whole" }, g.name) },
      { title: "Who", value: rule },
      { title: "Gets", value: (g) => (g.channel ? `channel ${g.channel}` : "no updates") },
      { title: "Pinned to", kind: "more", value: (g) => (g.pin ? (g.pin.endsWith("$") ? g.pin.slice(0, -1) : `${g.pin}…`) : "") },
      { title: "Time zone", kind: "more", value: (g) => g.time_zone },
      { title: "Devices", kind: "more", value: (g) => (g.machines.length > SHOWN_MACHINES ? `${g.machines.slice(0, SHOWN_MACHINES).join(", ")} and ${number(g.machines.length - SHOWN_MACHINES)} more` : g.machines.join(", ")) },
      ...column("deploy", { name: (g) => g.name, rows: (g) => [["deploy", "Edit…", () => change(app, g, page)], ["deploy", "Remove…", () => remove(app, g, page), "danger"]] }),
    ], app.groups) : empty("No group.", "All devices get the channel they ask for. A group gives some of them another one.",
      ...(may("deploy") ? [] : ["swb-server group set canaries --channel=beta --machine=ID --machine=ID"])),
    actions(`Groups of ${app.app}`, ["deploy", "New group…", () => change(app, null, page), "primary"])));
  if (!apps.length) root.append(card(null, empty("Nothing is published yet.", "Groups belong to an app; the first published payload makes it.")));
}
