// SPDX-License-Identifier: Apache-2.0
// What changes something: always after a question that says what will happen.
import { at, get, may, send } from "./api.js";
import { element, number, plural, whenClosed } from "./dom.js";
import { bad } from "./rollout.js";

const dialog = () => document.getElementById("dialog");

// Asks, and does it when that is confirmed; a failure is told in the dialog, which then stays. `type`: what has to be typed
// first. `reason`: asks for one.
export function confirm({ title, words, yes, work, tone = "primary", type = "", reason = false }) {
  const box = dialog();
  return new Promise((resolve) => {
    const input = type ? element("input", { id: "confirm-word", autocomplete: "off", spellcheck: "false" }) : null;
    const go = element("button", { type: "submit", class: tone, disabled: Boolean(type) }, yes);
    if (input) input.addEventListener("input", () => { go.disabled = input.value !== type; });
    const why = reason ? element("input", { id: "confirm-reason", autocomplete: "off", maxlength: "300" }) : null;
    const said = element("p", { class: "reason", role: "alert", hidden: true });
    const form = element("form", { method: "dialog", onsubmit: async (event) => {
      event.preventDefault();
      if (go.disabled) return;
      go.disabled = true;
      try {
        await work(why ? why.value.trim() : "");
        box.close("yes");
      } catch (error) {
        said.hidden = false;
        said.textContent = error.message;
        go.disabled = false;
      }
    } },
      element("h2", { id: "dialog-title" }, title), ...words.map((line) => element("p", {}, line)),
      why ? element("label", { for: "confirm-reason" }, "Why (stands beside the rollout, and in the log)") : null, why,
      input ? element("label", { for: "confirm-word" }, `Type ${type} to go on`) : null, input, said,
      element("div", { class: "buttons" }, element("button", { type: "button", onclick: () => box.close("no") }, "Cancel"), go));
    box.classList.remove("wide");
    box.replaceChildren(form);
    box.returnValue = "no";
    whenClosed(box, () => resolve(box.returnValue === "yes"));
    box.showModal();
  });
}

function consequence(verb, r) {
  const stage = r.stages[r.stage - 1], next = r.stages[r.stage];
  if (verb === "pause")
    return ["No further device is offered this release.", `${plural(r.under_way, "device")} that are under way go on with it.`];
  if (verb === "resume")
    return [`Stage ${r.stage} (${stage.size}) goes on.`, bad(r) ? `${plural(bad(r), "device")} that went badly so far no longer count against it.` : "Nothing has gone badly so far."];
  if (verb === "advance")
    return [next ? `Stage ${r.stage + 1} (${next.size}) opens at once, though stage ${r.stage} (${stage.size}) has ${number(stage.ok)} of ${number(r.need_in_stage)} successes that are enough.` : "This is the last stage."];
  if (verb === "finish")
    return [`${r.release} becomes what channel ${r.channel} gives: all of its devices are offered it at their next check, whatever their stage.`, "A rollout that is finished can't be recalled."];
  if (verb === "remove") return ["What is known of its devices and stages is gone then."];
  return ["No further device is offered this release, and it can't be resumed.",
    `Devices that have installed it and not yet started it are told to stay: up to ${number(r.under_way)}.`,
    `${plural(r.ok, "device")} that run it already go on running it.`];
}

const TITLES = { pause: "Pause", resume: "Resume", advance: "Next stage", finish: "Finish", recall: "Recall", remove: "Remove" };
const FINAL = ["recall", "finish", "remove"];

export async function ask(verb, r, done) {
  const { tag } = await get(at("", "rollouts", r.name), { app: r.app });
  const ok = await confirm({ title: `${TITLES[verb]}: rollout ${r.name}?`, words: consequence(verb, r), yes: TITLES[verb], tone: FINAL.includes(verb) ? "danger" : "primary",
    type: FINAL.includes(verb) ? r.name : "", reason: ["pause", "recall"].includes(verb),
    work: (reason) => (verb === "remove" ? send("DELETE", at(r.app, "rollouts", r.name), undefined, tag) :
      send("POST", at(r.app, "rollouts", r.name, verb), reason ? { reason } : undefined, tag)) });
  if (ok && done) done(verb);
}

// Levers of a rollout, for those who may pull them. more: further buttons; done: is told what was done.
export function levers(rollout, more, done) {
  let current = rollout;
  const buttons = Object.fromEntries(Object.keys(TITLES).map((verb) =>
    [verb, element("button", { type: "button", class: FINAL.includes(verb) ? "danger" : "", onclick: () => ask(verb, current, done) }, `${TITLES[verb]}…`)]));
  const node = element("div", { class: "buttons", role: "group", "aria-label": "Change this rollout" }, ...more, ...Object.values(buttons));
  return { node, update(r) {
    node.hidden = !r || !may("deploy");
    if (!r) return;
    current = r;
    const isOpen = ["active", "paused"].includes(r.status);
    for (const button of more) button.hidden = !isOpen;
    buttons.pause.hidden = r.status !== "active";
    buttons.resume.hidden = r.status !== "paused";
    buttons.advance.hidden = r.status !== "active" || r.stage === r.stages.length;
    buttons.finish.hidden = !isOpen;
    buttons.recall.hidden = !isOpen;
    buttons.remove.hidden = isOpen;
  } };
}
