// SPDX-License-Identifier: Apache-2.0
// Groups: which devices get which channel, in the order in which they are asked.
import { getApps } from "./api.js";
import { card, element, empty, number, table } from "./dom.js";

export const title = "Groups";
const SHOWN_MACHINES = 6;

function rule(group) {
  const parts = [group.hardware_class ? `hardware ${group.hardware_class}` : "", group.board ? `board ${group.board}` : "", group.track ? `asks for ${group.track}` : "", group.versions ? `runs ${group.versions}` : "",
    group.tag ? `tag ${group.tag}` : "",
    group.only_machines ? `${number(group.machines.length)} listed devices` : ""].filter(Boolean);
  return parts.length ? parts.join(", ") : "every device";
}

export async function mount(root) {
  const apps = await getApps();
  root.append(element("div", { class: "head" }, element("h1", {}, title),
    element("p", { class: "soft" }, "A device belongs to the first group that matches; one that none matches gets the channel it asks for.")));
  for (const app of apps)
    root.append(card(app.app, app.groups.length ? table(`Groups of ${app.app}`, [
      { title: "#", kind: "n", value: (g) => g.position },
      { title: "Group", value: (g) => element("span", { class: "strong whole" }, g.name) },
      { title: "Who", value: rule },
      { title: "Gets", value: (g) => (g.channel ? `channel ${g.channel}` : "no updates") },
      { title: "Pinned to", kind: "more", value: (g) => (g.pin ? `${g.pin}…` : "") },
      { title: "Time zone", kind: "more", value: (g) => g.time_zone },
      { title: "Devices", kind: "more", value: (g) => (g.machines.length > SHOWN_MACHINES ? `${g.machines.slice(0, SHOWN_MACHINES).join(", ")} and ${number(g.machines.length - SHOWN_MACHINES)} more` : g.machines.join(", ")) },
    ], app.groups) : empty("No group.", "All devices get the channel they ask for. This gives a few of them another one:",
      "swb-server group set canaries --channel=beta --machine=ID --machine=ID")));
  if (!apps.length) root.append(card(null, empty("Nothing is published yet.", "Groups belong to an app; the first published payload makes it.")));
}
