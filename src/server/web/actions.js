// SPDX-License-Identifier: Apache-2.0
// What changes something: always after a question that says what will happen.
import { may, send } from "./api.js";
import { element, number, plural } from "./dom.js";
import { bad } from "./rollout.js";

const dialog = () => document.getElementById("dialog");

// Asks, and does it when that is confirmed; a failure is told in the dialog, which then stays. `type`: what has to be typed
// first. `reason`: asks for one. `command`: only tells what to do on the server, for those who may not do it here.
export function confirm({ title, words, yes, work, tone = "primary", type = "", reason = false, command = "" }) {
  const box = dialog();
  return new Promise((resolve) => {
    const input = type ? element("input", { id: "confirm-word", autocomplete: "off", spellcheck: "false" }) : null;
    const go = command ? null : element("button", { type: "submit", class: tone, disabled: Boolean(type) }, yes);
    if (input) input.addEventListener("input", () => { go.disabled = input.value !== type; });
    const why = reason && !command ? element("input", { id: "confirm-reason", autocomplete: "off", maxlength: "300" }) : null;
    const said = element("p", { class: "reason", role: "alert", hidden: true });
    const form = element("form", { method: "dialog", onsubmit: async (event) => {
      event.preventDefault();
      if (!go || go.disabled) return;
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
      command ? element("pre", { tabindex: "0" }, command) : null,
      why ? element("label", { for: "confirm-reason" }, "Why (stands beside the rollout, and in the log)") : null, why,
      input ? element("label", { for: "confirm-word" }, `Type ${type} to go on`) : null, input, said,
      element("div", { class: "buttons" }, element("button", { type: "button", onclick: () => box.close("no") }, command ? "Close" : "Cancel"), go));
    box.replaceChildren(form);
    box.returnValue = "no";
    box.addEventListener("close", () => resolve(box.returnValue === "yes"), { once: true });
    box.showModal();
  });
}

function consequence(verb, r) {
  if (verb === "pause")
    return ["No further device is offered this release.", `${plural(r.under_way, "device")} that are under way go on with it.`];
  if (verb === "resume")
    return [`Stage ${r.stage} (${r.stages[r.stage - 1].size}) goes on.`, bad(r) ? `${plural(bad(r), "device")} that went badly so far no longer count against it.` : "Nothing has gone badly so far."];
  return ["No further device is offered this release, and it can't be resumed.",
    `Devices that have installed it and not yet started it are told to stay: up to ${number(r.under_way)}.`,
    `${plural(r.ok, "device")} that run it already go on running it.`];
}

const TITLES = { pause: "Pause", resume: "Resume", recall: "Recall" };

export async function ask(verb, r) {
  const title = `${TITLES[verb]} rollout ${r.name}?`, hasReason = verb !== "resume";
  if (!may("deploy"))
    return confirm({ title, words: [...consequence(verb, r), "You may only look. On the server:"],
      command: `swb-server rollout ${verb} ${r.name}${hasReason ? " --reason=TEXT" : ""}` });
  return confirm({ title, words: consequence(verb, r), yes: TITLES[verb], tone: verb === "recall" ? "danger" : "primary",
    type: verb === "recall" ? r.name : "", reason: hasReason,
    work: (reason) => send("POST", `rollouts/${encodeURIComponent(r.name)}/${verb}?app=${encodeURIComponent(r.app)}`, reason ? { reason } : undefined) });
}

export function levers(rollout) {
  let current = rollout;
  const buttons = Object.fromEntries(Object.keys(TITLES).map((verb) =>
    [verb, element("button", { type: "button", class: verb === "recall" ? "danger" : "", onclick: () => ask(verb, current) }, `${TITLES[verb]}…`)]));
  const node = element("div", { class: "buttons", role: "group", "aria-label": "Change this rollout" }, ...Object.values(buttons));
  return { node, update(r) {
    node.hidden = !r;
    if (!r) return;
    current = r;
    buttons.pause.hidden = r.status !== "active";
    buttons.resume.hidden = r.status !== "paused";
    buttons.recall.hidden = r.status === "recalled";
  } };
}
