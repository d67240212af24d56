// SPDX-License-Identifier: Apache-2.0
// What changes something: always after a question that says what will happen.
import { bad } from "./rollout.js";
import { element, number, plural } from "./dom.js";

const dialog = () => document.getElementById("dialog");

// Asks; resolves to true when it was confirmed. `type`: what has to be typed first.
export function confirm({ title, words, yes, tone = "", type = "", command = "" }) {
  const box = dialog();
  return new Promise((resolve) => {
    const input = type ? element("input", { id: "confirm-word", autocomplete: "off", spellcheck: "false" }) : null;
    const go = command ? null : element("button", { type: "submit", class: tone, disabled: Boolean(type) }, yes);
    if (input) input.addEventListener("input", () => { go.disabled = input.value !== type; });
    const form = element("form", { method: "dialog", onsubmit: (event) => {
      event.preventDefault();
      box.close("yes");
    } },
      element("h2", { id: "dialog-title" }, title), ...words.map((line) => element("p", {}, line)),
      command ? element("pre", { tabindex: "0" }, command) : null,
      input ? element("label", { for: "confirm-word" }, `Type ${type} to go on`) : null, input,
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
  await confirm({ title: `${TITLES[verb]} rollout ${r.name}?`, words: [...consequence(verb, r), "On the server:"],
    command: `swb-server rollout ${verb} ${r.name}${verb === "resume" ? "" : " --reason=TEXT"}` });
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
