// SPDX-License-Identifier: Apache-2.0
// Rollouts: all of them, and one with its stages, counts and levers.
import { get, getAll, may, now, ready } from "./api.js";
import { levers } from "./actions.js";
import { badge, bar, bytes, card, duration, element, empty, link, moment, number, percent, place, plural, spread, table } from "./dom.js";
import { actions } from "./form.js";
import { mountEdit, mountNew } from "./plan.js";
import { bad, costOf, costOfStage, ended, margin, rolloutStrip, stageState, tallyBar, tallyWords } from "./rollout.js";

export const title = "Rollouts";

function noRollouts() {
  return card(null, empty("No rollout is under way.", "This brings a release to one device in a hundred first, then to ten, then to all, and stops by itself when it is bad.",
    ...(may("deploy") ? [] : ["swb-server rollout create NAME --release=VERSION --stage=1% --stage=10% --stage=100%"])));
}

export async function mount(root, parameters, page) {
  await ready();
  const [app, name, verb] = parameters.path;
  if (name && verb === "plan" && may("deploy")) return mountEdit(root, app, name, page);
  if (name) return mountOne(root, app, name, page);
  if (parameters.query.has("new") && may("deploy")) return mountNew(root, parameters.query, page);
  const list = element("div", { class: "cards" }), past = element("div");
  root.append(element("div", { class: "head" }, element("h1", { class: "grow" }, title),
    actions("Rollouts", ["deploy", "New rollout…", () => { location.hash = "#/rollouts?new="; }, "primary"])), list, past);
  const show = () => list.replaceChildren(...(now.live.rollouts.length ?
    now.live.rollouts.map((r) => card(null, rolloutStrip(r, "h2"), track(r))) : [noRollouts()]));
  show();
  page.follow((topic) => topic === "live" && show());
  const all = await getAll("rollouts", "before", { all: "true" });
  const over = all.filter((r) => r.status === "finished").reverse();
  if (over.length) past.append(card("Finished", pastTable(over)));
}

function pastTable(rollouts) {
  return table("Finished rollouts", [
    { title: "Rollout", value: (r) => link(place("rollouts", r.app, r.name), r.name) },
    { title: "Release", value: (r) => r.release },
    { title: "Channel", kind: "more", value: (r) => r.channel },
    { title: "Admitted", kind: "n", value: (r) => number(r.admitted) },
    { title: "Ok", kind: "n", value: (r) => number(r.ok) },
    { title: "Bad", kind: "n", value: (r) => number(bad(r)) },
  ], rollouts);
}

const find = (app, name) => now.live.rollouts.find((r) => r.app === app && r.name === name);

function stages(rollout, cost) {
  return table("Stages", [
    { title: "Stage", value: (row) => element("span", { class: "strong whole" }, row.size) },
    { title: "", kind: "id", value: (row) => badge(stageState(rollout, rollout.stages.indexOf(row))) },
    { title: "Progress", kind: "wide more", value: (row) => tallyBar(row) },
    { title: "Admitted", kind: "n", value: (row) => number(row.admitted) },
    { title: "Under way", kind: "n more", value: (row) => number(row.under_way) },
    { title: "Ok", kind: "n", value: (row) => number(row.ok) },
    { title: "Failed", kind: "n", value: (row) => number(row.failed) },
    { title: "Fell back", kind: "n more", value: (row) => number(row.fell_back) },
    { title: "Silent", kind: "n more", value: (row) => number(row.silent) },
    { title: "Bakes for", kind: "n more", value: (row) => duration(row.bake_seconds) },
    cost ? { title: "Bytes up to here", kind: "n more", value: (row) => bytes(costOfStage(cost, row)) } : null,
  ].filter(Boolean), rollout.stages);
}

function reasons(rollout) {
  const list = [...rollout.reasons].sort((a, b) => b.devices - a.devices);
  if (!list.length) return empty("Nothing has gone badly.", "Failures, fall-backs and silence are counted here by their reason.");
  return table("What went badly", [
    { title: "Reason", value: (row) => row.reason },
    { title: "", kind: "wide", value: (row) => bar([["bad", row.devices]], list[0].devices, plural(row.devices, "device")) },
    { title: "Devices", kind: "n", value: (row) => number(row.devices) },
  ], list);
}

function marginTable(rollout) {
  return table("How near it is to stopping", [
    { title: "Stops at", value: (row) => (row.note ? element("span", {}, row.name, element("span", { class: "soft" }, ` (${row.note})`)) : row.name) },
    { title: "", kind: "wide", value: (row) => bar([[row.share >= 0.5 ? "bad" : "busy", Math.min(row.share, 1)]], 1, `${row.now} of ${row.limit}`) },
    { title: "Now", kind: "n", value: (row) => row.now },
    { title: "Limit", kind: "n", value: (row) => row.limit },
  ], margin(rollout));
}

