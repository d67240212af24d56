// SPDX-License-Identifier: Apache-2.0
// A rollout's plan as a form: to begin one, and to change one that is under way.
import { at, get, getApps, now, ready, send } from "./api.js";
import { bytes, card, compareVersions, duration, element, empty, link, number, place, plural, table } from "./dom.js";
import { attempt, durationText, FieldError, Fields, say } from "./form.js";
import { costOf, costOfStage } from "./rollout.js";

const USUAL = [{ size: "1%" }, { size: "10%" }, { size: "50%" }, { size: "100%" }];
const HOUR = 3600, DAY = 24 * HOUR;
const LIMITS = { max_failures: 50, max_failure_ppm: 20000, min_sample: 25, class_failures: 5, silent_after_seconds: DAY, overdue_after_seconds: 14 * DAY };
const PRIORITIES = [["normal", "normal"], ["low", "low"], ["high", "high: no cap of bytes holds it back"]];

// --- stages ---

const cell = (label, value, hint) => {
  const input = element("input", { value: value ?? "", placeholder: hint, spellcheck: "false", autocomplete: "off" });
  return { input, node: element("label", {}, element("span", { class: "caption" }, label), input) };
};

class Stages {
  constructor(stages, changed) {
    this.rows = [];
    this.changed = changed;
    this.list = element("ol", { class: "stages" });
    this.wrong = element("p", { class: "wrong", role: "alert", hidden: true });
    const more = element("button", { type: "button", onclick: () => { this.add({ size: "100%" }).size.input.focus(); changed(); } }, "One more stage");
    this.node = element("fieldset", { class: "field" }, element("legend", {}, "Stages"), this.list, this.wrong, element("div", { class: "buttons" }, more));
    stages.forEach((stage) => this.add(stage));
  }

  add(stage) {
    const row = {
      size: cell("Devices", stage.size && stage.size.replace(" devices", ""), "10% or 50"),
      bake: cell("Bakes for", stage.bake_seconds === undefined ? "" : durationText(stage.bake_seconds), "1d"),
      need: cell("Enough ok", stage.need, "10"),
      concurrency: cell("At once", stage.concurrency || "", "no limit"),
      rate: cell("Not more than", stage.rate ? `${stage.rate}/${durationText(stage.rate_seconds)}` : "", "as 100/1h"),
    };
    const drop = element("button", { type: "button", "aria-label": "Leave this stage out", onclick: () => {
      if (this.rows.length < 2) return;
      this.rows.splice(this.rows.indexOf(row), 1);
      row.node.remove();
      this.rows[0].size.input.focus();
      this.changed();
    } }, "✕");
    row.node = element("li", {}, ...["size", "bake", "need", "concurrency", "rate"].map((name) => row[name].node), drop);
    row.node.addEventListener("input", () => this.changed());
    this.rows.push(row);
    this.list.append(row.node);
    return row;
  }

  // As the server reads them: 10%:bake=1h:need=20.
  read() {
    this.wrong.hidden = true;
    return this.rows.map((row) => {
      const text = (name) => row[name].input.value.trim().replaceAll(" ", "");
      if (!text("size")) throw new FieldError("stages", "A stage needs a share of the devices (10%) or a number of them (50).");
      return [text("size"), ...["bake", "need", "concurrency", "rate"].filter((name) => text(name)).map((name) => `${name}=${text(name)}`)].join(":");
    });
  }

  tell(error) {
    if (error.field !== "stages" && !error.message.includes("'stages'") && !error.message.includes("stage ")) return false;
    this.wrong.textContent = error.message;
    this.wrong.hidden = false;
    this.rows[0].size.input.focus();
    return true;
  }

  // For the cost: what is shown need not be right yet.
  sizes() {
    return this.rows.map((row) => row.size.input.value.trim()).map((text) => {
      const share = /^(\d+(?:\.\d+)?)\s*%$/.exec(text);
      if (share) return { size: text, share_ppm: Math.round(Number(share[1]) * 1e4), max_devices: 0 };
      return /^\d+$/.test(text) ? { size: plural(Number(text), "device"), share_ppm: 0, max_devices: Number(text) } : { size: text, share_ppm: 0, max_devices: 0 };
    });
  }
}

// --- the rest of the plan ---

const limitFields = (plan) => [
  { name: "max_failures", label: "Stops at so many bad devices", kind: "number", value: plan.limits.max_failures, hint: "0: not by this" },
  { name: "max_failure_rate", label: "Stops at this share that goes badly", value: `${plan.limits.max_failure_ppm / 1e4}%`, hint: "as 2%; 0%: not by this" },
  { name: "min_sample", label: "The share counts from so many on", kind: "number", value: plan.limits.min_sample },
  { name: "class_failures", label: "Bad devices that block their hardware class", kind: "number", value: plan.limits.class_failures, hint: "0: never" },
  { name: "silent_after_seconds", label: "A device is silent after", kind: "duration", value: durationText(plan.limits.silent_after_seconds) },
  { name: "overdue_after_seconds", label: "A device is overdue after", kind: "duration", value: durationText(plan.limits.overdue_after_seconds) },
];

const timeFields = (plan) => [
  { name: "hours", label: "Only in these hours", value: plan.hours, hint: "as Mon-Fri 22:00-23:59, up to 8 with commas between; empty: always" },
  { name: "time_zone", label: "Time zone of the hours", value: plan.time_zone, hint: "as Europe/Berlin; empty: UTC" },
  { name: "deadline_seconds", label: "Devices put it off for at most", kind: "duration", value: plan.deadline_seconds ? durationText(plan.deadline_seconds) : "", empty: 0, hint: "from the offer on, as 7d; empty: as long as their policy allows" },
  { name: "priority", label: "Priority", kind: "select", value: plan.priority, options: PRIORITIES },
];

