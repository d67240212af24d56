// SPDX-License-Identifier: Apache-2.0
// Forms: fields with their labels and hints, what is wrong beside the field, and the dialog that they stand in.
import { ApiError, may } from "./api.js";
import { element, whenClosed } from "./dom.js";

let counter = 0;

export class FieldError extends Error {
  constructor(field, message) {
    super(message);
    this.field = field;
  }
}

const UNITS = { s: 1, sec: 1, m: 60, min: 60, h: 3600, d: 86400, w: 604800 };

// "90 min", "4h", "1d 12h"; a number alone is seconds.
function readDuration(name, text) {
  let seconds = 0, rest = text.trim();
  if (/^\d+$/.test(rest)) return Number(rest);
  while (rest) {
    const piece = /^(\d+(?:\.\d+)?)\s*([a-z]+)\s*/.exec(rest);
    if (!piece || !(piece[2] in UNITS)) throw new FieldError(name, "A time is written as 30min, 4h or 14d.");
    seconds += Number(piece[1]) * UNITS[piece[2]];
    rest = rest.slice(piece[0].length);
  }
  return Math.round(seconds);
}

export function durationText(seconds) {
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) if (seconds && seconds % size === 0) return `${seconds / size}${unit}`;
  return seconds ? `${seconds}s` : "0";
}

function readSize(name, text) {
  const piece = /^(\d+(?:\.\d+)?)\s*([kmgt]?)b?$/i.exec(text.trim());
  if (!piece) throw new FieldError(name, "A size is written as 500 MB or 2 GB.");
  return Math.round(Number(piece[1]) * 1000 ** ["", "k", "m", "g", "t"].indexOf(piece[2].toLowerCase()));
}

// Exactly so many bytes: what is saved unchanged stays the same.
export function sizeText(value) {
  for (const [unit, size] of [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]])
    if (value >= size && value % (size / 1000) === 0) return `${value / size} ${unit}`;
  return value ? String(value) : "";
}

const READERS = {
  number: (name, text) => {
    if (!/^\d+$/.test(text.trim())) throw new FieldError(name, "A whole number, 0 or more.");
    return Number(text.trim());
  },
  duration: readDuration,
  size: readSize,
  lines: (name, text) => text.split(/[\s,]+/).filter(Boolean),
};

function control(field, id) {
  const common = { id, name: field.name, "aria-describedby": `${id}-hint ${id}-wrong`, autocomplete: field.complete || "off" };
  if (field.kind === "select")
    return element("select", common, ...field.options.map(([value, words]) => element("option", { value, selected: value === (field.value ?? "") }, words)));
  if (field.kind === "check") return element("input", { ...common, type: "checkbox", checked: Boolean(field.value) });
  if (field.kind === "file") return element("input", { ...common, type: "file", accept: field.accept, multiple: Boolean(field.many) });
  if (field.kind === "lines" || field.kind === "area") {
    const area = element("textarea", { ...common, rows: field.rows || 4, spellcheck: "false" });
    area.value = Array.isArray(field.value) ? field.value.join("\n") : field.value ?? "";
    return area;
  }
  return element("input", { ...common, type: field.kind === "password" ? "password" : "text", value: field.value ?? "", spellcheck: "false", autocapitalize: "none",
    inputmode: field.kind === "number" ? "numeric" : null, list: field.choices ? `${id}-list` : null });
}

function build(field) {
  const id = `field-${++counter}-${field.name}`;
  const input = control(field, id);
  const wrong = element("p", { class: "wrong", id: `${id}-wrong`, hidden: true });
  const hint = element("p", { class: "hint", id: `${id}-hint`, hidden: !field.hint }, field.hint || "");
  const label = element("label", { for: id }, field.label);
  const choices = field.choices ? element("datalist", { id: `${id}-list` }, ...field.choices.map((value) => element("option", { value }))) : null;
  const node = element("div", { class: `field ${field.kind || "text"}` }, ...(field.kind === "check" ? [input, label] : [label, input]), choices, hint, wrong);
  return { ...field, input, wrong, node };
}

function valueOf(field, isDraft) {
  const { input, kind, name } = field;
  if (kind === "check") return input.checked;
  if (kind === "file") return field.many ? [...input.files] : input.files[0];
  const text = kind === "password" || kind === "area" ? input.value : input.value.trim();
  if (!text && field.required && !isDraft) throw new FieldError(name, "This is needed.");
  if (!text && kind !== "lines") return field.empty === undefined ? (kind && READERS[kind] ? undefined : "") : field.empty;
  return READERS[kind] ? READERS[kind](name, text) : text;
}