function track(rollout) {
  return element("ol", { class: "track", "aria-label": "Stages" }, ...rollout.stages.map((stage, i) => {
    const state = stageState(rollout, i);
    return element("li", { class: state.replace(" ", "-"), "aria-current": i + 1 === rollout.stage ? "step" : null },
      element("b", {}, stage.size), element("span", {}, state));
  }));
}

async function costFor(app, version) {
  const { value: release } = await get(`releases/${encodeURIComponent(version)}`, { app }).catch(() => ({ value: null }));
  return release ? costOf(release, now.overview.versions.filter((row) => row.app === app)) : null;
}

function numbers(rollout) {
  const done = ended(rollout);
  return element("div", { class: "tiles" }, ...[
    ["Admitted", number(rollout.admitted), "plain", `${number(rollout.at_it)} may load now`],
    ["Ok", number(rollout.ok), "good", percent(rollout.ok, done || 1)],
    ["Failed", number(rollout.failed), "bad", percent(rollout.failed, done || 1)],
    ["Fell back", number(rollout.fell_back), "bad", percent(rollout.fell_back, done || 1)],
    ["Silent", number(rollout.silent), "bad", percent(rollout.silent, done || 1)],
  ].map(([name, value, tone, note]) => element("div", { class: `tile ${tone}${value === "0" ? " quiet" : ""}` },
    element("span", { class: "name" }, name), element("b", {}, value), element("span", { class: "note-line" }, note))));
}

function planFacts(rollout, cost) {
  const limits = rollout.limits;
  return spread(
    ["Release", link(place("releases"), rollout.release)],
    ["Channel", rollout.channel], ["App", rollout.app],
    ["Stage open since", moment(rollout.stage_opened)],
    ["Next stage after", `${number(rollout.need_in_stage)} ok, and the time to bake`],
    ["Silent after", duration(limits.silent_after_seconds)],
    ["Overdue after", duration(limits.overdue_after_seconds)],
    limits.class_failures ? ["Hardware is blocked after", plural(limits.class_failures, "bad device")] : null,
    ["Priority", rollout.priority],
    rollout.deadline_seconds ? ["Deadline", `${duration(rollout.deadline_seconds)} after the offer`] : null,
    cost ? ["Still to load, about", `${bytes(cost.bytes)} for ${plural(cost.devices, "device")}`] : null,
    rollout.blocked_hardware.length ? ["Blocked hardware", rollout.blocked_hardware.join(", ")] : null);
}

async function mountOne(root, app, name, page) {
  const rollout = find(app, name) || (await get(`rollouts/${encodeURIComponent(name)}`, { app }).catch(() => ({}))).value;
  const head = element("h1", {}, name);
  if (!rollout) {
    root.append(element("div", { class: "head" }, head), card(null, empty("There is no such rollout.", "It may have been removed.")));
    return;
  }
  const status = element("span"), words = element("p", { class: "reason", hidden: true });
  const parts = { track: element("div"), numbers: element("div"), stages: element("div"), reasons: element("div"), margin: element("div"), plan: element("div"), bar: element("div") };
  const plan = element("button", { type: "button", onclick: () => { location.hash = place("rollouts", app, name, "plan"); } }, "Change the plan…");
  const buttons = levers(rollout, [plan], (verb) => {
    if (verb === "remove") location.hash = "#/rollouts";
    else if (verb === "finish") page.reload();
  });
  let cost = null, wasLive = false;
  root.append(element("p", { class: "trail" }, link("#/rollouts", "Rollouts")),
    element("div", { class: "head" }, head, status, element("p", { class: "soft grow" }, `${rollout.release} to channel ${rollout.channel}`), buttons.node),
    words, parts.numbers, card(null, parts.track, parts.bar, parts.stages),
    element("div", { class: "columns even" }, card("What went badly", parts.reasons),
      card("How near it is to stopping by itself", parts.margin)),
    card("Plan", parts.plan));

  function show() {
    const live = find(app, name), r = live || rollout;
    if (!live && wasLive) return page.reload(); // it has ended, here or elsewhere: shown as it is then
    wasLive = wasLive || Boolean(live);
    buttons.update(r);
    status.replaceChildren(badge(r.status));
    words.hidden = !r.reason;
    words.textContent = r.reason;
    parts.track.replaceChildren(track(r));
    parts.bar.replaceChildren(tallyBar(r), tallyWords(r));
    parts.numbers.replaceChildren(numbers(r));
    parts.stages.replaceChildren(stages(r, cost));
    parts.reasons.replaceChildren(reasons(r));
    parts.margin.replaceChildren(marginTable(r));
    parts.plan.replaceChildren(planFacts(r, cost));
  }

  show();
  page.follow((topic) => topic === "live" && show());
  cost = await costFor(app, rollout.release);
  if (!page.gone) show();
}