function costTable(cost, sizes) {
  const head = cost.devices ? [element("p", {}, element("b", {}, `Up to ${bytes(cost.bytes)}`), ` for ${plural(cost.devices, "device")} that run something older`,
    cost.delta_devices ? `, ${number(cost.delta_devices)} of them by delta` : "", ". Devices that follow another channel stay away.")] :
    [element("p", {}, "No device runs something older: there is nothing to load.")];
  if (cost.stranded) head.push(element("p", { class: "reason" }, `${plural(cost.stranded, "device")} can't get it: there is no full payload, and no delta from what they run.`));
  return element("div", {}, ...head, table("Cost by stage", [
    { title: "Stage", value: (row) => row.size || "–" },
    { title: "Bytes up to here, about", kind: "n", value: (row) => bytes(costOfStage(cost, row)) },
  ], sizes));
}

// fields above the plan; plan: what is there; cost(): of the release that is chosen; work(body): sends it.
function planForm({ above, plan, cost, yes, work, back }) {
  const price = element("div", { role: "status" });
  const show = () => { const known = cost(); price.replaceChildren(known ? costTable(known, stages.sizes()) : element("p", {}, "Choose a release.")); };
  const stages = new Stages(plan.stages, show), time = new Fields(timeFields(plan)), limits = new Fields(limitFields(plan));
  const said = element("p", { class: "reason", role: "alert", hidden: true });
  const go = element("button", { type: "submit", class: "primary" }, yes);
  const every = { read: () => ({ ...(above ? above.read() : {}), stages: stages.read(), ...time.read(), ...limits.read() }),
    tell: (error) => stages.tell(error) || [above, time, limits].some((fields) => fields && fields.tell(error)) };
  if (above) for (const field of above.list) field.input.addEventListener("input", show);
  show();
  return element("form", { class: "plan", onsubmit: (event) => {
    event.preventDefault();
    attempt({ fields: every, said, button: go, work });
  } }, element("div", { class: "columns" }, element("div", { class: "broad" },
    above ? card("What", element("div", { class: "grid" }, ...above.nodes)) : null, card(null, stages.node),
    card("When", element("div", { class: "grid" }, ...time.nodes)), card("When it stops by itself", element("div", { class: "grid" }, ...limits.nodes))),
  element("div", { class: "slim" }, card("What it costs", price), said, element("div", { class: "buttons" }, go, link(back, "Cancel")))));
}

export async function mountNew(root, query, page) {
  await ready();
  const apps = await getApps(), app = apps.find((a) => a.app === query.get("new")) || apps.find((a) => a.releases.length);
  root.append(element("p", { class: "trail" }, link("#/rollouts", "Rollouts")), element("div", { class: "head" }, element("h1", {}, "New rollout"), app ? element("p", { class: "soft" }, app.app) : null));
  if (!app || !app.releases.length) {
    root.append(card(null, empty("There is no release to roll out.", "Publish one first.")));
    return;
  }
  const releases = [...app.releases].sort((a, b) => compareVersions(b.version, a.version)), wanted = query.get("release") || releases[0].version;
  const above = new Fields([
    { name: "name", label: "Name", required: true, also: "name of a rollout" },
    { name: "release", label: "Release", kind: "select", value: wanted, options: releases.map((r) => [r.version, r.version]) },
    { name: "channel", label: "To the devices of channel", kind: "select", value: app.default_channel, options: app.channels.map((c) => [c.name, `${c.name}, which gives ${c.release ?? "nothing"}`]), also: "channel" },
  ]);
  const rows = now.overview.versions.filter((row) => row.app === app.app);
  const release = () => releases.find((r) => r.version === above.get("release").input.value);
  const others = apps.filter((a) => a !== app && a.releases.length);
  root.append(planForm({ above, plan: { stages: USUAL, limits: LIMITS, hours: "", time_zone: "", deadline_seconds: 0, priority: "normal" }, yes: "Begin the rollout", back: "#/rollouts",
    cost: () => (release() ? costOf(release(), rows) : null),
    work: async (body) => {
      const made = await send("POST", at(app.app, "rollouts"), body);
      say(`Rollout ${made.name} has begun with ${made.stages[0].size}.`);
      if (!page.gone) location.hash = place("rollouts", made.app, made.name);
    } }));
  if (others.length) root.append(element("p", { class: "soft" }, "Of another app: ", ...others.flatMap((a) => [link(`#/rollouts?new=${encodeURIComponent(a.app)}`, a.app), " "])));
}

export async function mountEdit(root, app, name, page) {
  await ready();
  const { value: rollout, tag } = await get(at("", "rollouts", name), { app });
  const { value: release } = await get(at("", "releases", rollout.release), { app });
  const back = place("rollouts", app, name);
  root.append(element("p", { class: "trail" }, link(back, name)), element("div", { class: "head" }, element("h1", {}, `Plan of ${name}`),
    element("p", { class: "soft" }, `${rollout.release} to channel ${rollout.channel}, at stage ${rollout.stage} since ${duration((Date.now() - new Date(rollout.stage_opened)) / 1000)}`)),
  planForm({ plan: rollout, yes: "Save the plan", back, cost: () => costOf(release, now.overview.versions.filter((row) => row.app === app)),
    work: async (body) => {
      await send("PATCH", at(app, "rollouts", name), body, tag);
      say(`The plan of ${name} is saved.`);
      if (!page.gone) location.hash = back;
    } }));
}