// A group of fields. read(): their values by name; throws at the first that makes no sense. Of a draft, what is needed may lack.
export class Fields {
  constructor(list) {
    this.list = list.filter(Boolean).map(build);
    this.nodes = this.list.map((field) => field.node);
  }

  get(name) {
    return this.list.find((field) => field.name === name);
  }

  read(isDraft = false) {
    this.clear();
    return Object.fromEntries(this.list.map((field) => [field.name, valueOf(field, isDraft)]).filter(([, value]) => value !== undefined));
  }

  clear() {
    for (const field of this.list) {
      field.wrong.hidden = true;
      field.input.removeAttribute("aria-invalid");
    }
  }

  // Beside the field that the words are about, if there is one.
  tell(error) {
    const named = this.list.find((field) => error.field === field.name || (error instanceof ApiError && (error.message.includes(`'${field.name}'`) || (field.also && error.message.includes(field.also)))));
    if (!named) return false;
    named.wrong.textContent = error.message;
    named.wrong.hidden = false;
    named.input.setAttribute("aria-invalid", "true");
    named.input.focus();
    return true;
  }
}

// Runs work() for a form's button, and tells what went wrong.
export async function attempt({ fields, said, button, work }) {
  said.hidden = true;
  button.disabled = true;
  try {
    return { value: await work(fields ? fields.read() : {}) };
  } catch (error) {
    if (!fields || !fields.tell(error)) {
      said.hidden = false;
      said.textContent = error.status === 412 ? "Somebody else has changed it since you opened this. Close it and look again before you change it." : error.message;
    }
    return null;
  } finally {
    button.disabled = false;
  }
}

// Asks for values and works with them. Resolves to what work() returned, or null when it was given up.
export function edit({ title, words = [], fields: list = [], yes = "Save", tone = "primary", work, beside = null, wide = false }) {
  const box = document.getElementById("dialog"), fields = new Fields(list);
  const said = element("p", { class: "reason", role: "alert", hidden: true });
  const go = element("button", { type: "submit", class: tone }, yes);
  return new Promise((resolve) => {
    let result = null;
    const form = element("form", { method: "dialog", onsubmit: async (event) => {
      event.preventDefault();
      if (go.disabled) return;
      const done = await attempt({ fields, said, button: go, work });
      if (!done) return;
      result = done.value ?? true;
      box.close("yes");
    } }, element("h2", { id: "dialog-title" }, title), ...words.map((line) => (line instanceof Node ? line : element("p", {}, line))), ...fields.nodes,
    beside ? beside(fields) : null, said,
    element("div", { class: "buttons" }, element("button", { type: "button", onclick: () => box.close("no") }, "Cancel"), go));
    box.classList.toggle("wide", wide);
    box.replaceChildren(form);
    whenClosed(box, () => resolve(result));
    box.showModal();
    if (fields.list.length) fields.list[0].input.focus();
  });
}

// Shows a secret that is never shown again.
export function reveal(title, words, secret) {
  const box = document.getElementById("dialog");
  box.classList.remove("wide");
  return new Promise((resolve) => {
    box.replaceChildren(element("form", { method: "dialog" }, element("h2", { id: "dialog-title" }, title), element("p", {}, words),
      element("pre", { tabindex: "0", id: "secret" }, secret), element("div", { class: "buttons" }, element("button", { type: "submit", class: "primary" }, "I have kept it"))));
    whenClosed(box, resolve);
    box.showModal();
  });
}

// Buttons for those who may; nothing for others. rows: [scope, words, work, tone].
export function actions(label, ...rows) {
  const list = rows.filter((row) => row && may(row[0])).map(([, words, work, tone = ""]) =>
    element("button", { type: "button", class: tone, onclick: work }, words));
  return list.length ? element("div", { class: "buttons", role: "group", "aria-label": label }, ...list) : null;
}

// A column of small buttons, where there is somebody who may press them.
export const column = (scope, of) => (may(scope) ? [{ title: "", kind: "act", value: (row) => actions(`Change ${of.name(row)}`, ...of.rows(row)) ?? "" }] : []);

let quiet = 0;

// What was done, for a moment, also by ear.
export function say(words) {
  const said = document.getElementById("said");
  said.textContent = words;
  said.hidden = false;
  clearTimeout(quiet);
  quiet = setTimeout(() => { said.hidden = true; }, 6000);
}
