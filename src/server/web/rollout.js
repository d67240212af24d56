// SPDX-License-Identifier: Apache-2.0
// What several pages show of a rollout.
import { badge, bar, compareVersions, element, link, number, percent, place } from "./dom.js";

export const bad = (tally) => tally.failed + tally.fell_back + tally.silent;
export const ended = (tally) => tally.ok + bad(tally);

export function tallyBar(tally) {
  return bar([["good", tally.ok], ["bad", bad(tally)], ["busy", tally.under_way]], tally.admitted,
    `${number(tally.ok)} ok, ${number(bad(tally))} bad, ${number(tally.under_way)} under way`);
}

export function tallyWords(tally) {
  return element("p", { class: "legend" },
    element("span", { class: "good" }, `${number(tally.ok)} ok`),
    element("span", { class: "bad" }, `${number(bad(tally))} bad`),
    element("span", { class: "busy" }, `${number(tally.under_way)} under way`));
}

export function rolloutStrip(rollout, heading = "h3") {
  return element("article", { class: "strip" },
    element("div", { class: "row" },
      element(heading, {}, link(place("rollouts", rollout.app, rollout.name), rollout.name)),
      badge(rollout.status)),
    element("p", { class: "soft" }, `${rollout.release} to ${rollout.channel}, stage ${rollout.stage} of ${rollout.stages.length} (${rollout.stages[rollout.stage - 1].size})`),
    tallyBar(rollout), tallyWords(rollout),
    rollout.reason ? element("p", { class: "reason" }, rollout.reason) : null);
}

// --- what it costs ---

// Bytes that the devices with these versions (rows of the overview) load to get this release.
export function costOf(release, versions) {
  const full = release.payloads.find((payload) => !payload.is_delta);
  const cost = { devices: 0, bytes: 0, delta_devices: 0, delta_bytes: 0, full_devices: 0, full_bytes: 0, stranded: 0, full_only: 0 };
  for (const row of versions) {
    if (compareVersions(row.version, release.version) >= 0) continue;
    const delta = release.payloads.find((payload) => payload.is_delta && payload.source_version === row.version);
    const payload = delta || full;
    if (!payload) {
      cost.stranded += row.devices;
      continue;
    }
    const kind = delta ? "delta" : "full";
    cost.devices += row.devices;
    cost.bytes += row.devices * payload.size;
    cost[`${kind}_devices`] += row.devices;
    cost[`${kind}_bytes`] += row.devices * payload.size;
    cost.full_only += row.devices * (full ? full.size : payload.size);
  }
  return cost;
}

// Of a stage and those before it.
export function costOfStage(cost, stage) {
  if (stage.max_devices || !stage.share_ppm) return cost.devices ? (cost.bytes / cost.devices) * Math.min(stage.max_devices, cost.devices) : 0;
  return (cost.bytes * stage.share_ppm) / 1e6;
}

export function stageState(rollout, index) {
  if (rollout.status === "finished" || index + 1 < rollout.stage) return "passed";
  if (index + 1 > rollout.stage) return "to come";
  return rollout.status === "active" ? "open" : rollout.status;
}

// How near the rollout is to stopping by itself.
export function margin(rollout) {
  // Counted from the last resume on.
  const limits = rollout.limits, worst = Math.max(bad(rollout) - rollout.forgiven_bad, 0), done = Math.max(ended(rollout) - rollout.forgiven_ended, 0);
  const lines = [];
  if (limits.max_failures) lines.push({ name: "Bad devices", now: number(worst), limit: number(limits.max_failures), share: worst / limits.max_failures });
  if (limits.max_failure_ppm) {
    const counts = done >= limits.min_sample;
    lines.push({ name: "Share that goes badly", now: percent(worst, done), limit: percent(limits.max_failure_ppm, 1e6),
      share: counts && done ? worst / done / (limits.max_failure_ppm / 1e6) : 0,
      note: counts ? "" : `counts from ${number(limits.min_sample)} ended on` });
  }
  return lines;
}
